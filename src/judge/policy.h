/* policy.h - a policy file: which findings and which gaps in our knowledge deny, warn or are
 * allowed. docs/policy.md describes it for people, with examples.
 *
 * Each finding is decided by the first rule that matches it, so that an exception stands above what
 * it is an exception from; so is each class's coverage. One denial denies the image. */
#pragma once
#include "model/report.h"

struct pl_policy;

pl_rc pl_policy_read(const char *file, struct pl_policy **out, struct pl_err *err) PL_CHECKED;
void pl_policy_free(struct pl_policy *p);
PL_AUTO_DEFINE(policy, struct pl_policy *, pl_policy_free)

/* Decides report->verdict from all findings that are not suppressed. Reasons name the rule and what
 * it met; those of rules that warn begin with "warning: " and deny nothing. */
pl_rc pl_policy_decide(const struct pl_policy *p, struct pl_report *report, struct pl_arena *keep,
                       struct pl_err *err) PL_CHECKED;
