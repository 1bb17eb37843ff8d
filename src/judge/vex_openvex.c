/* OpenVEX. In 0.2.0 a vulnerability is {name, @id, aliases}, a product {@id, identifiers, hashes,
 * subcomponents}; in 0.0.x both were plain texts, and subcomponents stood beside the products. */
#include "judge/vex_statements.h"

static const char *const known_statuses[] = { "not_affected", "affected", "fixed",
                                              "under_investigation" };

static bool known_status(pl_span s)
{
    for (size_t i = 0; i < PL_COUNT(known_statuses); i++)
        if (pl_span_eq(s, pl_span_str(known_statuses[i])))
            return true;
    return false;
}

/* "https://nvd.nist.gov/vuln/detail/CVE-2024-1" is written where an id belongs. */
static pl_span last_part(pl_span s)
{
    size_t slash = pl_span_rchr(s, '/');
    return slash == SIZE_MAX ? s : pl_span_from(s, slash + 1);
}

static bool add_id(struct pl_vex *v, struct pl_vex_statement *s, pl_span id)
{
    id = last_part(pl_span_trim(id));
    return id.len == 0 || pl_vex_copy(v, id, &s->ids[s->n_ids++]);
}

static bool take_ids(struct pl_vex *v, const json_t *from, struct pl_vex_statement *s)
{
    const json_t *vuln = json_object_get(from, "vulnerability");
    const json_t *aliases = json_is_object(vuln) ? pl_json_array(vuln, "aliases") : NULL;
    bool good = json_is_string(vuln) ? add_id(v, s, pl_json_span(vuln))
                                     : add_id(v, s, pl_json_text(vuln, "name"));
    if (good && json_is_object(vuln))
        good = add_id(v, s, pl_json_text(vuln, "@id"));
    for (size_t i = 0; good && i < json_array_size(aliases); i++)
        good = add_id(v, s, pl_json_span(json_array_get(aliases, i)));
    return good;
}

/* A component in either form. The purl among the identifiers says it best. */
static bool take_thing(struct pl_vex *v, const json_t *from, struct pl_vex_thing *out)
{
    if (json_is_string(from))
        return pl_vex_thing_of(v, pl_json_span(from), out);
    const json_t *identifiers = pl_json_object(from, "identifiers");
    const json_t *hashes = pl_json_object(from, "hashes");
    pl_span text = identifiers ? pl_json_text(identifiers, "purl") : PL_SPAN_NONE;
    if (!text.len)
        text = pl_json_text(from, "@id");
    if (!text.len)
        text = pl_json_text(from, "id");
    if (!pl_vex_thing_of(v, text, out))
        return false;
    return !hashes || pl_vex_copy(v, pl_json_text(hashes, "sha-256"), &out->hash);
}

static bool take_parts(struct pl_vex *v, const json_t *list, struct pl_vex_product *p)
{
    size_t n = json_array_size(list);
    p->parts = pl_arena_array(&v->a, n ? n : 1, sizeof(*p->parts));
    for (size_t i = 0; p->parts && i < n; i++)
        if (!take_thing(v, json_array_get(list, i), &p->parts[p->n_parts++]))
            return false;
    return p->parts != NULL;
}

static bool take_products(struct pl_vex *v, const json_t *from, struct pl_vex_statement *s)
{
    const json_t *list = pl_json_array(from, "products");
    const json_t *beside = pl_json_array(from, "subcomponents");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct pl_vex_product *p = &s->products[s->n_products++];
        const json_t *parts = json_is_object(one) ? pl_json_array(one, "subcomponents") : NULL;
        if (!take_thing(v, one, &p->thing) || !take_parts(v, parts ? parts : beside, p))
            return false;
    }
    return true;
}

static bool take_words(struct pl_vex *v, const json_t *from, const json_t *doc,
                       struct pl_vex_statement *s)
{
    pl_span when = pl_json_text(from, "last_updated");
    if (!when.len)
        when = pl_json_text(from, "timestamp");
    if (!when.len)
        when = pl_json_text(doc, "last_updated");
    if (!when.len)
        when = pl_json_text(doc, "timestamp");
    pl_span impact = pl_json_text(from, "impact_statement");
    if (!impact.len)
        impact = pl_json_text(from, "status_notes");
    return pl_vex_copy(v, pl_json_text(from, "status"), &s->status) &&
           pl_vex_copy(v, pl_json_text(from, "justification"), &s->justification) &&
           pl_vex_copy(v, impact, &s->impact) &&
           pl_vex_copy(v, pl_json_text(from, "action_statement"), &s->action) &&
           pl_vex_copy(v, when, &s->timestamp);
}

static const char *lacking(const struct pl_vex_statement *s)
{
    if (!s->n_ids)
        return "no vulnerability";
    if (!s->n_products)
        return "no products";
    return known_status(s->status) ? NULL : "no status that is known";
}

pl_rc pl_vex_read_openvex(struct pl_vex *v, const char *file, const json_t *doc,
                          const struct pl_log *log, struct pl_err *err)
{
    const json_t *list = pl_json_array(doc, "statements");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        const json_t *vuln = json_object_get(from, "vulnerability");
        size_t aliases = json_is_object(vuln) ? json_array_size(pl_json_array(vuln, "aliases")) : 0;
        struct pl_vex_statement *s =
            pl_vex_push(v, file, aliases + 2, json_array_size(pl_json_array(from, "products")));
        if (!s || !take_ids(v, from, s) || !take_products(v, from, s) ||
            !take_words(v, from, doc, s))
            return pl_fail(err, PL_ELIMIT, "%s: too large", file);
        if (lacking(s)) {
            pl_log(log, PL_LOG_WARNING, "%s: statement %zu has %s and is left out", file, i + 1,
                   lacking(s));
            v->statements.n--;
        }
    }
    return PL_OK;
}
