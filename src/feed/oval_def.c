/* Pass two: the definitions of an OVAL document, one at a time. */
#include "feed/oval.h"

#include <ctype.h>

enum {
    MAX_NODES = 200000, /* Red Hat's largest tree has 3,000, SUSE's kernel 20,000 */
    MAX_LIST = 8192,    /* vulnerabilities, platforms, components of one definition */
    MAX_REFERENCES = 32 /* SUSE lists hundreds of announcements */
};

struct reading {
    const struct oval_store *store;
    pl_span path;
    struct oval_out out;
    struct pl_arena arena; /* of one definition */
    struct pl_map covered; /* streams already told of */
    struct oval_def def;
    bool in_definitions, in_definition, in_metadata;
    bool full, stop;
    unsigned depth;     /* of <definition> */
    uint32_t parent;    /* node that new ones belong to */
    pl_span resolution; /* state of the <resolution> that is open */
};

/* Within an attribute or text, "CVE-" digits "-" digits. */
pl_span pl_oval_cve_in(pl_span text)
{
    for (;;) {
        size_t at = pl_span_find(text, PL_LIT("CVE-"));
        if (at == SIZE_MAX)
            return PL_SPAN_NONE;
        text = pl_span_from(text, at);
        size_t year = 4, n;
        while (year < text.len && isdigit((unsigned char)text.ptr[year]))
            year++;
        n = year + 1;
        while (n < text.len && isdigit((unsigned char)text.ptr[n]))
            n++;
        if (year == 8 && text.ptr[year < text.len ? year : 0] == '-' && n > year + 1)
            return pl_span_sub(text, 0, n);
        text = pl_span_from(text, 4);
    }
}

static pl_span keep(struct reading *r, pl_span text)
{
    pl_span kept = PL_SPAN_NONE;
    if (text.len && !pl_arena_copy(&r->arena, text, &kept))
        r->full = true;
    return kept;
}

static void *push(struct reading *r, struct pl_vec *list, size_t most)
{
    void *item = list->n < most ? pl_vec_push(&r->arena, list) : NULL;
    if (!item)
        r->full = true;
    return item;
}

static void push_text(struct reading *r, struct pl_vec *list, pl_span text)
{
    pl_span *item = text.len ? push(r, list, MAX_LIST) : NULL;
    if (item)
        *item = keep(r, text);
}

/* The entry of a vulnerability, made when it is new. SUSE names each twice (its own view, then
 * NVD's), and as a reference too; what came first is kept. */
static struct oval_cve *cve_of(struct reading *r, pl_span text)
{
    pl_span id = pl_oval_cve_in(text);
    struct oval_cve *known = r->def.cves.items;
    if (!id.len)
        return NULL;
    for (size_t i = 0; i < r->def.cves.n; i++)
        if (pl_span_eq(known[i].id, id))
            return &known[i];
    struct oval_cve *cve = push(r, &r->def.cves, MAX_LIST);
    if (cve)
        *cve = (struct oval_cve){ .id = keep(r, id), .score = -1 };
    return cve;
}

static void start_definition(struct reading *r, const struct pl_xml_attrs *a, unsigned depth)
{
    pl_arena_reset(&r->arena);
    r->full = false;
    r->def = (struct oval_def){
        .platforms = PL_VEC(pl_span),
        .references = PL_VEC(pl_span),
        .cves = PL_VEC(struct oval_cve),
        .cpes = PL_VEC(pl_span),
        .resolutions = PL_VEC(struct oval_resolution),
        .nodes = PL_VEC(struct oval_node),
    };
    r->def.id = keep(r, pl_xml_attr(a, "id"));
    r->def.class_name = keep(r, pl_xml_attr(a, "class"));
    r->in_definition = true;
    r->depth = depth;
    r->parent = UINT32_MAX;
}

static void open_node(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    bool criteria = pl_span_eq(name, PL_LIT("criteria"));
    bool extends = pl_span_eq(name, PL_LIT("extend_definition"));
    if (!criteria && !extends && !pl_span_eq(name, PL_LIT("criterion")))
        return;
    struct oval_node *n = push(r, &r->def.nodes, MAX_NODES);
    if (!n)
        return;
    *n = (struct oval_node){
        .is_criterion = !criteria,
        .is_or = pl_span_eq(pl_xml_attr(a, "operator"), PL_LIT("OR")),
        .negate = pl_span_eq(pl_xml_attr(a, "negate"), PL_LIT("true")),
        .parent = r->parent,
        .test_ref = keep(r, pl_xml_attr(a, extends ? "definition_ref" : "test_ref")),
        .comment = keep(r, pl_xml_attr(a, "comment")),
    };
    if (criteria)
        r->parent = (uint32_t)(r->def.nodes.n - 1);
}

/* Attributes of <cve>; its text, the id, comes at the end: held until then in a nameless entry. */
static void open_cve(struct reading *r, const struct pl_xml_attrs *a)
{
    struct oval_cve *cve = push(r, &r->def.cves, MAX_LIST);
    if (!cve)
        return;
    *cve = (struct oval_cve){ .score = -1 };
    pl_span impact = pl_xml_attr(a, "impact");
    cve->severity = pl_severity_parse(impact.len ? impact : pl_xml_attr(a, "priority"));
    cve->cvss2 = keep(r, pl_xml_attr(a, "cvss2"));
    cve->cvss3 = keep(r, pl_xml_attr(a, "cvss3"));
    cve->cvss4 = keep(r, pl_xml_attr(a, "cvss4"));
    if (!cve->cvss3.len)
        cve->cvss3 = keep(r, pl_xml_attr(a, "cvss_vector"));
    cve->cwe = keep(r, pl_xml_attr(a, "cwe"));
    cve->published = keep(r, pl_xml_attr(a, "public"));
}

static void close_cve(struct reading *r, pl_span text)
{
    struct pl_vec *list = &r->def.cves;
    struct oval_cve *all = list->items;
    if (!list->n || all[list->n - 1].id.len)
        return;
    struct oval_cve told = all[--list->n]; /* takes the nameless entry away again */
    all[list->n] = (struct oval_cve){ 0 };
    struct oval_cve *cve = cve_of(r, text);
    /* SUSE puts NVD's view under "CVE-... at NVD": that is not the publisher's word. */
    if (!cve || pl_span_ends(text, PL_LIT(" at NVD")) || cve->cvss3.len || cve->severity)
        return;
    told.id = cve->id;
    *cve = told;
}

static void open_metadata(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    if (pl_span_eq(name, PL_LIT("reference"))) {
        pl_span source = pl_xml_attr(a, "source"), ref = pl_xml_attr(a, "ref_id");
        if (pl_span_eq(source, PL_LIT("CVE")))
            cve_of(r, ref);
        else if (!r->def.advisory_ref.len && !pl_span_eq(source, PL_LIT("SUSE CVE")) &&
                 !pl_span_eq(source, PL_LIT("Package")))
            r->def.advisory_ref = keep(r, ref);
        pl_span url = pl_xml_attr(a, "ref_url");
        pl_span *item = url.len && r->def.references.n < MAX_REFERENCES
                            ? push(r, &r->def.references, MAX_REFERENCES)
                            : NULL;
        if (item)
            *item = keep(r, url);
    } else if (pl_span_eq(name, PL_LIT("issued"))) {
        r->def.issued = keep(r, pl_xml_attr(a, "date"));
    } else if (pl_span_eq(name, PL_LIT("updated"))) {
        r->def.updated = keep(r, pl_xml_attr(a, "date"));
    } else if (pl_span_eq(name, PL_LIT("cve"))) {
        open_cve(r, a);
    } else if (pl_span_eq(name, PL_LIT("resolution"))) {
        r->resolution = keep(r, pl_xml_attr(a, "state"));
    }
}

static void close_metadata(struct reading *r, pl_span name, pl_span text)
{
    struct oval_def *d = &r->def;
    const struct {
        const char *name;
        pl_span *to;
    } fields[] = {
        { "title", &d->title },        { "description", &d->description },
        { "severity", &d->severity },  { "advisory_date", &d->issued }, /* Azure Linux */
        { "public_date", &d->issued }, { "date", &d->issued },          /* Ubuntu; Debian */
    };
    if (pl_span_eq(name, PL_LIT("platform")))
        push_text(r, &d->platforms, text);
    else if (pl_span_eq(name, PL_LIT("cpe")))
        push_text(r, &d->cpes, text);
    else if (pl_span_eq(name, PL_LIT("cve")))
        close_cve(r, text);
    else if (pl_span_eq(name, PL_LIT("component")) && r->resolution.len) {
        struct oval_resolution *res = push(r, &d->resolutions, MAX_LIST);
        if (res)
            *res = (struct oval_resolution){ r->resolution, keep(r, text) };
    } else if (pl_span_eq(name, PL_LIT("resolution"))) {
        r->resolution = PL_SPAN_NONE;
    }
    for (size_t i = 0; i < PL_COUNT(fields); i++)
        if (pl_span_eq(name, pl_span_str(fields[i].name)) && !fields[i].to->len)
            *fields[i].to = keep(r, text);
}

static void tell_streams(struct reading *r, const struct pl_vec *rows)
{
    const struct oval_row *row = rows->items;
    pl_span last = PL_SPAN_NONE;
    for (size_t i = 0; i < rows->n; i++) {
        pl_span stream = row[i].affected.stream;
        if (pl_span_eq(stream, last) || pl_map_get(&r->covered, stream))
            continue;
        last = stream;
        pl_span kept;
        void **at =
            pl_arena_copy(&r->out.keep, stream, &kept) ? pl_map_at(&r->covered, kept) : NULL;
        if (at)
            *at = r;
        r->out.sink->covers(r->out.sink, stream);
    }
}

static pl_rc finish_definition(struct reading *r, struct pl_err *err)
{
    struct pl_vec rows = PL_VEC(struct oval_row);
    struct pl_err why = { 0 };
    if (pl_span_eq(r->def.class_name, PL_LIT("inventory")))
        return PL_OK;
    pl_rc rc = r->full ? pl_fail(&why, PL_ELIMIT, "definition too large")
                       : pl_oval_flatten(r->store, r->out.profile, &r->def, r->path, &r->arena,
                                         &rows, &why);
    if (rc)
        r->out.sink->skip(r->out.sink, r->def.id, why.msg);
    if (rc && rc != PL_EFORMAT)
        return PL_OK;
    /* A test that the file lacks costs its own statement only. */
    tell_streams(r, &rows);
    return pl_oval_emit(&r->out, &r->def, &rows, &r->arena, err);
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    (void)err;
    struct reading *r = ctx;
    if (depth == 2)
        r->in_definitions = pl_span_eq(name, PL_LIT("definitions"));
    else if (depth == 3 && r->in_definitions && pl_span_eq(name, PL_LIT("definition")))
        start_definition(r, a, depth);
    else if (r->in_definition && depth == r->depth + 1 && pl_span_eq(name, PL_LIT("metadata")))
        r->in_metadata = true;
    else if (r->in_metadata)
        open_metadata(r, name, a);
    else if (r->in_definition)
        open_node(r, name, a);
    return PL_OK;
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 2 && r->in_definitions) {
        r->stop = true; /* what follows was read in pass one */
    } else if (r->in_definition && depth == r->depth) {
        r->in_definition = false;
        return finish_definition(r, err);
    } else if (r->in_metadata && depth == r->depth + 1) {
        r->in_metadata = false;
    } else if (r->in_metadata) {
        close_metadata(r, name, text);
    } else if (r->in_definition && pl_span_eq(name, PL_LIT("criteria")) &&
               r->parent != UINT32_MAX) {
        r->parent = ((struct oval_node *)r->def.nodes.items)[r->parent].parent;
    }
    return PL_OK;
}

static bool want(void *ctx, pl_span name, unsigned depth)
{
    struct reading *r = ctx;
    if (depth == 2)
        return pl_span_eq(name, PL_LIT("definitions"));
    /* Once a definition is too large nothing more of it is kept. */
    return !(r->in_definition && r->full);
}

pl_rc pl_oval_definitions(struct pl_feed_file *f, const struct oval_store *s,
                          const struct oval_profile *p, const char *feed,
                          struct pl_advisory_sink *out, struct pl_err *err)
{
    static const struct pl_xml_events events = { on_open, on_close, want };
    struct reading r = { .store = s,
                         .path = pl_span_str(f->path),
                         .out = { .profile = p, .feed = feed, .sink = out } };
    /* A definition is a record, its rows are three. */
    pl_arena_init(&r.arena, 3 * f->limits->record_bytes);
    pl_arena_init(&r.out.keep, 64 * PL_MIB);
    pl_rc rc = pl_xml_read(f->reader, &events, &r, &r.stop, err);
    pl_map_done(&r.covered);
    pl_map_done(&r.out.facts_given);
    pl_arena_done(&r.arena);
    pl_arena_done(&r.out.keep);
    return rc;
}
