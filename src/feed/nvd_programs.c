/* nvd_programs.c - which versions of a product NVD calls vulnerable, as rows of stream "generic".
 *
 * A product's name is a guess where a coordinate is knowledge, so only what speaks plainly is
 * taken: applications (part "a"), vulnerable, in a configuration of one node whose matches are
 * alternatives. "This product running on that one" (AND) is passed over, since the other side is
 * seldom known, and so is a match without any version bound, which NVD writes where nobody looked.
 *
 * Spec: NVD API 2.0, configurations; CPE 2.3 (NIST IR 7695), formatted strings. */
#include "feed/nvd_programs.h"
#include "model/program_rules.h"

struct product {
    pl_span package;
    struct product *next;
    size_t row; /* in the record under way, from 1; 0: none */
    struct pl_vec ranges, versions;
    struct product *used; /* others of this record */
};

pl_rc pl_products_init(struct pl_products *t, struct pl_err *err)
{
    const char *why;
    size_t n;
    const struct pl_program_rule *rules = pl_program_rules(&n, &why);
    *t = (struct pl_products){ 0 };
    pl_arena_init(&t->arena, 16 * PL_MIB);
    if (!rules)
        return pl_fail(err, PL_EFORMAT, "%s", why);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rules[i].n_cpe; k++) {
            void **at = pl_map_at(&t->map, rules[i].cpe[k]);
            struct product *p = at ? *at : NULL;
            while (p && !pl_span_eq(p->package, rules[i].package))
                p = p->next;
            if (p)
                continue;
            p = pl_arena_alloc(&t->arena, sizeof(*p));
            if (!at || !p)
                return pl_fail(err, PL_ENOMEM, "no room for the names of products");
            *p = (struct product){ .package = rules[i].package, .next = *at };
            *at = p;
        }
    return PL_OK;
}

void pl_products_done(struct pl_products *t)
{
    pl_map_done(&t->map);
    pl_arena_done(&t->arena);
}

/* ---- CPE names ---- */

enum {
    PART = 2,
    VENDOR,
    PRODUCT,
    VERSION,
    UPDATE,
    EDITION,
    LANGUAGE,
    SW_EDITION,
    TARGET_SW,
    PARTS
};

/* "cpe:2.3:a:nodejs:node.js:*:*:*:*:-:*:*:*", apart at colons that no backslash precedes. */
static bool split_cpe(pl_span s, pl_span parts[PARTS])
{
    size_t from = 0, n = 0;
    for (size_t i = 0; i <= s.len && n < PARTS; i++) {
        if (i < s.len && s.ptr[i] == '\\') {
            i++;
            continue;
        }
        if (i < s.len && s.ptr[i] != ':')
            continue;
        parts[n++] = pl_span_sub(s, from, i - from);
        from = i + 1;
    }
    return n == PARTS && pl_span_eq(parts[0], PL_LIT("cpe")) &&
           pl_span_eq(parts[1], PL_LIT("2.3")) && pl_span_eq(parts[PART], PL_LIT("a"));
}

static bool any(pl_span s) { return pl_span_eq(s, PL_LIT("*")) || pl_span_eq(s, PL_LIT("-")); }

/* A product for another platform, or sold apart, is not the program in a container. */
static bool of_this_kind(const pl_span parts[PARTS])
{
    static const char *const targets[] = { "linux", "linux_kernel", "docker", "kubernetes",
                                           "unix" };
    bool here = any(parts[TARGET_SW]);
    for (size_t i = 0; i < PL_COUNT(targets); i++)
        here |= pl_span_eq(parts[TARGET_SW], pl_span_str(targets[i]));
    return here && !pl_span_starts(parts[SW_EDITION], PL_LIT("enterprise")) &&
           !pl_span_starts(parts[SW_EDITION], PL_LIT("premium"));
}

/* "9.2" and "p1" are "9.2p1", as the program says. */
static pl_span version_of(struct pl_record *r, const pl_span parts[PARTS])
{
    pl_span v = parts[VERSION];
    if (any(v))
        return PL_SPAN_NONE;
    char *text = pl_arena_alloc(&r->tmp, v.len + parts[UPDATE].len + 1);
    size_t n = 0;
    r->failed |= !text;
    for (size_t i = 0; text && i < v.len; i++)
        if (v.ptr[i] != '\\')
            text[n++] = v.ptr[i];
    for (size_t i = 0; text && !any(parts[UPDATE]) && i < parts[UPDATE].len; i++)
        if (parts[UPDATE].ptr[i] != '\\')
            text[n++] = parts[UPDATE].ptr[i];
    return text ? pl_span_of(text, n) : PL_SPAN_NONE;
}

/* ---- matches ---- */

static void add_version(struct pl_record *r, struct product *p, pl_span version)
{
    pl_span *at = pl_vec_push(&r->tmp, &p->versions);
    r->failed |= !at;
    if (at)
        *at = version;
}

static void add_range(struct pl_record *r, struct product *p, const struct pl_range *range)
{
    struct pl_range *at = pl_vec_push(&r->tmp, &p->ranges);
    r->failed |= !at;
    if (at)
        *at = *range;
}

static void start_row(struct pl_record *r, struct product *p, struct product **used)
{
    if (p->row)
        return;
    if (!pl_record_affected(r, PL_LIT("generic"), p->package, "generic", PL_STATUS_AFFECTED,
                            PL_SPAN_NONE) ||
        r->failed)
        return;
    p->row = r->affected.n;
    p->ranges = PL_VEC(struct pl_range);
    p->versions = PL_VEC(pl_span);
    p->used = *used;
    *used = p;
}

static void add_match(struct pl_products *t, const json_t *match, struct pl_record *r,
                      struct product **used)
{
    pl_span parts[PARTS], cpe = pl_json_text(match, "criteria");
    if (!pl_json_bool(match, "vulnerable") || !split_cpe(cpe, parts) || !of_this_kind(parts))
        return;
    pl_span key = pl_span_of(parts[VENDOR].ptr, parts[VENDOR].len + 1 + parts[PRODUCT].len);
    struct pl_range range = { .introduced = pl_json_text(match, "versionStartIncluding"),
                              .fixed = pl_json_text(match, "versionEndExcluding"),
                              .last_affected = pl_json_text(match, "versionEndIncluding") };
    if (!range.introduced.len) {
        range.introduced = pl_json_text(match, "versionStartExcluding");
        range.introduced_excluded = range.introduced.len > 0;
    }
    bool bounded = range.introduced.len || range.fixed.len || range.last_affected.len;
    pl_span version = version_of(r, parts);
    if (!bounded && !version.len)
        return;
    for (struct product *p = pl_map_get(&t->map, key); p; p = p->next) {
        start_row(r, p, used);
        if (!p->row)
            return;
        if (bounded)
            add_range(r, p, &range);
        else
            add_version(r, p, version);
    }
}

static bool word_is(const json_t *object, const char *key, const char *want)
{
    pl_span s = pl_json_text(object, key);
    return s.len == 0 || pl_span_eq(s, pl_span_str(want));
}

static void add_node(struct pl_products *t, const json_t *node, struct pl_record *r,
                     struct product **used)
{
    const json_t *matches = pl_json_array(node, "cpeMatch");
    if (!word_is(node, "operator", "OR") || pl_json_bool(node, "negate"))
        return;
    for (size_t i = 0; i < json_array_size(matches); i++)
        add_match(t, json_array_get(matches, i), r, used);
}

static void finish_row(struct pl_record *r, struct product *p)
{
    const struct pl_range *ranges = p->ranges.items;
    struct pl_affected *row = (struct pl_affected *)r->affected.items + p->row - 1;
    row->ranges = ranges;
    row->n_ranges = p->ranges.n;
    row->versions = p->versions.items;
    row->n_versions = p->versions.n;
    row->note = PL_LIT("by product name (CPE)");
    for (size_t i = 0; i < p->ranges.n; i++)
        if (ranges[i].fixed.len)
            row->status = PL_STATUS_FIXED;
    p->row = 0;
}

void pl_nvd_programs(struct pl_products *t, const json_t *cve, struct pl_record *r)
{
    const json_t *configurations = pl_json_array(cve, "configurations");
    struct product *used = NULL;
    for (size_t i = 0; i < json_array_size(configurations); i++) {
        const json_t *c = json_array_get(configurations, i), *nodes = pl_json_array(c, "nodes");
        size_t n = json_array_size(nodes);
        if (pl_json_bool(c, "negate") || (n > 1 && !word_is(c, "operator", "OR")))
            continue;
        if (!nodes) /* seen in old pages: the node itself */
            add_node(t, c, r, &used);
        for (size_t k = 0; k < n; k++)
            add_node(t, json_array_get(nodes, k), r, &used);
    }
    for (struct product *p = used; p; p = p->used)
        finish_row(r, p);
}
