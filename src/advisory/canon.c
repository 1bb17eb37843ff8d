/* canon.c - which ids are one vulnerability, and by which of them it is known.
 *
 * Union-find over the alias pairs that records gave. Two CVEs are never joined: CNAs split what
 * collectors lump together, and distributions list both. A group is bounded, because one record
 * with a careless alias list would otherwise weld half a database together. */
#include <stdlib.h>

#include "advisory/build.h"

enum { GROUP_MAX = 64 };

struct groups {
    uint32_t *parent, *cve; /* cve: of a root, the CVE in its group; 0 none */
    uint16_t *size;
};

static void groups_done(struct groups *g)
{
    free(g->parent);
    free(g->cve);
    free(g->size);
}

static pl_rc groups_init(struct groups *g, const struct pl_advisory_build *b, struct pl_err *err)
{
    size_t n = (size_t)b->vulns.n + 1;
    *g = (struct groups){ malloc(n * sizeof(*g->parent)), calloc(n, sizeof(*g->cve)),
                          malloc(n * sizeof(*g->size)) };
    if (!g->parent || !g->cve || !g->size) {
        groups_done(g);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        g->parent[i] = i;
        g->size[i] = 1;
        g->cve[i] = pl_build_is_cve(pl_intern_text(&b->vulns, i)) ? i : 0;
    }
    return PL_OK;
}

static uint32_t root_of(struct groups *g, uint32_t i)
{
    while (g->parent[i] != i)
        i = g->parent[i] = g->parent[g->parent[i]];
    return i;
}

static void unite(struct groups *g, uint32_t x, uint32_t y)
{
    x = root_of(g, x);
    y = root_of(g, y);
    if (x == y || (g->cve[x] && g->cve[y]) || g->size[x] + g->size[y] > GROUP_MAX)
        return;
    if (g->size[x] < g->size[y]) {
        uint32_t swap = x;
        x = y;
        y = swap;
    }
    g->parent[y] = x;
    g->size[x] = (uint16_t)(g->size[x] + g->size[y]);
    g->cve[x] = g->cve[x] ? g->cve[x] : g->cve[y];
}

/* The name for people: the CVE, else GitHub's, else the first in the alphabet. */
static bool better_name(pl_span a, pl_span b)
{
    bool ga = pl_span_starts(a, PL_LIT("GHSA-")), gb = pl_span_starts(b, PL_LIT("GHSA-"));
    return ga != gb ? ga : pl_span_cmp(a, b) < 0;
}

static void name_groups(struct groups *g, const struct pl_advisory_build *b, uint32_t *canon)
{
    for (uint32_t i = 1; i <= b->vulns.n; i++) {
        uint32_t root = root_of(g, i);
        if (g->cve[root])
            canon[root] = g->cve[root];
        else if (!canon[root] ||
                 better_name(pl_intern_text(&b->vulns, i), pl_intern_text(&b->vulns, canon[root])))
            canon[root] = i;
    }
    /* Roots first hold the answer of their group; then everybody copies it. The root's own cell
     * is right already. */
    for (uint32_t i = 1; i <= b->vulns.n; i++)
        canon[i] = canon[root_of(g, i)];
}

pl_rc pl_build_canon(struct pl_advisory_build *b, sqlite3 *sql, uint32_t **out, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct groups g;
    bool row = true;
    pl_rc rc = pl_sql_prepare(sql, "SELECT x, y FROM stage.alias ORDER BY rowid", &st, err);
    if (!rc)
        rc = groups_init(&g, b, err);
    if (rc)
        return rc;
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row)
        unite(&g, (uint32_t)sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1));
    uint32_t *canon = rc ? NULL : calloc((size_t)b->vulns.n + 1, sizeof(*canon));
    if (canon)
        name_groups(&g, b, canon);
    else if (!rc)
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    groups_done(&g);
    if (!rc)
        *out = canon;
    return rc;
}
