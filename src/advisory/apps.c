/* apps.c - packages of applications: which names and versions are asked for, and which version to
 * move to.
 *
 * An ecosystem's records are one collector's (GHSA, PYSEC and GO records of one flaw all come by
 * OSV), so no publisher outranks another: what any record says is affected is. The version that
 * mends is the smallest one above the installed that none of the records calls affected, so that
 * a line with a fix of its own (2.2.28 beside 3.2.13) is stayed on. */
#include <ctype.h>
#include <stdlib.h>

#include "advisory/match.h"
#include "model/program_rules.h"

static pl_rc full(struct pl_err *err) { return pl_fail(err, PL_ELIMIT, "the report is full"); }

/* ---- names and versions as the ecosystem's records have them ---- */

enum { FOLD_CASE = 1, FOLD_SEPARATORS = 2 };

static unsigned folding(pl_span type)
{
    static const struct {
        const char *type;
        unsigned how;
    } table[] = { { "pypi", FOLD_CASE | FOLD_SEPARATORS }, /* PEP 503 */
                  { "nuget", FOLD_CASE },
                  { "composer", FOLD_CASE },
                  { "hex", FOLD_CASE },
                  { "pub", FOLD_CASE },
                  { "conan", FOLD_CASE },
                  { "github", FOLD_CASE } };
    for (size_t i = 0; i < PL_COUNT(table); i++)
        if (pl_span_eq(type, pl_span_str(table[i].type)))
            return table[i].how;
    return 0;
}

static pl_span app_name(struct pl_matcher *m, const struct pl_package *p)
{
    unsigned how = folding(p->type);
    char *out = how ? pl_arena_alloc(&m->tmp, p->name.len + 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; out && i < p->name.len; i++) {
        char c = p->name.ptr[i];
        bool separator = (how & FOLD_SEPARATORS) && (c == '-' || c == '_' || c == '.');
        if (separator && n && out[n - 1] == '-')
            continue;
        out[n++] = separator ? '-' : (char)tolower((unsigned char)c);
    }
    return out ? pl_span_of(out, n) : p->name;
}

/* Bitnami's "16.2.0-5" is its fifth build of 16.2.0, which its records do not know; to SemVer it
 * would be older than 16.2.0. */
static pl_span app_version(const struct pl_package *p)
{
    size_t dash = pl_span_rchr(p->version, '-');
    uint64_t build;
    if (pl_span_eq(p->type, PL_LIT("bitnami")) && dash != SIZE_MAX && dash > 0 &&
        pl_span_decimal(pl_span_from(p->version, dash + 1), 999999, &build))
        return pl_span_sub(p->version, 0, dash);
    return p->version;
}

static struct pl_app_type *app_type(struct pl_matcher *m, pl_span name, struct pl_err *err)
{
    struct pl_app_type *t = m->apps.items;
    for (size_t i = 0; i < m->apps.n; i++)
        if (pl_span_eq(t[i].type, name))
            return &t[i];
    t = pl_vec_push(m->keep, &m->apps);
    if (!t) {
        (void)!full(err);
        return NULL;
    }
    t->type = name;
    if (pl_match_stream(m, name, &t->stream, err))
        return NULL;
    return t;
}

/* ---- which version mends ---- */

/* Statements of one package, sorted by vulnerability. */
struct app {
    struct pl_matcher *m;
    struct pl_subject subject;
    struct pl_statement *t;
    size_t n;
    pl_span *candidates; /* fixed versions above the installed one, ascending */
    size_t n_candidates;
};

static int by_version(const void *x, const void *y, void *ctx)
{
    const pl_span *a = x, *b = y;
    const struct pl_scheme *s = ctx;
    int c = s->compare(*a, *b);
    return c ? c : pl_span_cmp(*a, *b);
}

static const struct pl_scheme *scheme_of(const struct app *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->t[i].scheme)
            return a->t[i].scheme;
    return NULL;
}

static bool add_candidates(struct app *a, const struct pl_entry_row *row,
                           const struct pl_scheme *scheme, struct pl_vec *out)
{
    for (size_t i = 0; i < row->n_ranges; i++) {
        pl_span fixed = row->ranges[i].fixed;
        if (fixed.len == 0 || !scheme->valid(fixed) ||
            scheme->compare(fixed, a->subject.version) <= 0)
            continue;
        pl_span *at = pl_vec_push(&a->m->tmp, out);
        if (!at)
            return false;
        *at = fixed;
    }
    return true;
}

/* Candidates of the statements from..to. */
static bool find_candidates(struct app *a, size_t from, size_t to)
{
    enum { MOST = 2000 };
    struct pl_vec found = PL_VEC(pl_span);
    const struct pl_scheme *scheme = scheme_of(a);
    size_t n = 0;
    for (size_t i = from; scheme && i < to && found.n < MOST; i++)
        if (!add_candidates(a, a->t[i].row, scheme, &found))
            return false;
    pl_span *c = found.items;
    if (found.n > 1)
        qsort_r(c, found.n, sizeof(*c), by_version, (void *)(uintptr_t)scheme);
    for (size_t i = 0; i < found.n; i++)
        if (n == 0 || !pl_span_eq(c[n - 1], c[i]))
            c[n++] = c[i];
    a->candidates = c;
    a->n_candidates = n;
    return true;
}

static bool row_affects(struct app *a, const struct pl_entry_row *row, pl_span version)
{
    struct pl_subject s = a->subject;
    struct pl_row_words w = pl_row_words_of(a->m, row, &s);
    bool outside;
    pl_span fixed;
    s.version = version;
    return pl_row_affects(row, &w, &s, &fixed, &outside);
}

static size_t run_end(const struct app *a, size_t from)
{
    size_t end = from + 1;
    while (end < a->n && a->t[end].vuln == a->t[from].vuln)
        end++;
    return end;
}

/* Of one vulnerability: some record says the installed version is affected; some names a fix. */
static bool run_affects(const struct app *a, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (a->t[i].affects)
            return true;
    return false;
}

static bool run_mends(const struct app *a, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (pl_statement_mends(&a->t[i]))
            return true;
    return false;
}

static bool clean_of(struct app *a, size_t from, size_t to, pl_span version)
{
    for (size_t i = from; i < to; i++)
        if (row_affects(a, a->t[i].row, version))
            return false;
    return true;
}

/* The fix of one vulnerability, told to all its statements. */
static bool settle_run(struct app *a, size_t from, size_t to)
{
    if (!run_mends(a, from, to))
        return true;
    if (!find_candidates(a, from, to))
        return false;
    for (size_t c = 0; c < a->n_candidates; c++) {
        if (!clean_of(a, from, to, a->candidates[c]))
            continue;
        for (size_t i = from; i < to; i++)
            if (pl_statement_mends(&a->t[i]))
                a->t[i].fixed = a->candidates[c];
        return true;
    }
    return true; /* each record's fix is another's flaw: their greatest stands */
}

/* Free of every vulnerability of the package that has a fix; strict: also of those that the
 * installed version is too old to have. */
static bool mends_all(struct app *a, pl_span version, bool strict)
{
    for (size_t i = 0, end; i < a->n; i = end) {
        end = run_end(a, i);
        bool here = run_affects(a, i, end);
        if (here ? !run_mends(a, i, end) : !strict)
            continue;
        if (!clean_of(a, i, end, version))
            return false;
    }
    return true;
}

static pl_span find_mend(struct app *a)
{
    for (int strict = 1; strict >= 0; strict--)
        for (size_t c = 0; c < a->n_candidates; c++)
            if (mends_all(a, a->candidates[c], strict))
                return a->candidates[c];
    return PL_SPAN_NONE;
}

/* The version for each new finding's fix: one for the package, since it is installed once. */
static pl_rc say_mend(struct app *a, size_t first, struct pl_err *err)
{
    struct pl_finding *f = a->m->findings.items;
    pl_span mend, kept;
    bool any = false;
    for (size_t i = first; i < a->m->findings.n; i++)
        any |= f[i].status == PL_STATUS_FIXED;
    if (!any)
        return PL_OK;
    if (!find_candidates(a, 0, a->n))
        return full(err);
    mend = find_mend(a);
    if (mend.len == 0)
        return PL_OK;
    if (!pl_arena_copy(a->m->keep, mend, &kept))
        return full(err);
    for (size_t i = first; i < a->m->findings.n; i++)
        if (f[i].status == PL_STATUS_FIXED)
            f[i].fix.version = kept;
    return PL_OK;
}

static pl_rc report(struct pl_matcher *m, size_t index, const struct pl_subject *s,
                    struct pl_vec *statements, struct pl_err *err)
{
    struct app a = { .m = m, .subject = *s, .t = statements->items, .n = statements->n };
    size_t first = m->findings.n;
    if (a.n == 0)
        return PL_OK;
    qsort(a.t, a.n, sizeof(*a.t), pl_statement_order);
    for (size_t i = 0, end; i < a.n; i = end) {
        end = run_end(&a, i);
        if (!settle_run(&a, i, end))
            return full(err);
    }
    pl_rc rc = pl_match_report(m, index, s, statements, err);
    return rc ? rc : say_mend(&a, first, err);
}

/* ---- whose it is ---- */

static pl_rc find_outsiders(struct pl_matcher *m, struct pl_err *err)
{
    for (size_t i = 0; i < m->inv->n_packages; i++) {
        const struct pl_package *p = &m->inv->packages[i];
        if (p->owner.len || pl_third_party(p, m->inv->os.distro).len == 0)
            continue;
        char *key = pl_arena_printf(m->keep, "%.*s/%.*s", PL_FMT(p->type), PL_FMT(p->name));
        void **at = key ? pl_map_at(&m->outsiders, pl_span_str(key)) : NULL;
        if (!at)
            return full(err);
        *at = m;
    }
    m->outsiders_known = true;
    return PL_OK;
}

/* The distribution judges what its own packages bring, under their names. What a third party's
 * package brings (NodeSource's nodejs has a whole npm) nobody judges but we, here. */
static pl_rc is_distributions(struct pl_matcher *m, const struct pl_package *p, bool *out,
                              struct pl_err *err)
{
    pl_rc rc = PL_OK;
    if (p->owner.len && !m->outsiders_known)
        rc = find_outsiders(m, err);
    *out = p->owner.len && !pl_map_get(&m->outsiders, p->owner);
    return rc;
}

/* ---- one package ---- */

/* A record of a malicious package is no vulnerability of it. Those rows are taken out, counted. */
static pl_rc drop_malicious(struct pl_matcher *m, const struct pl_subject *s, struct pl_vec *rows,
                            struct pl_err *err)
{
    struct pl_entry_row *e = rows->items;
    const struct pl_entry_row *evil = NULL;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct pl_row_words w = pl_row_words_of(m, &e[i], s);
        bool outside;
        pl_span fixed;
        if (!e[i].malicious)
            e[n++] = e[i];
        else if (pl_row_affects(&e[i], &w, s, &fixed, &outside))
            evil = &e[i];
    }
    m->n_malicious += evil != NULL;
    if (evil && m->malicious.len == 0) {
        const struct pl_known_advisory *a;
        pl_rc rc = pl_known_advisory_find(m, evil->advisory, &a, err);
        if (rc)
            return rc;
        m->malicious =
            pl_span_str(pl_arena_printf(m->keep, "%.*s %.*s (%.*s)", PL_FMT(s->package->name),
                                        PL_FMT(s->package->version), PL_FMT(a->name)));
    }
    rows->n = n;
    return PL_OK;
}

static pl_rc match_rows(struct pl_matcher *m, size_t index, const struct pl_subject *s,
                        struct pl_vec *rows, struct pl_err *err)
{
    struct pl_vec statements = PL_VEC(struct pl_statement);
    pl_rc rc = drop_malicious(m, s, rows, err);
    rc = rc ? rc : pl_match_state(m, rows, s, &statements, err);
    return rc ? rc : report(m, index, s, &statements, err);
}

/* "3.1.7p261" is 3.1.7, "15.4" is 15.4.0 to records in SemVer. */
static pl_span three_numbers(struct pl_matcher *m, pl_span version)
{
    size_t n = 0, dots = 0;
    while (n < version.len &&
           (isdigit((unsigned char)version.ptr[n]) || (version.ptr[n] == '.' && dots < 2)))
        dots += version.ptr[n++] == '.';
    pl_span rest = pl_span_from(version, n);
    if (rest.len && rest.ptr[0] != '-' && rest.ptr[0] != '+')
        rest = PL_SPAN_NONE;
    const char *text = pl_arena_printf(&m->tmp, "%.*s%s%.*s", (int)n, version.ptr,
                                       dots == 1 ? ".0" : "", PL_FMT(rest));
    return text ? pl_span_str(text) : version;
}

/* A program known by its bytes has a name and no coordinates. Bitnami's records of the product are
 * believed where there are any; else NVD's, by CPE. Never both: they are of unlike making. */
static pl_rc bitnami_rows(struct pl_matcher *m, const struct pl_package *p, struct pl_subject *s,
                          struct pl_vec *rows, struct pl_err *err)
{
    const struct pl_program_rule *rule = pl_program_rule_find(p->name);
    if (!pl_span_eq(p->type, PL_LIT("generic")) || !rule || !rule->bitnami.len)
        return PL_OK;
    int64_t stream = 0;
    pl_rc rc = pl_match_stream(m, PL_LIT("bitnami"), &stream, err);
    rc = rc || !stream ? rc : pl_match_rows(m, stream, rule->bitnami, rows, err);
    if (rc || rows->n == 0)
        return rc;
    struct pl_app_type *type = app_type(m, PL_LIT("bitnami"), err);
    if (!type)
        return err->rc;
    type->n++;
    s->name = rule->bitnami;
    s->version = three_numbers(m, p->version);
    return PL_OK;
}

pl_rc pl_match_app(struct pl_matcher *m, size_t index, struct pl_err *err)
{
    const struct pl_package *p = &m->inv->packages[index];
    struct pl_vec rows = PL_VEC(struct pl_entry_row);
    bool distributions;
    pl_rc rc = is_distributions(m, p, &distributions, err);
    if (rc)
        return rc;
    if (distributions) {
        m->n_owned++;
        return PL_OK;
    }
    struct pl_subject s = {
        .package = p, .name = app_name(m, p), .version = app_version(p), .is_app = true
    };
    rc = bitnami_rows(m, p, &s, &rows, err);
    if (rc || rows.n)
        return rc ? rc : match_rows(m, index, &s, &rows, err);
    struct pl_app_type *type = app_type(m, p->type, err);
    if (!type)
        return err->rc;
    type->n++;
    if (!type->stream)
        return PL_OK;
    rc = pl_match_rows(m, type->stream, s.name, &rows, err);
    /* Some advisories name the project's parent, which is nobody's file. */
    if (!rc && p->source_name.len && !pl_span_eq(p->source_name, p->name))
        rc = pl_match_rows(m, type->stream, p->source_name, &rows, err);
    return rc ? rc : match_rows(m, index, &s, &rows, err);
}
