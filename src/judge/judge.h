/* judge.h - findings to what a person does about them: key, priority, fix command, verdict. */
#pragma once
#include "judge/ignore.h"
#include "judge/policy.h"
#include "judge/vex.h"
#include "model/report.h"

struct pl_judge_opts {
    bool fail_on_set;
    enum pl_severity fail_on;
    unsigned severities; /* bit per enum pl_severity that is shown; 0: all */
    bool ignore_unfixed;
    /* Borrowed for the call; each may be NULL. */
    const struct pl_ignores *ignores;
    const struct pl_vex *vex;
    const struct pl_policy *policy;
    const struct pl_log *log;
};

/* Applies VEX and then the ignore file, finds the base image where nobody has. Sorts findings and
 * gaps, fills what match left open, drops what the filters leave out (and counts it), decides the
 * verdict. Findings of lesser standing are kept: nothing is hidden that no filter named. */
pl_rc pl_judge(struct pl_report *report, const struct pl_judge_opts *o, struct pl_arena *keep,
               struct pl_err *err) PL_CHECKED;
