/* known.c - what is known of a vulnerability, put together from the parts of its publishers. */
#include <stdlib.h>

#include "advisory/match.h"

static pl_rc damaged(const struct pl_matcher *m, struct pl_err *err)
{
    return pl_fail(err, PL_EFORMAT,
                   "advisory database %s is damaged: build it again "
                   "(`plimsoll db update`)",
                   m->db->path);
}

static pl_rc full(struct pl_err *err) { return pl_fail(err, PL_ELIMIT, "the report is full"); }

/* The place of a number's value in a cache; the key lives in keep. */
static void **cache_at(struct pl_matcher *m, struct pl_map *cache, uint64_t number)
{
    pl_span key = pl_span_of(&number, sizeof(number));
    pl_span kept;
    if (pl_map_get(cache, key))
        return pl_map_at(cache, key);
    return pl_arena_copy(m->keep, key, &kept) ? pl_map_at(cache, kept) : NULL;
}

static pl_rc feed_of_file(struct pl_matcher *m, uint64_t file, const struct pl_feed_row **out,
                          struct pl_err *err)
{
    static const struct pl_feed_row nobody = { .rank = 1000 };
    bool row = false;
    sqlite3_bind_int64(m->get_file, 1, (int64_t)file);
    pl_rc rc = pl_sql_step(m->get_file, &row, err);
    int64_t feed = !rc && row ? sqlite3_column_int64(m->get_file, 0) : 0;
    sqlite3_reset(m->get_file);
    *out = feed > 0 && (uint64_t)feed < m->n_feeds ? &m->feeds[feed] : &nobody;
    return rc;
}

/* ---- gathering ---- */

struct gather {
    struct pl_matcher *m;
    struct pl_known *k;
    struct pl_vec aliases, cvss, references, cwes;
    bool nvd_severity;
};

static bool add_text(struct gather *g, struct pl_vec *v, pl_span text, size_t max)
{
    const pl_span *have = v->items;
    if (text.len == 0 || v->n >= max)
        return true;
    for (size_t i = 0; i < v->n; i++)
        if (pl_span_eq(have[i], text))
            return true;
    pl_span *at = pl_vec_push(g->m->keep, v);
    if (at)
        *at = text;
    return at;
}

static bool add_cvss(struct gather *g, const struct pl_cvss *c)
{
    const struct pl_cvss *have = g->cvss.items;
    for (size_t i = 0; i < g->cvss.n; i++)
        if (pl_span_eq(have[i].vector, c->vector) && pl_span_eq(have[i].source, c->source))
            return true;
    if (g->cvss.n >= PL_KEEP_CVSS)
        return true;
    struct pl_cvss *at = pl_vec_push(g->m->keep, &g->cvss);
    if (!at)
        return false;
    *at = *c;
    if (at->score < 0)
        at->score = pl_cvss_score(at->vector);
    return true;
}

static bool add_lists(struct gather *g, const struct pl_part *p)
{
    const struct pl_vuln_facts *f = &p->facts;
    bool ok =
        pl_span_eq(p->own_id, g->k->id) || add_text(g, &g->aliases, p->own_id, PL_KEEP_ALIASES);
    for (size_t i = 0; ok && i < p->n_aliases; i++)
        if (!pl_span_eq(p->aliases[i], g->k->id))
            ok = add_text(g, &g->aliases, p->aliases[i], PL_KEEP_ALIASES);
    for (size_t i = 0; ok && i < f->n_cvss; i++)
        ok = add_cvss(g, &f->cvss[i]);
    for (size_t i = 0; ok && i < f->n_references; i++)
        ok = add_text(g, &g->references, f->references[i], PL_KEEP_REFERENCES);
    for (size_t i = 0; ok && i < f->n_cwes; i++)
        ok = add_text(g, &g->cwes, f->cwes[i], PL_KEEP_CWES);
    return ok;
}

static void first_text(pl_span *have, pl_span other)
{
    if (have->len == 0)
        *have = other;
}

/* NVD's severity before other collectors'; the distribution's own is not asked here. */
static void add_facts(struct gather *g, const struct pl_vuln_facts *f, pl_span feed)
{
    struct pl_known *k = g->k;
    first_text(&k->title, f->title);
    first_text(&k->description, f->description);
    first_text(&k->published, f->published);
    bool nvd = pl_span_eq(feed, PL_LIT("nvd"));
    if (f->severity != PL_SEVERITY_UNKNOWN &&
        (k->severity == PL_SEVERITY_UNKNOWN || (nvd && !g->nvd_severity))) {
        k->severity = f->severity;
        k->severity_source = feed;
        g->nvd_severity = nvd;
    }
    if (k->epss < 0) {
        k->epss = f->epss;
        k->epss_percentile = f->epss_percentile;
    }
    k->known_exploited |= f->known_exploited;
    k->ransomware |= f->ransomware;
    k->rejected |= f->rejected;
}

static int by_text(const void *x, const void *y)
{
    return pl_span_cmp(*(const pl_span *)x, *(const pl_span *)y);
}

static void severity_from_scores(struct gather *g)
{
    const struct pl_cvss *best = NULL, *c = g->cvss.items;
    for (size_t i = 0; i < g->cvss.n; i++)
        if (c[i].score >= 0 && (!best || pl_cvss_leads(&c[i], best)))
            best = &c[i];
    if (!best || g->k->severity != PL_SEVERITY_UNKNOWN)
        return;
    g->k->severity = pl_severity_of_score(best->score);
    g->k->severity_source = best->source;
}

static void finish(struct gather *g)
{
    struct pl_known *k = g->k;
    severity_from_scores(g);
    if (g->aliases.n)
        qsort(g->aliases.items, g->aliases.n, sizeof(pl_span), by_text);
    k->aliases = g->aliases.items;
    k->n_aliases = g->aliases.n;
    k->cvss = g->cvss.items;
    k->n_cvss = g->cvss.n;
    k->references = g->references.items;
    k->n_references = g->references.n;
    k->cwes = g->cwes.items;
    k->n_cwes = g->cwes.n;
}

static pl_rc gather_parts(struct gather *g, pl_span parts, struct pl_err *err)
{
    struct pl_part p;
    pl_span one;
    while (pl_span_text(&parts, &one)) {
        const struct pl_feed_row *feed;
        if (!pl_part_unpack(&one, &g->m->tmp, &p))
            return damaged(g->m, err);
        pl_rc rc = feed_of_file(g->m, p.file, &feed, err);
        if (rc)
            return rc;
        add_facts(g, &p.facts, feed->name);
        if (!add_lists(g, &p))
            return full(err);
    }
    finish(g);
    return PL_OK;
}

static pl_rc load(struct pl_matcher *m, uint64_t vuln, struct pl_known *k, struct pl_err *err)
{
    sqlite3_stmt *st = m->db->get_vuln;
    struct pl_vuln_body body = { 0 };
    bool row = false;
    pl_span bytes;
    struct gather g = {
        m, k, PL_VEC(pl_span), PL_VEC(struct pl_cvss), PL_VEC(pl_span), PL_VEC(pl_span), false
    };
    sqlite3_bind_int64(st, 1, (int64_t)vuln);
    pl_rc rc = pl_sql_step(st, &row, err);
    if (!rc && (!row || !pl_arena_copy(m->keep, pl_sql_text(st, 0), &k->id)))
        rc = row ? full(err) : damaged(m, err);
    pl_span packed = rc ? PL_SPAN_NONE : pl_sql_blob(st, 2);
    if (packed.len &&
        (!pl_body_inflate(packed, m->keep, &bytes) || !pl_vuln_body_unpack(bytes, &m->tmp, &body)))
        rc = damaged(m, err);
    sqlite3_reset(st);
    return rc ? rc : gather_parts(&g, body.parts, err);
}

pl_rc pl_known_find(struct pl_matcher *m, uint64_t vuln, const struct pl_known **out,
                    struct pl_err *err)
{
    void **at = cache_at(m, &m->vulns, vuln);
    if (!at)
        return full(err);
    if (!*at) {
        struct pl_known *k = pl_arena_alloc(m->keep, sizeof(*k));
        if (!k)
            return full(err);
        k->epss = k->epss_percentile = -1;
        pl_rc rc = load(m, vuln, k, err);
        if (rc)
            return rc;
        *at = k;
    }
    *out = *at;
    return PL_OK;
}

static pl_rc load_advisory(struct pl_matcher *m, uint64_t id, struct pl_known_advisory *k,
                           struct pl_err *err)
{
    sqlite3_stmt *st = m->db->get_advisory;
    struct pl_advisory_body body;
    bool row = false;
    sqlite3_bind_int64(st, 1, (int64_t)id);
    pl_rc rc = pl_sql_step(st, &row, err);
    pl_span bytes;
    if (!rc && (!row || !pl_arena_copy(m->keep, pl_sql_text(st, 0), &k->name) ||
                !pl_arena_copy(m->keep, pl_sql_blob(st, 2), &bytes) ||
                !pl_advisory_body_unpack(bytes, m->keep, &body)))
        rc = damaged(m, err);
    sqlite3_reset(st);
    if (rc)
        return rc;
    k->title = body.title;
    k->published = body.published;
    k->references = body.references;
    k->n_references = body.n_references;
    return PL_OK;
}

pl_rc pl_known_advisory_find(struct pl_matcher *m, uint64_t id,
                             const struct pl_known_advisory **out, struct pl_err *err)
{
    void **at = cache_at(m, &m->advisories, id);
    if (!at)
        return full(err);
    if (!*at) {
        struct pl_known_advisory *k = pl_arena_alloc(m->keep, sizeof(*k));
        if (!k)
            return full(err);
        pl_rc rc = load_advisory(m, id, k, err);
        if (rc)
            return rc;
        *at = k;
    }
    *out = *at;
    return PL_OK;
}
