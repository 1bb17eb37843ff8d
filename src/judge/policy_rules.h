/* policy_rules.h - a policy as it was read; policy.c reads it, policy_decide.c uses it. */
#pragma once
#include "base/yaml.h"
#include "judge/policy.h"

enum pl_action { PL_ACTION_ALLOW, PL_ACTION_WARN, PL_ACTION_DENY };

enum { /* bits of pl_rule.coverage beside 1 << enum pl_coverage_state */
       PL_COVERAGE_BIT_GAPS = 1 << 8,
};

struct pl_rule {
    pl_span name;
    enum pl_action action;
    unsigned line;
    /* Each: 0 or empty: not asked. */
    unsigned classes, severities, priorities, coverage;
    const struct pl_yaml **ids, **packages, **types, **statuses;
    size_t n_ids, n_packages, n_types, n_statuses;
    double age_days_min, epss_min;      /* < 0: not asked */
    int fixable, known_exploited, base; /* -1: not asked */
};

struct pl_policy {
    struct pl_arena a;
    const char *file;
    pl_span name;
    enum pl_action otherwise;
    struct pl_rule *rules;
    size_t n_rules;
};
