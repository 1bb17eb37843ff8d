/* coverage.c - who judged the distribution's packages, how old that knowledge is, and what was
 * not judged at all. */
#include <stdio.h>
#include <time.h>

#include "advisory/match.h"

static pl_rc full(struct pl_err *err) { return pl_fail(err, PL_ELIMIT, "the report is full"); }

pl_rc pl_match_stream(struct pl_matcher *m, pl_span name, int64_t *out, struct pl_err *err)
{
    bool row = false;
    pl_sql_bind_text(m->get_stream, 1, name);
    pl_rc rc = pl_sql_step(m->get_stream, &row, err);
    *out = !rc && row ? sqlite3_column_int64(m->get_stream, 0) : 0;
    sqlite3_reset(m->get_stream);
    return rc;
}

static pl_rc add_gap(struct pl_matcher *m, const char *class_name, const char *reason,
                     const char *detail, struct pl_err *err)
{
    struct pl_gap *g = detail ? pl_arena_alloc(m->keep, sizeof(*g)) : NULL;
    struct pl_gap **at = g ? pl_vec_push(m->keep, &m->gaps) : NULL;
    if (!at)
        return full(err);
    *g = (struct pl_gap){ .class_name = pl_span_str(class_name),
                          .layer = -1,
                          .reason = pl_span_str(reason),
                          .detail = pl_span_str(detail) };
    *at = g;
    return PL_OK;
}

/* "2026-11-22": the scan's own date where it has one, so that a replay says the same. */
static void today(const struct pl_report *r, char out[11])
{
    time_t now = time(NULL);
    struct tm tm;
    if (r->generated_at.len >= 10)
        snprintf(out, 11, "%.10s", r->generated_at.ptr);
    else if (!gmtime_r(&now, &tm) || !strftime(out, 11, "%Y-%m-%d", &tm))
        snprintf(out, 11, "9999-12-31");
}

/* Which feeds cover the stream: their names in order of rank, and the date of the first. */
struct judges {
    pl_span by, as_of, problem;
    size_t n, n_whole, n_few; /* all; without selections; streams that only a selection judges */
    uint64_t selection;       /* how many vulnerabilities it knows */
};

static bool selection_only(const struct judges *j) { return j->n_few > 0; }

/* "a feed", "a selection (573 vulnerabilities)"; NULL: no memory. */
static const char *judge_name(struct pl_matcher *m, struct judges *j)
{
    pl_span what = pl_sql_text(m->get_judges, 0), name = pl_sql_text(m->get_judges, 3);
    if (!pl_span_eq(name, PL_LIT(PL_FEED_SELECTION))) {
        j->n_whole++;
        return pl_arena_printf(m->keep, "%.*s", PL_FMT(what));
    }
    j->selection = (uint64_t)sqlite3_column_int64(m->get_judges, 4);
    return pl_arena_printf(m->keep, "%.*s (%llu vulnerabilities)", PL_FMT(what),
                           (unsigned long long)j->selection);
}

static pl_rc add_judge(struct pl_matcher *m, struct judges *j, struct pl_err *err)
{
    pl_span when = pl_sql_text(m->get_judges, 1), problem = pl_sql_text(m->get_judges, 2);
    const char *name = judge_name(m, j);
    if (!name)
        return full(err);
    if (j->n++ && pl_span_find(j->by, pl_span_str(name)) != SIZE_MAX)
        return PL_OK; /* of another stream, said already */
    char *by = pl_arena_printf(m->keep, "%.*s%s%s", PL_FMT(j->by), j->by.len ? ", " : "", name);
    if (!by || (j->as_of.len == 0 && !pl_arena_copy(m->keep, when, &j->as_of)) ||
        (j->problem.len == 0 && !pl_arena_copy(m->keep, problem, &j->problem)))
        return full(err);
    j->by = pl_span_str(by);
    return PL_OK;
}

static pl_rc find_judges(struct pl_matcher *m, int64_t stream, struct judges *j, struct pl_err *err)
{
    size_t before = j->n, whole = j->n_whole;
    bool row = true;
    pl_rc rc = PL_OK;
    sqlite3_bind_int64(m->get_judges, 1, stream);
    while (!rc && !(rc = pl_sql_step(m->get_judges, &row, err)) && row)
        rc = add_judge(m, j, err);
    sqlite3_reset(m->get_judges);
    j->n_few += j->n > before && j->n_whole == whole;
    return rc;
}

/* Only a selection was looked for: that is partial, however much it found. */
static pl_rc few_advisories(struct pl_matcher *m, const struct judges *j, struct pl_coverage *c,
                            struct pl_err *err)
{
    char *detail = pl_arena_printf(m->keep,
                                   "only the %llu well-known vulnerabilities that ship with "
                                   "plimsoll were looked for; `plimsoll db update` brings the rest",
                                   (unsigned long long)j->selection);
    if (c->state == PL_COVERAGE_ASSESSED)
        c->state = PL_COVERAGE_PARTIAL;
    if (!c->detail.len)
        c->detail = pl_span_str(detail);
    return add_gap(m, pl_class_text(c->class_id), "few-advisories", detail, err);
}

static bool is_os_type(pl_span type)
{
    static const char *const types[] = { "deb", "rpm", "apk", "alpm", "ebuild" };
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (pl_span_eq(type, pl_span_str(types[i])))
            return true;
    return false;
}

static uint64_t os_packages(const struct pl_inventory *inv)
{
    uint64_t n = 0;
    for (size_t i = 0; i < inv->n_packages; i++)
        n += is_os_type(inv->packages[i].type);
    return n;
}

static const char *os_name(struct pl_matcher *m)
{
    const struct pl_os *os = &m->inv->os;
    if (os->distro)
        return pl_arena_printf(m->keep, "%s%s%.*s", os->distro->name, os->version.len ? " " : "",
                               PL_FMT(os->version));
    if (os->family.len)
        return pl_arena_printf(m->keep, "%.*s%s%.*s", PL_FMT(os->family),
                               os->version.len ? " " : "", PL_FMT(os->version));
    return "the image's distribution, which no release file names,";
}

static const char *past_end(struct pl_matcher *m, const char *name)
{
    const struct pl_release *r = m->inv->os.release;
    char day[11];
    today(m->report, day);
    if (!r || !r->end_of_life || strcmp(day, r->end_of_life) <= 0)
        return NULL;
    if (r->extended && strcmp(day, r->extended) <= 0)
        return pl_arena_printf(m->keep,
                               "free support of %s ended on %s (extended support runs to %s): what "
                               "is found since may be missing here",
                               name, r->end_of_life, r->extended);
    return pl_arena_printf(m->keep,
                           "support of %s ended on %s: its publisher no longer reports new "
                           "vulnerabilities",
                           name, r->end_of_life);
}

static pl_rc no_packages(struct pl_matcher *m, struct pl_coverage *c, const char *name,
                         struct pl_err *err)
{
    if (m->inv->os.family.len == 0 && m->inv->all_layers_read) {
        c->state = PL_COVERAGE_SKIPPED;
        c->detail = PL_LIT("the image holds no packages of a distribution");
        return PL_OK;
    }
    c->state = PL_COVERAGE_PARTIAL;
    char *detail = pl_arena_printf(m->keep,
                                   "no package of %s was found: its package database is "
                                   "missing, or in a layer that was not read",
                                   name);
    c->detail = pl_span_str(detail);
    return add_gap(m, "os-vuln", "missing", detail, err);
}

static pl_rc uncovered(struct pl_matcher *m, struct pl_coverage *c, const char *name,
                       const char *ended, struct pl_err *err)
{
    pl_span stream = m->inv->os.stream;
    c->state = ended ? PL_COVERAGE_END_OF_LIFE : PL_COVERAGE_UNSUPPORTED;
    char *detail = pl_arena_printf(
        m->keep, "no feed of the advisory database covers %s%s%.*s%s: its packages were not judged",
        name, stream.len ? " (" : "", PL_FMT(stream), stream.len ? ")" : "");
    c->detail = pl_span_str(detail);
    return add_gap(m, "os-vuln", "no-advisories", detail, err);
}

static pl_rc os_coverage(struct pl_matcher *m, struct pl_err *err)
{
    struct pl_coverage *c = &m->report->coverage[PL_CLASS_OS_VULN];
    struct judges j = { 0 };
    int64_t stream = 0;
    const char *name = os_name(m), *ended = name ? past_end(m, name) : NULL;
    *c = (struct pl_coverage){ .class_id = PL_CLASS_OS_VULN, .state = PL_COVERAGE_ASSESSED };
    if (!name)
        return full(err);
    pl_rc rc = m->inv->os.stream.len ? pl_match_stream(m, m->inv->os.stream, &stream, err) : PL_OK;
    if (!rc && stream)
        rc = find_judges(m, stream, &j, err);
    c->by = j.by;
    c->as_of = j.as_of;
    if (!rc && ended)
        rc = add_gap(m, "os-vuln", "end-of-life", ended, err);
    if (rc)
        return rc;
    if (os_packages(m->inv) == 0)
        return no_packages(m, c, name, err);
    if (j.n == 0)
        return uncovered(m, c, name, ended, err);
    if (ended) {
        c->state = PL_COVERAGE_END_OF_LIFE;
        c->detail = pl_span_str(ended);
    } else if (m->thirds.n || !m->inv->all_layers_read || j.problem.len) {
        c->state = PL_COVERAGE_PARTIAL;
        c->detail = j.problem.len              ? PL_LIT("a feed could not be read to its end")
                    : !m->inv->all_layers_read ? PL_LIT("some layers could not be read")
                                               : PL_LIT("some packages are of third parties");
    }
    if (selection_only(&j))
        rc = few_advisories(m, &j, c, err);
    if (rc || !j.problem.len)
        return rc;
    return add_gap(m, "os-vuln", "broken",
                   pl_arena_printf(m->keep, "advisories of %s may be incomplete: %.*s", name,
                                   PL_FMT(j.problem)),
                   err);
}

/* ---- packages of applications ---- */

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* Who would judge them: of the types that are there, else of those that images mostly have. */
static pl_rc app_judges(struct pl_matcher *m, struct judges *j, struct pl_err *err)
{
    static const char *const usual[] = { "npm", "pypi", "maven", "golang", "gem", "composer" };
    const struct pl_app_type *types = m->apps.items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < m->apps.n; i++)
        if (types[i].stream)
            rc = find_judges(m, types[i].stream, j, err);
    for (size_t i = 0; !rc && m->apps.n == 0 && i < PL_COUNT(usual); i++) {
        int64_t stream = 0;
        rc = pl_match_stream(m, pl_span_str(usual[i]), &stream, err);
        if (!rc && stream)
            rc = find_judges(m, stream, j, err);
    }
    return rc;
}

static pl_rc app_gaps(struct pl_matcher *m, const struct judges *j, struct pl_err *err)
{
    const struct pl_app_type *types = m->apps.items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < m->apps.n; i++)
        if (!types[i].stream)
            rc = add_gap(m, "app-vuln", "no-advisories",
                         pl_arena_printf(m->keep,
                                         "no feed of the advisory database covers %.*s: "
                                         "%llu package%s not judged",
                                         PL_FMT(types[i].type), (unsigned long long)types[i].n,
                                         types[i].n == 1 ? " was" : "s were"),
                         err);
    if (!rc && m->n_malicious)
        rc = add_gap(m, "malware", "unsupported",
                     pl_arena_printf(m->keep,
                                     "%llu installed package%s named by records of malicious "
                                     "packages, which this class does not judge yet: %.*s%s",
                                     (unsigned long long)m->n_malicious,
                                     m->n_malicious == 1 ? " is" : "s are", PL_FMT(m->malicious),
                                     m->n_malicious == 1 ? "" : " and others"),
                     err);
    if (!rc && j->problem.len)
        rc = add_gap(m, "app-vuln", "broken",
                     pl_arena_printf(m->keep, "advisories of applications may be incomplete: %.*s",
                                     PL_FMT(j->problem)),
                     err);
    return rc;
}

/* "no feed covers conda (3 packages), hex (1 package)" */
static pl_span uncovered_types(struct pl_matcher *m)
{
    const struct pl_app_type *types = m->apps.items;
    const char *text = "no feed covers";
    bool first = true;
    for (size_t i = 0; text && i < m->apps.n; i++) {
        if (types[i].stream)
            continue;
        text = pl_arena_printf(m->keep, "%s%s %.*s (%llu package%s)", text, first ? "" : ",",
                               PL_FMT(types[i].type), (unsigned long long)types[i].n,
                               plural(types[i].n));
        first = false;
    }
    return pl_span_str(text);
}

static pl_span owned_note(struct pl_matcher *m)
{
    if (m->n_owned == 0)
        return PL_SPAN_NONE;
    return pl_span_str(pl_arena_printf(
        m->keep,
        "%llu package%s of applications belong%s to packages of the distribution, whose "
        "advisories judge %s",
        (unsigned long long)m->n_owned, plural(m->n_owned), m->n_owned == 1 ? "s" : "",
        m->n_owned == 1 ? "it" : "them"));
}

/* Every ecosystem that was met, and whether some feed knows it. Where there is nothing to judge,
 * nothing is what the judging found. */
static pl_rc app_coverage(struct pl_matcher *m, struct pl_err *err)
{
    struct pl_coverage *c = &m->report->coverage[PL_CLASS_APP_VULN];
    const struct pl_app_type *types = m->apps.items;
    struct judges j = { 0 };
    size_t missing = 0;
    for (size_t i = 0; i < m->apps.n; i++)
        missing += types[i].stream == 0;
    pl_rc rc = app_judges(m, &j, err);
    if (!rc)
        rc = app_gaps(m, &j, err);
    if (rc)
        return rc;
    *c = (struct pl_coverage){ .class_id = PL_CLASS_APP_VULN,
                               .by = j.by.len || m->apps.n ? j.by : PL_LIT("inventory"),
                               .as_of = j.as_of,
                               .state = PL_COVERAGE_ASSESSED,
                               .detail = owned_note(m) };
    if (missing) {
        c->state = missing == m->apps.n ? PL_COVERAGE_UNSUPPORTED : PL_COVERAGE_PARTIAL;
        c->detail = uncovered_types(m);
    } else if (!m->inv->all_layers_read) {
        c->state = PL_COVERAGE_PARTIAL;
        c->detail = PL_LIT("some layers could not be read");
    } else if (j.problem.len) {
        c->state = PL_COVERAGE_PARTIAL;
        c->detail = PL_LIT("a feed could not be read to its end");
    } else if (m->apps.n == 0 && m->n_owned == 0) {
        c->detail = PL_LIT("the image holds no packages of applications");
    }
    return m->apps.n && selection_only(&j) ? few_advisories(m, &j, c, err) : PL_OK;
}

pl_rc pl_match_coverage(struct pl_matcher *m, struct pl_err *err)
{
    pl_rc rc = os_coverage(m, err);
    return rc ? rc : app_coverage(m, err);
}
