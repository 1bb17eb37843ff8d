/* match.c - the packages of an inventory against the database.
 *
 * For each package its rows are read (one group by its binary name, one by its source's); each
 * row that applies makes a statement per vulnerability: affected or not, and since when not. Of
 * several publishers the one of the lowest rank that has any statement is believed; within it the
 * package is affected when any statement says so, and the greatest fixed version counts. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "advisory/match.h"

enum { PER_PACKAGE_BYTES = 512 << 20 };

static pl_rc full(struct pl_err *err) { return pl_fail(err, PL_ELIMIT, "the report is full"); }

static pl_rc damaged(const struct pl_matcher *m, struct pl_err *err)
{
    return pl_fail(err, PL_EFORMAT,
                   "advisory database %s is damaged: build it again "
                   "(`plimsoll db update`)",
                   m->db->path);
}

/* ---- statements ---- */

struct pl_row_words pl_row_words_of(struct pl_matcher *m, const struct pl_entry_row *e,
                                    const struct pl_subject *s)
{
    struct pl_row_words w = { .arch = pl_advisory_word(m->db, e->arch),
                              .module = pl_advisory_word(m->db, e->module),
                              .channel = pl_advisory_word(m->db, e->channel),
                              .scheme = pl_scheme_find(pl_advisory_word(m->db, e->scheme)) };
    if (!w.scheme)
        w.scheme = pl_scheme_of_type(s->package->type);
    return w;
}

static enum pl_severity known_severity(uint64_t v)
{
    return v > PL_SEVERITY_CRITICAL ? PL_SEVERITY_UNKNOWN : (enum pl_severity)v;
}

static pl_rc state(struct pl_matcher *m, const struct pl_entry_row *e, const struct pl_subject *s,
                   struct pl_vec *out, struct pl_err *err)
{
    struct pl_row_words w = pl_row_words_of(m, e, s);
    enum pl_applies applies = pl_row_applies(e, &w, s);
    bool outside = false;
    pl_span fixed = PL_SPAN_NONE;
    if (applies == PL_APPLIES_NOT)
        return PL_OK;
    bool affects = pl_row_affects(e, &w, s, &fixed, &outside);
    if (outside)
        return PL_OK;
    unsigned rank = e->feed < m->n_feeds ? m->feeds[e->feed].rank : 1000;
    for (size_t i = 0; i < e->n_vulns; i++) {
        struct pl_statement *t = pl_vec_push(&m->tmp, out);
        if (!t)
            return full(err);
        *t = (struct pl_statement){
            .vuln = e->vulns[i] >> 3,
            .rank = rank,
            .affects = affects,
            .esm = applies == PL_APPLIES_ESM,
            .of_source = s->of_source,
            .fixed = fixed,
            .version = s->version,
            .row = e,
            .scheme = w.scheme,
            .order = out->n,
            .severity = e->severity ? e->severity : known_severity(e->vulns[i] & 7),
        };
    }
    return PL_OK;
}

/* The rows of one (stream, name), unpacked into tmp. */
pl_rc pl_match_rows(struct pl_matcher *m, int64_t stream, pl_span name, struct pl_vec *out,
                    struct pl_err *err)
{
    sqlite3_stmt *st = m->db->get_group;
    bool row = false, broken = false;
    pl_span body = PL_SPAN_NONE;
    sqlite3_bind_int64(st, 1, stream);
    pl_sql_bind_text(st, 2, name);
    pl_rc rc = pl_sql_step(st, &row, err);
    if (!rc && row && !pl_body_inflate(pl_sql_blob(st, 0), &m->tmp, &body))
        rc = damaged(m, err);
    sqlite3_reset(st);
    while (!rc) {
        struct pl_entry_row e;
        if (!pl_entry_unpack(&body, &m->tmp, &e, &broken))
            break;
        struct pl_entry_row *at = pl_vec_push(&m->tmp, out);
        if (!at)
            return full(err);
        *at = e;
    }
    return broken ? damaged(m, err) : rc;
}

pl_rc pl_match_state(struct pl_matcher *m, const struct pl_vec *rows, const struct pl_subject *s,
                     struct pl_vec *out, struct pl_err *err)
{
    const struct pl_entry_row *e = rows->items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < rows->n; i++)
        rc = state(m, &e[i], s, out, err);
    return rc;
}

/* ---- one finding ---- */

int pl_statement_order(const void *x, const void *y)
{
    const struct pl_statement *a = x, *b = y;
    if (a->vuln != b->vuln)
        return a->vuln < b->vuln ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

bool pl_statement_mends(const struct pl_statement *t)
{
    return t->affects && t->row->status == PL_STATUS_FIXED && t->fixed.len;
}

/* Without a fix the word that leaves most hope counts: "affected" before "will not fix". */
static int hope(enum pl_status s)
{
    static const int order[] = { [PL_STATUS_FIXED] = 0,        [PL_STATUS_AFFECTED] = 1,
                                 [PL_STATUS_FIX_DEFERRED] = 2, [PL_STATUS_WILL_NOT_FIX] = 3,
                                 [PL_STATUS_END_OF_LIFE] = 4,  [PL_STATUS_UNDER_INVESTIGATION] = 5,
                                 [PL_STATUS_NOT_AFFECTED] = 6 };
    return order[s];
}

static bool leads(const struct pl_statement *a, const struct pl_statement *b)
{
    if (pl_statement_mends(a) != pl_statement_mends(b))
        return pl_statement_mends(a);
    if (pl_statement_mends(a))
        return a->scheme && a->scheme->compare(a->fixed, b->fixed) > 0;
    return hope(a->row->status) < hope(b->row->status);
}

/* The statement that speaks for the run, NULL when the package is not affected. *pro: the fix is
 * only for subscribers of Ubuntu Pro. */
static const struct pl_statement *verdict(const struct pl_statement *t, size_t n, bool *pro)
{
    const struct pl_statement *lead = NULL, *esm = NULL;
    unsigned rank = 0;
    bool said = false;
    *pro = false;
    for (size_t i = 0; i < n; i++) {
        if (t[i].esm) {
            if (pl_statement_mends(&t[i]) && (!esm || leads(&t[i], esm)))
                esm = &t[i];
            continue;
        }
        if (said && t[i].rank != rank)
            continue;
        said = true;
        rank = t[i].rank;
        if (t[i].affects && (!lead || leads(&t[i], lead)))
            lead = &t[i];
    }
    if ((said && !lead) || !esm || (lead && pl_statement_mends(lead)))
        return lead;
    *pro = true;
    return esm;
}

static const char *thing_of(struct pl_matcher *m, const struct pl_package *p,
                            const struct pl_statement *t)
{
    if (t->of_source && p->source_name.len && !pl_span_eq(p->source_name, p->name))
        return pl_arena_printf(m->keep, "%.*s (source %.*s) %.*s", PL_FMT(p->name),
                               PL_FMT(p->source_name), PL_FMT(t->version));
    return pl_arena_printf(m->keep, "%.*s %.*s", PL_FMT(p->name), PL_FMT(t->version));
}

static const char *cause_of(struct pl_matcher *m, const struct pl_package *p,
                            const struct pl_statement *t, enum pl_status status)
{
    const char *thing = thing_of(m, p, t);
    if (!thing)
        return NULL;
    switch (status) {
    case PL_STATUS_FIXED:
        return pl_arena_printf(m->keep, "%s is older than %.*s", thing, PL_FMT(t->fixed));
    case PL_STATUS_WILL_NOT_FIX:
        return pl_arena_printf(m->keep, "%s is affected, and its publisher will not fix it", thing);
    case PL_STATUS_FIX_DEFERRED:
        return pl_arena_printf(m->keep, "%s is affected, and its publisher puts the fix off",
                               thing);
    case PL_STATUS_END_OF_LIFE:
        return pl_arena_printf(m->keep, "%s is affected, and no longer supported", thing);
    case PL_STATUS_UNDER_INVESTIGATION:
        return pl_arena_printf(m->keep, "whether %s is affected is not decided yet", thing);
    default: return pl_arena_printf(m->keep, "no fix is published for %s", thing);
    }
}

/* The advisories that say so (DSA, RHSA) stand beside the aliases, their links beside the links. */
static pl_rc add_advisories(struct pl_matcher *m, const struct pl_statement *t, size_t n,
                            const struct pl_statement *lead, struct pl_finding *f,
                            struct pl_err *err)
{
    enum { SAID_MAX = 16 };
    struct pl_vec aliases = PL_VEC(pl_span), links = PL_VEC(pl_span);
    size_t said = 0;
    for (size_t i = 0; i < n && said < SAID_MAX; i++) {
        const struct pl_known_advisory *a;
        if (!t[i].affects || t[i].rank != lead->rank)
            continue;
        pl_rc rc = pl_known_advisory_find(m, t[i].row->advisory, &a, err);
        if (rc)
            return rc;
        bool seen = pl_span_eq(a->name, f->id);
        for (size_t k = 0; !seen && k < f->n_aliases + aliases.n; k++)
            seen = pl_span_eq(a->name, k < f->n_aliases
                                           ? f->aliases[k]
                                           : ((pl_span *)aliases.items)[k - f->n_aliases]);
        if (f->title.len == 0)
            f->title = a->title;
        if (f->published.len == 0)
            f->published = a->published;
        if (seen)
            continue;
        said++;
        pl_span *at = pl_vec_push(&m->tmp, &aliases);
        if (!at)
            return full(err);
        *at = a->name;
        for (size_t k = 0; k < a->n_references; k++) {
            if (!(at = pl_vec_push(&m->tmp, &links)))
                return full(err);
            *at = a->references[k];
        }
    }
    const struct {
        struct pl_vec *more;
        const pl_span **list;
        size_t *n, max;
        bool first;
    } sides[] = { { &aliases, &f->aliases, &f->n_aliases, PL_KEEP_ALIASES, false },
                  { &links, &f->references, &f->n_references, PL_KEEP_REFERENCES, true } };
    for (size_t s = 0; s < PL_COUNT(sides); s++) {
        size_t have = *sides[s].n, more = sides[s].more->n, at = 0;
        if (more == 0)
            continue;
        pl_span *all = pl_arena_array(m->keep, have + more, sizeof(*all));
        if (!all)
            return full(err);
        const pl_span *lists[2] = { sides[s].first ? sides[s].more->items : *sides[s].list,
                                    sides[s].first ? *sides[s].list : sides[s].more->items };
        size_t sizes[2] = { sides[s].first ? more : have, sides[s].first ? have : more };
        for (size_t l = 0; l < 2; l++)
            for (size_t k = 0; k < sizes[l] && at < sides[s].max; k++) {
                bool seen = false;
                for (size_t q = 0; !seen && q < at; q++)
                    seen = pl_span_eq(all[q], lists[l][k]);
                if (!seen)
                    all[at++] = lists[l][k];
            }
        *sides[s].list = all;
        *sides[s].n = at;
    }
    return PL_OK;
}

static int by_text(const void *x, const void *y)
{
    return pl_span_cmp(*(const pl_span *)x, *(const pl_span *)y);
}

/* Publishers' scores beside what the lead says: the vendor's word, else NVD's, else the scores. */
static void judge_severity(const struct pl_matcher *m, const struct pl_statement *t, size_t n,
                           const struct pl_statement *lead, const struct pl_known *k,
                           struct pl_finding *f)
{
    const struct pl_statement *by = lead;
    for (size_t i = 0; by->severity == PL_SEVERITY_UNKNOWN && i < n; i++)
        if (t[i].affects && t[i].rank == lead->rank)
            by = &t[i];
    if (by->severity != PL_SEVERITY_UNKNOWN) {
        f->severity = by->severity;
        f->severity_source = m->feeds[by->row->feed].name;
    } else {
        f->severity = k->severity;
        f->severity_source = k->severity_source;
    }
    if (by->row->malicious) {
        f->severity = PL_SEVERITY_CRITICAL;
        f->severity_source = m->feeds[by->row->feed].name;
    }
}

static void take_known(struct pl_finding *f, const struct pl_known *k)
{
    f->id = k->id;
    f->aliases = k->aliases;
    f->n_aliases = k->n_aliases;
    f->title = k->title;
    f->description = k->description;
    f->published = k->published;
    f->cvss = k->cvss;
    f->n_cvss = k->n_cvss;
    f->references = k->references;
    f->n_references = k->n_references;
    f->cwes = k->cwes;
    f->n_cwes = k->n_cwes;
    f->epss = k->epss;
    f->epss_percentile = k->epss_percentile;
    f->known_exploited = k->known_exploited;
    f->ransomware = k->ransomware;
}

static bool keep_text(struct pl_matcher *m, pl_span in, pl_span *out)
{
    *out = PL_SPAN_NONE;
    return in.len == 0 || pl_arena_copy(m->keep, in, out);
}

static pl_rc report(struct pl_matcher *m, size_t package, const struct pl_subject *s,
                    const struct pl_statement *t, size_t n, struct pl_err *err)
{
    bool pro;
    const struct pl_statement *lead = verdict(t, n, &pro);
    const struct pl_known *k = NULL;
    if (!lead)
        return PL_OK;
    const struct pl_package *p = s->package;
    pl_rc rc = pl_known_find(m, lead->vuln, &k, err);
    struct pl_finding *f = rc ? NULL : pl_vec_push(m->keep, &m->findings);
    if (!f)
        return rc ? rc : full(err);
    *f = (struct pl_finding){
        .class_id = s->is_app ? PL_CLASS_APP_VULN : PL_CLASS_OS_VULN,
        .status = lead->row->status == PL_STATUS_FIXED && !lead->fixed.len ? PL_STATUS_AFFECTED
                                                                           : lead->row->status,
        .package = (int64_t)package,
        .installed_version = p->version,
        .path = p->path,
        .layer = (int32_t)p->layer,
        .removed_in_layer = -1,
        .feed = m->feeds[lead->row->feed].name,
    };
    take_known(f, k);
    judge_severity(m, t, n, lead, k, f);
    rc = add_advisories(m, t, n, lead, f, err);
    if (rc)
        return rc;
    if (f->n_aliases)
        qsort((void *)(uintptr_t)f->aliases, f->n_aliases, sizeof(pl_span), by_text);
    f->cause = pl_span_str(cause_of(m, p, lead, f->status));
    if (pro)
        f->fix.caution = PL_LIT("the fix is only for subscribers of Ubuntu Pro (ESM)");
    else if (p->flags & PL_PACKAGE_KERNEL_HEADERS)
        f->fix.caution = PL_LIT("headers only; the running kernel is the host's");
    pl_span note = lead->row->note;
    if (note.len == 0 && lead->row->malicious)
        note = PL_LIT("the package itself is malicious: remove it");
    if (note.len == 0 && (p->flags & PL_PACKAGE_KERNEL_HEADERS))
        note = PL_LIT("headers only; the running kernel is the host's");
    if (note.len == 0 && s->is_app && pl_span_eq(p->type, PL_LIT("generic")))
        note = PL_LIT("by product name");
    return f->cause.ptr && keep_text(m, lead->fixed, &f->fixed_version) &&
                   keep_text(m, note, &f->note)
               ? PL_OK
               : full(err);
}

pl_rc pl_match_report(struct pl_matcher *m, size_t package, const struct pl_subject *s,
                      struct pl_vec *statements, struct pl_err *err)
{
    struct pl_statement *t = statements->items;
    pl_rc rc = PL_OK;
    if (statements->n)
        qsort(t, statements->n, sizeof(*t), pl_statement_order);
    for (size_t i = 0, end; !rc && i < statements->n; i = end) {
        for (end = i + 1; end < statements->n && t[end].vuln == t[i].vuln;)
            end++;
        rc = report(m, package, s, &t[i], end - i, err);
    }
    return rc;
}

/* ---- one package ---- */

static struct pl_subject subject_of(const struct pl_package *p, bool of_source)
{
    struct pl_subject s = {
        .package = p,
        .name = p->name,
        .version = p->version,
        .of_source = of_source,
        .esm = pl_span_find(p->version, PL_LIT("esm")) != SIZE_MAX,
        .modular = p->module.len || pl_span_find(p->version, PL_LIT(".module+")) != SIZE_MAX ||
                   pl_span_find(p->version, PL_LIT(".module_")) != SIZE_MAX,
    };
    if (of_source && p->source_name.len)
        s.name = p->source_name;
    if (of_source && p->source_version.len)
        s.version = p->source_version;
    return s;
}

static bool published_here(struct pl_matcher *m, const struct pl_vec *rows,
                           const struct pl_subject *s)
{
    const struct pl_entry_row *e = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        struct pl_row_words w = pl_row_words_of(m, &e[i], s);
        if (e[i].of_source == s->of_source && pl_row_publishes(&e[i], &w, s))
            return true;
    }
    return false;
}

static pl_rc match_os_package(struct pl_matcher *m, int64_t stream, size_t index,
                              struct pl_err *err)
{
    const struct pl_package *p = &m->inv->packages[index];
    struct pl_subject binary = subject_of(p, false), source = subject_of(p, true);
    struct pl_vec rows = PL_VEC(struct pl_entry_row), source_rows = PL_VEC(struct pl_entry_row);
    struct pl_vec statements = PL_VEC(struct pl_statement);
    pl_rc rc = pl_match_rows(m, stream, binary.name, &rows, err);
    if (!rc && pl_span_eq(binary.name, source.name))
        source_rows = rows;
    else if (!rc)
        rc = pl_match_rows(m, stream, source.name, &source_rows, err);
    if (rc)
        return rc;
    pl_span vendor = pl_third_party(p, m->inv->os.distro);
    if (vendor.len && !published_here(m, &rows, &binary) &&
        !published_here(m, &source_rows, &source))
        return pl_third_party_note(m, p, vendor, err);
    rc = pl_match_state(m, &rows, &binary, &statements, err);
    rc = rc ? rc : pl_match_state(m, &source_rows, &source, &statements, err);
    return rc ? rc : pl_match_report(m, index, &binary, &statements, err);
}

static bool is_os_package(const struct pl_package *p)
{
    static const char *const types[] = { "deb", "rpm", "apk", "alpm", "ebuild" };
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (pl_span_eq(p->type, pl_span_str(types[i])))
            return true;
    return false;
}

static bool is_of_distro(const struct pl_package *p, const struct pl_os *os)
{
    return os->stream.len &&
           (!os->distro || pl_span_eq(p->type, pl_span_str(os->distro->package_type)));
}

static pl_rc match_all(struct pl_matcher *m, struct pl_err *err)
{
    int64_t stream = 0;
    pl_rc rc = PL_OK;
    if (m->inv->os.stream.len)
        rc = pl_match_stream(m, m->inv->os.stream, &stream, err);
    for (size_t i = 0; !rc && i < m->inv->n_packages; i++) {
        const struct pl_package *p = &m->inv->packages[i];
        pl_arena_reset(&m->tmp);
        if (!is_os_package(p))
            rc = pl_match_app(m, i, err);
        else if (stream && is_of_distro(p, &m->inv->os))
            rc = match_os_package(m, stream, i, err);
        if (rc)
            return pl_wrap(err, "%.*s", PL_FMT(p->name));
    }
    return rc;
}

/* ---- all together ---- */

static pl_rc load_feeds(struct pl_matcher *m, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct pl_vec feeds = PL_VEC(struct pl_feed_row);
    bool row = true;
    pl_rc rc =
        pl_sql_prepare(m->db->sql, "SELECT id, name, what, rank FROM feed ORDER BY id", &st, err);
    if (!rc && !pl_vec_push(m->keep, &feeds))
        rc = full(err);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row) {
        if (sqlite3_column_int64(st, 0) != (int64_t)feeds.n)
            return damaged(m, err);
        struct pl_feed_row *f = pl_vec_push(m->keep, &feeds);
        if (!f || !pl_arena_copy(m->keep, pl_sql_text(st, 1), &f->name) ||
            !pl_arena_copy(m->keep, pl_sql_text(st, 2), &f->what))
            return full(err);
        f->rank = (unsigned)sqlite3_column_int(st, 3);
    }
    m->feeds = feeds.items;
    m->n_feeds = feeds.n;
    return rc;
}

static pl_rc prepare(struct pl_matcher *m, struct pl_err *err)
{
    pl_rc rc = pl_advisory_words(m->db, err);
    rc = rc ? rc : load_feeds(m, err);
    rc = rc ? rc
            : pl_sql_prepare(m->db->sql, "SELECT feed FROM file WHERE id = ?", &m->get_file, err);
    rc = rc ? rc
            : pl_sql_prepare(m->db->sql,
                             "SELECT id FROM stream WHERE name = ? AND id IN"
                             " (SELECT stream FROM judge)",
                             &m->get_stream, err);
    return rc ? rc
              : pl_sql_prepare(m->db->sql,
                               "SELECT feed.what, judge.published_at, judge.problem, feed.name,"
                               " feed.records FROM judge"
                               " JOIN feed ON feed.id = judge.feed WHERE stream = ?"
                               " ORDER BY feed.rank, feed.name",
                               &m->get_judges, err);
}

static pl_rc hand_over(struct pl_matcher *m, struct pl_err *err)
{
    struct pl_report *r = m->report;
    size_t nf = r->n_findings + m->findings.n, ng = r->n_gaps + m->gaps.n;
    struct pl_finding *f = pl_arena_array(m->keep, nf, sizeof(*f));
    struct pl_gap *g = pl_arena_array(m->keep, ng, sizeof(*g));
    if (!f || !g)
        return full(err);
    if (r->n_findings)
        memcpy(f, r->findings, r->n_findings * sizeof(*f));
    if (m->findings.n)
        memcpy(f + r->n_findings, m->findings.items, m->findings.n * sizeof(*f));
    if (r->n_gaps)
        memcpy(g, r->gaps, r->n_gaps * sizeof(*g));
    for (size_t i = 0; i < m->gaps.n; i++)
        g[r->n_gaps + i] = *((struct pl_gap **)m->gaps.items)[i];
    r->findings = f;
    r->n_findings = nf;
    r->gaps = g;
    r->n_gaps = ng;
    return PL_OK;
}

pl_rc pl_match_packages(struct pl_advisory_db *db, const struct pl_inventory *inv,
                        struct pl_arena *keep, struct pl_report *report_out, struct pl_err *err)
{
    struct pl_matcher m = {
        .db = db,
        .inv = inv,
        .keep = keep,
        .report = report_out,
        .findings = PL_VEC(struct pl_finding),
        .gaps = PL_VEC(struct pl_gap *),
        .apps = PL_VEC(struct pl_app_type),
    };
    pl_arena_init(&m.tmp, PER_PACKAGE_BYTES);
    pl_rc rc = prepare(&m, err);
    rc = rc ? rc : match_all(&m, err);
    rc = rc ? rc : pl_match_coverage(&m, err);
    rc = rc ? rc : hand_over(&m, err);
    pl_map_done(&m.vulns);
    pl_map_done(&m.advisories);
    pl_map_done(&m.outsiders);
    sqlite3_finalize(m.get_file);
    sqlite3_finalize(m.get_stream);
    sqlite3_finalize(m.get_judges);
    pl_arena_done(&m.tmp);
    return rc;
}
