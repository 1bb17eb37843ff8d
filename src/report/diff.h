/* diff.h - two reports side by side: what is new, gone, changed.
 *
 * Findings are the same when their keys are, whatever their version and layer. Suppressed findings
 * count as not there: what is suppressed since is gone, and says by what. */
#pragma once
#include "report/document.h"

enum pl_diff_kind { PL_DIFF_NEW, PL_DIFF_GONE, PL_DIFF_CHANGED, PL_DIFF_KINDS };

struct pl_diff_item {
    enum pl_diff_kind kind;
    const struct pl_finding *before, *after; /* NULL: not there */
    const struct pl_finding *suppressed;     /* of what is gone: as it is in the second; NULL not */
    bool severity, status, fixed_version, exploited; /* what changed */
};

struct pl_diff {
    const struct pl_report *before, *after;
    struct pl_diff_item *items; /* by kind, layer, package, then worst first */
    size_t n, n_of[PL_DIFF_KINDS], n_same;
};

/* Everything is borrowed from the reports or held by a. PL_ENOMEM. */
pl_rc pl_diff_make(const struct pl_report *before, const struct pl_report *after,
                   struct pl_arena *a, struct pl_diff *out, struct pl_err *err) PL_CHECKED;
/* The finding to show, and the report that it is of. */
const struct pl_finding *pl_diff_finding(const struct pl_diff_item *i);
const struct pl_report *pl_diff_report(const struct pl_diff *d, const struct pl_diff_item *i);
/* Is there a new one of this severity or worse? */
bool pl_diff_new_at(const struct pl_diff *d, enum pl_severity at);
/* Why two reports cannot be compared as they stand: another database, not all looked at. In a; n
 * sentences, at most 3. */
size_t pl_diff_reserves(const struct pl_diff *d, struct pl_arena *a, pl_span out[3]);

/* The text for a screen (diff_text.c), and JSON, schema plimsoll.diff/1 (diff_json.c). */
pl_rc pl_diff_text(const struct pl_diff *d, const struct pl_format_opts *o, FILE *out,
                   struct pl_err *err) PL_CHECKED;
pl_rc pl_diff_json(const struct pl_diff *d, FILE *out, struct pl_err *err) PL_CHECKED;
