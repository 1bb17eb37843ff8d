/* judge.h - findings to what a person does about them: key, priority, fix command, verdict. */
#pragma once
#include "model/report.h"

struct pl_judge_opts {
    bool fail_on_set;
    enum pl_severity fail_on;
    unsigned severities; /* bit per enum pl_severity that is shown; 0: all */
    bool ignore_unfixed;
};

/* Sorts findings and gaps, fills what match left open, drops what the filters leave out (and
 * counts it), decides the verdict. Findings of lesser standing are kept: nothing is hidden that no
 * filter named. */
pl_rc pl_judge(struct pl_report *report, const struct pl_judge_opts *o, struct pl_arena *keep,
               struct pl_err *err) PL_CHECKED;
