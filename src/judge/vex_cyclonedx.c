/* CycloneDX: vulnerabilities[].analysis, about what affects[].ref names. A ref is a bom-ref of this
 * document, a BOM-Link into another ("urn:cdx:<uuid>/<version>#<bom-ref>", percent-encoded), or a
 * package URL. Without any, it is the document's subject. */
#include "judge/vex_statements.h"

enum { DEPTH = 64 };

struct document {
    struct pl_vex *v;
    const json_t *subject; /* metadata.component */
    struct pl_map refs;    /* bom-ref -> json_t of the component */
};

static const struct {
    const char *state, *status;
} states[] = {
    { "resolved", "fixed" },
    { "resolved_with_pedigree", "fixed" },
    { "exploitable", "affected" },
    { "in_triage", "under_investigation" },
    { "false_positive", "not_affected" },
    { "not_affected", "not_affected" },
};

static const char *status_of(pl_span state)
{
    for (size_t i = 0; i < PL_COUNT(states); i++)
        if (pl_span_eq(state, pl_span_str(states[i].state)))
            return states[i].status;
    return NULL;
}

static bool note_ref(struct document *d, const json_t *component)
{
    pl_span ref = pl_json_text(component, "bom-ref");
    void **at = ref.len ? pl_map_at(&d->refs, ref) : NULL;
    if (at)
        *at = (void *)component;
    return !ref.len || at;
}

/* Components nest; the stack is ours. */
static bool note_components(struct document *d, const json_t *list)
{
    struct {
        const json_t *list;
        size_t at;
    } stack[DEPTH] = { { list, 0 } };
    for (size_t depth = 1; depth;) {
        if (stack[depth - 1].at >= json_array_size(stack[depth - 1].list)) {
            depth--;
            continue;
        }
        const json_t *c = json_array_get(stack[depth - 1].list, stack[depth - 1].at++);
        const json_t *inner = pl_json_array(c, "components");
        if (!note_ref(d, c))
            return false;
        if (inner && depth < DEPTH) {
            stack[depth].list = inner;
            stack[depth++].at = 0;
        }
    }
    return true;
}

static bool take_ref(struct document *d, pl_span ref, struct pl_vex_thing *out)
{
    pl_span decoded = ref;
    size_t hash = pl_span_chr(ref, '#');
    if (pl_span_starts(ref, PL_LIT("urn:cdx:")) && hash != SIZE_MAX) {
        ref = pl_span_from(ref, hash + 1);
        if (!pl_map_get(&d->refs, ref) && pl_percent_decode(ref, false, &d->v->a, &decoded))
            ref = decoded;
    }
    const json_t *component = pl_map_get(&d->refs, ref);
    if (component && component == d->subject && !pl_json_text(component, "purl").len) {
        *out = (struct pl_vex_thing){ .whole = true };
        return true;
    }
    pl_span purl = component ? pl_json_text(component, "purl") : ref;
    return pl_vex_thing_of(d->v, purl.len ? purl : ref, out);
}

/* affects[].versions names versions one by one, or ranges. What is said to be unaffected is no
 * subject of the analysis. */
static bool take_versions(struct document *d, const json_t *affect, struct pl_vex_statement *s,
                          const struct pl_vex_thing *thing)
{
    const json_t *versions = pl_json_array(affect, "versions");
    if (!json_array_size(versions)) {
        s->products[s->n_products++].thing = *thing;
        return true;
    }
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *one = json_array_get(versions, i);
        pl_span version = pl_json_text(one, "version"), range = pl_json_text(one, "range");
        if (pl_span_eq(pl_json_text(one, "status"), PL_LIT("unaffected")))
            continue;
        struct pl_vex_product *p = &s->products[s->n_products++];
        p->thing = *thing;
        p->thing.never = !version.len && range.len;
        if (!pl_vex_copy(d->v, version, &p->thing.version))
            return false;
    }
    return true;
}

static bool take_affects(struct document *d, const json_t *vuln, struct pl_vex_statement *s)
{
    const json_t *affects = pl_json_array(vuln, "affects");
    for (size_t i = 0; i < json_array_size(affects); i++) {
        const json_t *one = json_array_get(affects, i);
        struct pl_vex_thing thing = { 0 };
        if (!take_ref(d, pl_json_text(one, "ref"), &thing) || !take_versions(d, one, s, &thing))
            return false;
    }
    if (json_array_size(affects))
        return true;
    pl_span purl = d->subject ? pl_json_text(d->subject, "purl") : PL_SPAN_NONE;
    struct pl_vex_thing *thing = &s->products[s->n_products++].thing;
    *thing = (struct pl_vex_thing){ .whole = true };
    return !purl.len || pl_vex_thing_of(d->v, purl, thing);
}

static size_t room_for_products(const json_t *vuln)
{
    const json_t *affects = pl_json_array(vuln, "affects");
    size_t n = 1;
    for (size_t i = 0; i < json_array_size(affects); i++) {
        size_t versions = json_array_size(pl_json_array(json_array_get(affects, i), "versions"));
        n += versions ? versions : 1;
    }
    return n;
}

static bool take_ids(struct document *d, const json_t *vuln, struct pl_vex_statement *s)
{
    const json_t *others = pl_json_array(vuln, "references");
    bool good = pl_vex_copy(d->v, pl_json_text(vuln, "id"), &s->ids[s->n_ids++]);
    for (size_t i = 0; good && i < json_array_size(others); i++) {
        pl_span id = pl_json_text(json_array_get(others, i), "id");
        if (id.len)
            good = pl_vex_copy(d->v, id, &s->ids[s->n_ids++]);
    }
    return good;
}

static bool take_words(struct document *d, const json_t *vuln, const char *status,
                       struct pl_vex_statement *s)
{
    const json_t *analysis = pl_json_object(vuln, "analysis");
    pl_span when = pl_json_text(analysis, "lastUpdated");
    if (!when.len)
        when = pl_json_text(vuln, "updated");
    pl_span justification = pl_json_text(analysis, "justification");
    if (!justification.len && pl_span_eq(pl_json_text(analysis, "state"), PL_LIT("false_positive")))
        justification = PL_LIT("false_positive");
    s->status = pl_span_str(status);
    return pl_vex_copy(d->v, justification, &s->justification) &&
           pl_vex_copy(d->v, pl_json_text(analysis, "detail"), &s->impact) &&
           pl_vex_copy(d->v, pl_json_text(vuln, "recommendation"), &s->action) &&
           pl_vex_copy(d->v, when, &s->timestamp);
}

static pl_rc take_vulnerability(struct document *d, const char *file, const json_t *vuln,
                                const struct pl_log *log, struct pl_err *err)
{
    const json_t *analysis = pl_json_object(vuln, "analysis");
    const char *status = status_of(pl_json_text(analysis, "state"));
    if (!analysis)
        return PL_OK; /* an SBOM's own findings, not judged */
    if (!status || !pl_json_text(vuln, "id").len) {
        pl_log(log, PL_LOG_WARNING,
               "%s: a vulnerability with no id, or no state that is known, is "
               "left out",
               file);
        return PL_OK;
    }
    struct pl_vex_statement *s =
        pl_vex_push(d->v, file, 1 + json_array_size(pl_json_array(vuln, "references")),
                    room_for_products(vuln));
    if (!s || !take_ids(d, vuln, s) || !take_affects(d, vuln, s) || !take_words(d, vuln, status, s))
        return pl_fail(err, PL_ELIMIT, "%s: too large", file);
    return PL_OK;
}

pl_rc pl_vex_read_cyclonedx(struct pl_vex *v, const char *file, const json_t *doc,
                            const struct pl_log *log, struct pl_err *err)
{
    struct document d = { .v = v };
    const json_t *metadata = pl_json_object(doc, "metadata");
    const json_t *list = pl_json_array(doc, "vulnerabilities");
    d.subject = metadata ? pl_json_object(metadata, "component") : NULL;
    pl_rc rc = PL_OK;
    if (!note_components(&d, pl_json_array(doc, "components")) ||
        (d.subject && !note_ref(&d, d.subject)))
        rc = pl_fail(err, PL_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < json_array_size(list); i++)
        rc = take_vulnerability(&d, file, json_array_get(list, i), log, err);
    pl_map_done(&d.refs);
    return rc;
}
