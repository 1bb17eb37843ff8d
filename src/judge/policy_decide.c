#include <stdlib.h>

#include "base/buf.h"
#include "base/date.h"
#include "judge/naming.h"
#include "judge/policy_rules.h"

enum { NAMED = 5 }; /* findings that a reason names; the rest are counted */

/* What one rule met so far. */
struct met {
    uint64_t n, unnamed;
    struct pl_buf names;
    struct pl_buf coverage;
    unsigned n_named;
};

struct deciding {
    const struct pl_policy *policy;
    struct pl_report *report;
    struct met *met; /* one per rule, and one for the default */
    int64_t today;
};

/* ---- findings ---- */

static bool any_id(const struct pl_rule *r, const struct pl_finding *f)
{
    for (size_t i = 0; i < r->n_ids; i++)
        if (pl_named_by_id(f, r->ids[i]->text) || pl_glob_match(r->ids[i]->text, f->id))
            return true;
    return r->n_ids == 0;
}

static bool any_package(const struct deciding *d, const struct pl_rule *r,
                        const struct pl_package *p)
{
    for (size_t i = 0; i < r->n_packages; i++)
        if (pl_named_by_package(p, &d->report->inventory.os, r->packages[i]->text))
            return true;
    return r->n_packages == 0;
}

static bool any_text(const struct pl_yaml *const *texts, size_t n, pl_span have)
{
    for (size_t i = 0; i < n; i++)
        if (pl_span_eq_nocase(texts[i]->text, have))
            return true;
    return n == 0;
}

/* A finding without a date is as old as can be: not knowing must not let it through. */
static bool old_enough(const struct deciding *d, const struct pl_rule *r,
                       const struct pl_finding *f)
{
    int64_t day;
    return r->age_days_min < 0 || !pl_date_days(f->published, &day) ||
           (double)(d->today - day) >= r->age_days_min;
}

static bool of_base(const struct pl_rule *r, const struct pl_finding *f)
{
    return r->base < 0 || f->in_base == (r->base ? PL_IN_BASE_YES : PL_IN_BASE_NO);
}

static bool matches(const struct deciding *d, const struct pl_rule *r, const struct pl_finding *f)
{
    const struct pl_package *p = pl_package_of(d->report, f);
    if (r->coverage || (r->classes && !(r->classes & 1u << f->class_id)) ||
        (r->severities && !(r->severities & 1u << f->severity)) ||
        (r->priorities && !(r->priorities & 1u << f->priority)))
        return false;
    if ((r->fixable >= 0 && r->fixable != (f->status == PL_STATUS_FIXED)) ||
        (r->known_exploited >= 0 && r->known_exploited != f->known_exploited) ||
        (r->epss_min >= 0 && !(f->epss >= r->epss_min)))
        return false;
    return of_base(r, f) && old_enough(d, r, f) &&
           any_text(r->statuses, r->n_statuses, pl_span_str(pl_status_text(f->status))) &&
           any_text(r->types, r->n_types, p ? p->type : PL_SPAN_NONE) && any_id(r, f) &&
           any_package(d, r, p);
}

static void name_finding(struct deciding *d, struct met *m, const struct pl_finding *f)
{
    const struct pl_package *p = pl_package_of(d->report, f);
    m->n++;
    if (m->n_named == NAMED) {
        m->unnamed++;
        return;
    }
    m->n_named++;
    pl_buf_printf(&m->names, "%s%.*s", m->names.len ? ", " : "", PL_FMT(f->id));
    pl_span where = p ? p->name : f->path;
    if (where.len)
        pl_buf_printf(&m->names, " (%.*s)", PL_FMT(where));
}

static void decide_finding(struct deciding *d, const struct pl_finding *f)
{
    size_t i = 0;
    while (i < d->policy->n_rules && !matches(d, &d->policy->rules[i], f))
        i++;
    name_finding(d, &d->met[i], f);
}

/* ---- coverage ---- */

static bool release_ended(const struct deciding *d)
{
    int64_t end;
    const struct pl_release *r = d->report->inventory.os.release;
    return r && pl_date_days(pl_span_str(r->end_of_life), &end) && end < d->today;
}

static uint64_t count_gaps(const struct pl_report *r, enum pl_class c)
{
    uint64_t n = 0;
    pl_span name = pl_span_str(pl_class_text(c));
    for (size_t i = 0; i < r->n_gaps; i++)
        n += r->gaps[i].class_name.len == 0 || pl_span_eq(r->gaps[i].class_name, name);
    return n;
}

/* The first rule that speaks of this condition of this class. A class that was not asked for has
 * no gaps. */
static void decide_condition(struct deciding *d, enum pl_class c, unsigned bit, const char *fmt,
                             pl_span detail, uint64_t n)
{
    for (size_t i = 0; i < d->policy->n_rules; i++) {
        const struct pl_rule *r = &d->policy->rules[i];
        if (!(r->coverage & bit) || (r->classes && !(r->classes & 1u << c)))
            continue;
        struct pl_buf *b = &d->met[i].coverage;
        pl_buf_printf(b, "%s%s ", b->len ? ", " : "", pl_class_text(c));
        if (n)
            pl_buf_printf(b, "has %llu gap%s", (unsigned long long)n, n == 1 ? "" : "s");
        else
            pl_buf_printf(b, "%s", fmt);
        if (detail.len)
            pl_buf_printf(b, " (%.*s)", PL_FMT(detail));
        return;
    }
}

static void decide_coverage(struct deciding *d, enum pl_class c)
{
    static const char *const words[] = { "", "is partial", "is unsupported", "is end_of_life",
                                         "is skipped" };
    const struct pl_coverage *k = &d->report->coverage[c];
    bool vulnerabilities = c == PL_CLASS_OS_VULN;
    if (k->state != PL_COVERAGE_ASSESSED)
        decide_condition(d, c, 1u << k->state, words[k->state], k->detail, 0);
    if (vulnerabilities && release_ended(d) && k->state != PL_COVERAGE_END_OF_LIFE &&
        k->state != PL_COVERAGE_SKIPPED)
        decide_condition(d, c, 1u << PL_COVERAGE_END_OF_LIFE,
                         "is of a release past its end of life",
                         pl_span_str(d->report->inventory.os.release->end_of_life), 0);
    uint64_t gaps = k->state == PL_COVERAGE_SKIPPED ? 0 : count_gaps(d->report, c);
    if (gaps)
        decide_condition(d, c, PL_COVERAGE_BIT_GAPS, "", PL_SPAN_NONE, gaps);
}

/* ---- the verdict ---- */

static void say(const struct met *m, pl_span name, enum pl_action action, struct pl_buf *b)
{
    pl_buf_printf(b, "%srule \"%.*s\" %s ", action == PL_ACTION_WARN ? "warning: " : "",
                  PL_FMT(name), action == PL_ACTION_WARN ? "warns of" : "denies");
    if (m->n) {
        pl_buf_printf(b, "%llu finding%s: ", (unsigned long long)m->n, m->n == 1 ? "" : "s");
        pl_buf_add(b, pl_buf_span(&m->names));
        if (m->unnamed)
            pl_buf_printf(b, " and %llu more", (unsigned long long)m->unnamed);
    }
    if (m->n && m->coverage.len)
        pl_buf_add(b, PL_LIT("; "));
    if (m->coverage.len) {
        pl_buf_add(b, PL_LIT("coverage: "));
        pl_buf_add(b, pl_buf_span(&m->coverage));
    }
}

static bool add_reasons(struct deciding *d, enum pl_action action, struct pl_vec *reasons,
                        struct pl_arena *keep)
{
    const struct pl_policy *p = d->policy;
    for (size_t i = 0; i <= p->n_rules; i++) {
        const struct met *m = &d->met[i];
        bool last = i == p->n_rules;
        if ((last ? p->otherwise : p->rules[i].action) != action || (!m->n && !m->coverage.len))
            continue;
        PL_AUTO(buf) struct pl_buf b = { 0 };
        say(m, last ? PL_LIT("default") : p->rules[i].name, action, &b);
        pl_span *reason = pl_vec_push(keep, reasons);
        if (!reason || b.failed || m->names.failed || m->coverage.failed ||
            !pl_arena_copy(keep, pl_buf_span(&b), reason))
            return false;
    }
    return true;
}

static bool decide(struct deciding *d, struct pl_arena *keep)
{
    struct pl_verdict *v = &d->report->verdict;
    struct pl_vec reasons = PL_VEC(pl_span);
    for (size_t i = 0; i < d->report->n_findings; i++)
        if (!d->report->findings[i].suppressed_by.len)
            decide_finding(d, &d->report->findings[i]);
    for (int c = 0; c < PL_N_CLASSES; c++)
        decide_coverage(d, (enum pl_class)c);
    if (!add_reasons(d, PL_ACTION_DENY, &reasons, keep))
        return false;
    bool denied = reasons.n > 0;
    *v = (struct pl_verdict){ .allowed = !denied };
    if (!add_reasons(d, PL_ACTION_WARN, &reasons, keep) ||
        !pl_arena_copy(keep, d->policy->name, &v->policy))
        return false;
    v->reasons = reasons.items;
    v->n_reasons = reasons.n;
    return true;
}

pl_rc pl_policy_decide(const struct pl_policy *p, struct pl_report *report, struct pl_arena *keep,
                       struct pl_err *err)
{
    struct deciding d = { .policy = p, .report = report };
    d.met = calloc(p->n_rules + 1, sizeof(*d.met));
    if (!d.met)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    (void)pl_date_days(report->generated_at, &d.today);
    bool good = decide(&d, keep);
    for (size_t i = 0; i <= p->n_rules; i++) {
        pl_buf_done(&d.met[i].names);
        pl_buf_done(&d.met[i].coverage);
    }
    free(d.met);
    return good ? PL_OK
                : pl_fail(err, PL_ELIMIT, "the verdict needs more memory than one scan has");
}
