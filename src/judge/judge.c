#include "judge/judge.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/map.h"
#include "judge/base.h"
#include "judge/mend.h"
#include "judge/naming.h"
#include "judge/priority.h"

static bool is_vulnerability(const struct pl_finding *f)
{
    return f->class_id == PL_CLASS_OS_VULN || f->class_id == PL_CLASS_APP_VULN;
}

/* ---- order ---- */

static int by_number(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_standing(const void *x, const void *y)
{
    const struct pl_finding *a = x, *b = y;
    int order = by_number(a->class_id, b->class_id);
    order = order ? order : by_number(b->severity, a->severity);
    order = order ? order : pl_span_cmp(a->id, b->id);
    order = order ? order : by_number(a->package, b->package);
    order = order ? order : pl_span_cmp(a->path, b->path);
    order = order ? order : by_number(a->line, b->line);
    order = order ? order : pl_span_cmp(a->match, b->match);
    order = order ? order : by_number(a->layer, b->layer);
    return order ? order : pl_span_cmp(a->cause, b->cause);
}

static int by_gap(const void *x, const void *y)
{
    const struct pl_gap *a = x, *b = y;
    int order = pl_span_cmp(a->class_name, b->class_name);
    order = order ? order : by_number(a->layer, b->layer);
    order = order ? order : pl_span_cmp(a->path, b->path);
    order = order ? order : pl_span_cmp(a->reason, b->reason);
    return order ? order : pl_span_cmp(a->detail, b->detail);
}

static int by_bytes(const void *x, const void *y)
{
    return pl_span_cmp(*(const pl_span *)x, *(const pl_span *)y);
}

static int by_source(const void *x, const void *y)
{
    const struct pl_cvss *a = x, *b = y;
    int order = pl_span_cmp(a->source, b->source);
    return order ? order : pl_span_cmp(a->vector, b->vector);
}

/* Sorted, each once, without `but`. The given array is shared between findings: a copy is made
 * where it is not yet so. */
static bool sort_texts(const pl_span **texts, size_t *n, pl_span but, struct pl_arena *keep)
{
    bool good = true;
    for (size_t i = 0; i < *n; i++)
        good = good && !(but.len && pl_span_eq((*texts)[i], but)) &&
               (i == 0 || pl_span_cmp((*texts)[i - 1], (*texts)[i]) < 0);
    if (good)
        return true;
    pl_span *copy = pl_arena_array(keep, *n, sizeof(*copy));
    if (!copy)
        return false;
    memcpy(copy, *texts, *n * sizeof(*copy));
    qsort(copy, *n, sizeof(*copy), by_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (!(but.len && pl_span_eq(copy[i], but)) &&
            (kept == 0 || !pl_span_eq(copy[kept - 1], copy[i])))
            copy[kept++] = copy[i];
    *texts = copy;
    *n = kept;
    return true;
}

static bool sort_scores(struct pl_finding *f, struct pl_arena *keep)
{
    if (f->n_cvss < 2)
        return true;
    struct pl_cvss *copy = pl_arena_array(keep, f->n_cvss, sizeof(*copy));
    if (!copy)
        return false;
    memcpy(copy, f->cvss, f->n_cvss * sizeof(*copy));
    qsort(copy, f->n_cvss, sizeof(*copy), by_source);
    f->cvss = copy;
    return true;
}

/* ---- one finding ---- */

/* What the finding cannot say by itself: a fix without a version is no fix. */
static void settle(const struct pl_report *r, struct pl_finding *f)
{
    const struct pl_package *p = pl_package_of(r, f);
    if (f->status == PL_STATUS_FIXED && !f->fixed_version.len)
        f->status = PL_STATUS_AFFECTED;
    if (!p) {
        f->package = -1;
        return;
    }
    if (!f->installed_version.len)
        f->installed_version = p->version;
    if (f->layer < 0 && is_vulnerability(f))
        f->layer = (int32_t)p->layer;
}

/* What stays the same while the thing is the same: not the version, nor the layer's place, so that
 * two reports of an image's life can be laid side by side. */
static void identity(const struct pl_finding *f, const struct pl_package *p, struct pl_buf *b)
{
    pl_buf_text(b, pl_span_str(pl_class_text(f->class_id)));
    pl_buf_text(b, f->id);
    pl_buf_text(b, p ? p->type : PL_SPAN_NONE);
    pl_buf_text(b, p ? p->name : PL_SPAN_NONE);
    pl_buf_text(b, p ? p->arch : PL_SPAN_NONE);
    pl_buf_text(b, f->path);
    pl_buf_text(b, f->match);
}

/* 64 bits of SHA-256, in hex: enough that two of a million findings share one by chance only once
 * in 30 million reports. A second finding of the same identity (two versions of one package side
 * by side, as rpm keeps kernels) counts from 2. */
static bool make_key(struct pl_finding *f, const struct pl_package *p, struct pl_map *seen,
                     struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_digest digest;
    identity(f, p, &b);
    if (b.failed)
        return false;
    pl_sha256(pl_buf_span(&b), &digest);
    pl_span key;
    if (!pl_arena_copy(keep, pl_span_sub(pl_digest_hex(&digest), 0, 16), &key))
        return false;
    void **place = pl_map_at(seen, key);
    if (!place)
        return false;
    uintptr_t before = (uintptr_t)*place;
    *place = (void *)(before + 1);
    if (before)
        key = pl_span_str(pl_arena_printf(keep, "%.*s-%u", PL_FMT(key), (unsigned)before + 1));
    f->key = key;
    return key.ptr != NULL;
}

static bool judge_findings(struct pl_report *r, struct pl_arena *keep)
{
    PL_AUTO(map) struct pl_map seen = { 0 };
    for (size_t i = 0; i < r->n_findings; i++)
        settle(r, &r->findings[i]);
    if (!pl_mend(r, keep))
        return false;
    if (r->n_findings)
        qsort(r->findings, r->n_findings, sizeof(*r->findings), by_standing);
    for (size_t i = 0; i < r->n_findings; i++) {
        struct pl_finding *f = &r->findings[i];
        const struct pl_package *p = pl_package_of(r, f);
        if (!make_key(f, p, &seen, keep) || !pl_prioritise(f, p, r->image, keep) ||
            !sort_texts(&f->aliases, &f->n_aliases, f->id, keep) ||
            !sort_texts(&f->references, &f->n_references, PL_SPAN_NONE, keep) ||
            !sort_texts(&f->cwes, &f->n_cwes, PL_SPAN_NONE, keep) || !sort_scores(f, keep))
            return false;
    }
    return true;
}

/* ---- filters and verdict ---- */

static void keep_if(struct pl_report *r, const struct pl_judge_opts *o,
                    bool (*wanted)(const struct pl_finding *, const struct pl_judge_opts *))
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n_findings; i++)
        if (wanted(&r->findings[i], o))
            r->findings[kept++] = r->findings[i];
    r->n_filtered += r->n_findings - kept;
    r->n_findings = kept;
}

static bool has_fix(const struct pl_finding *f, const struct pl_judge_opts *o)
{
    return !o->ignore_unfixed || !is_vulnerability(f) || f->status == PL_STATUS_FIXED;
}

static bool of_severity(const struct pl_finding *f, const struct pl_judge_opts *o)
{
    return !o->severities || (o->severities & 1u << f->severity);
}

static bool name_filters(struct pl_report *r, const struct pl_judge_opts *o, struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    if (o->severities)
        pl_buf_printf(&b, "--severity ");
    bool first = true;
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (o->severities & 1u << s) {
            pl_buf_printf(&b, "%s%s", first ? "" : ",", pl_severity_text((enum pl_severity)s));
            first = false;
        }
    if (o->ignore_unfixed)
        pl_buf_printf(&b, "%s--ignore-unfixed", b.len ? " " : "");
    return !b.failed && (b.len == 0 || pl_arena_copy(keep, pl_buf_span(&b), &r->severity_filter));
}

/* "2 critical, 5 high": findings that count against the limit. */
static bool verdict(struct pl_report *r, const struct pl_judge_opts *o, struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    uint64_t against[PL_SEVERITY_CRITICAL + 1] = { 0 }, unseen = 0;
    r->verdict = (struct pl_verdict){ .allowed = true };
    if (!o->fail_on_set)
        return true;
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct pl_finding *f = &r->findings[i];
        if (f->suppressed_by.len || f->severity < o->fail_on)
            continue;
        against[f->severity]++;
        unseen += !of_severity(f, o);
    }
    for (int s = PL_SEVERITY_CRITICAL; s >= PL_SEVERITY_UNKNOWN; s--)
        if (against[s])
            pl_buf_printf(&b, "%s%llu %s", b.len ? ", " : "", (unsigned long long)against[s],
                          pl_severity_text((enum pl_severity)s));
    r->verdict.allowed = b.len == 0;
    r->verdict.policy =
        pl_span_str(pl_arena_printf(keep, "fail-on %s", pl_severity_text(o->fail_on)));
    if (b.failed || !r->verdict.policy.ptr)
        return false;
    if (r->verdict.allowed)
        return true;
    if (unseen)
        pl_buf_printf(&b, " (%llu of them left out of this report by --severity)",
                      (unsigned long long)unseen);
    pl_span *reason = pl_arena_alloc(keep, sizeof(*reason));
    r->verdict.reasons = reason;
    r->verdict.n_reasons = 1;
    return reason && !b.failed && pl_arena_copy(keep, pl_buf_span(&b), reason);
}

/* --fail-on and a policy both have their say: either can deny. */
static pl_rc decide(struct pl_report *r, const struct pl_judge_opts *o, struct pl_arena *keep,
                    struct pl_err *err)
{
    if (!verdict(r, o, keep))
        return pl_fail(err, PL_ELIMIT, "the verdict needs more memory than one scan has");
    if (!o->policy)
        return PL_OK;
    struct pl_verdict first = r->verdict;
    pl_rc rc = pl_policy_decide(o->policy, r, keep, err);
    if (rc || !o->fail_on_set)
        return rc;
    struct pl_verdict *v = &r->verdict;
    size_t n = first.n_reasons + v->n_reasons;
    pl_span *reasons = pl_arena_array(keep, n ? n : 1, sizeof(*reasons));
    const char *name = pl_arena_printf(keep, "%.*s, %.*s", PL_FMT(first.policy), PL_FMT(v->policy));
    if (!reasons || !name)
        return pl_fail(err, PL_ELIMIT, "the verdict needs more memory than one scan has");
    if (first.n_reasons)
        memcpy(reasons, first.reasons, first.n_reasons * sizeof(*reasons));
    if (v->n_reasons)
        memcpy(reasons + first.n_reasons, v->reasons, v->n_reasons * sizeof(*reasons));
    *v = (struct pl_verdict){ .allowed = first.allowed && v->allowed,
                              .policy = pl_span_str(name),
                              .reasons = reasons,
                              .n_reasons = n };
    return PL_OK;
}

/* A class that nobody says to have judged was not judged: an empty row must never read as clean. */
static void doubt_coverage(struct pl_report *r)
{
    for (int c = 0; c < PL_N_CLASSES; c++) {
        struct pl_coverage *k = &r->coverage[c];
        k->class_id = (enum pl_class)c;
        if (k->state == PL_COVERAGE_ASSESSED && !k->by.len) {
            k->state = PL_COVERAGE_SKIPPED;
            if (!k->detail.len)
                k->detail = PL_LIT("not assessed by this scan");
        }
    }
}

pl_rc pl_judge(struct pl_report *report, const struct pl_judge_opts *o, struct pl_arena *keep,
               struct pl_err *err)
{
    doubt_coverage(report);
    if (report->n_gaps)
        qsort(report->gaps, report->n_gaps, sizeof(*report->gaps), by_gap);
    bool good = judge_findings(report, keep) && name_filters(report, o, keep);
    if (!good)
        return pl_fail(err, PL_ELIMIT,
                       "the report of %zu findings needs more memory than one scan has",
                       report->n_findings);
    pl_base_find(report);
    pl_base_mark(report);
    pl_rc rc = o->vex ? pl_vex_apply(o->vex, report, keep, err) : PL_OK;
    if (!rc && o->ignores)
        rc = pl_ignores_apply(o->ignores, report, o->log, keep, err);
    if (rc)
        return rc;
    keep_if(report, o, has_fix);
    /* --severity is how somebody wants to look; it does not change what is allowed. */
    rc = decide(report, o, keep, err);
    if (!rc)
        keep_if(report, o, of_severity);
    return rc;
}
