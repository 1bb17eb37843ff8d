#include "feed/csaf.h"

#include "base/map.h"
#include "feed/streams.h"

enum { MAX_CHAIN = 4, MAX_REFERENCES = 64 };

bool pl_csaf_sniff(const struct pl_feed_file *f, const char *publisher)
{
    /* Links to other publishers stand everywhere; the publisher's own object is what counts. */
    size_t at = pl_span_find(f->head, PL_LIT("\"publisher\""));
    return at != SIZE_MAX && pl_head_first(f->head) == '{' && pl_head_key(f->head, 1, "document") &&
           (pl_head_key(f->head, 2, "csaf_version") || pl_head_key(f->head, 2, "category")) &&
           pl_span_find(pl_span_sub(f->head, at, 1024), pl_span_str(publisher)) != SIZE_MAX;
}

/* A leaf of the product tree: a platform (cpe), a package (purl, or its file name), a module. */
struct product {
    pl_span name, cpe, purl;
};

/* "component as part of platform"; the platform may be a module's relation in its turn. */
struct relation {
    pl_span component, platform;
};

struct csaf {
    struct pl_record r;
    struct pl_arena doc; /* the product tree: as long as the document */
    struct pl_map products, relations;
    struct pl_map severities, remedies, rows; /* of one vulnerability, by product or row */
    struct pl_advisory_sink *out;
    const char *source;
    const json_t *root;
    bool full;
};

/* ---- the product tree ---- */

static void add_product(struct csaf *c, const json_t *product)
{
    pl_span id = pl_json_text(product, "product_id");
    const json_t *helper = pl_json_object(product, "product_identification_helper");
    void **at = id.len ? pl_map_at(&c->products, id) : NULL;
    struct product *p = at ? pl_arena_alloc(&c->doc, sizeof(*p)) : NULL;
    if (!p) {
        c->full = c->full || id.len;
        return;
    }
    pl_span name = pl_json_text(product, "name");
    *p = (struct product){ .name = name.len ? name : id,
                           .cpe = pl_json_text(helper, "cpe"),
                           .purl = pl_json_text(helper, "purl") };
    *at = p;
}

/* The tree is walked with a stack of our own: its depth is the publisher's. */
static void add_branches(struct csaf *c, const json_t *tree)
{
    struct pl_vec stack = PL_VEC(const json_t *);
    const json_t **top = pl_vec_push(&c->doc, &stack);
    if (top)
        *top = tree;
    while (stack.n && !c->full) {
        const json_t *node = ((const json_t **)stack.items)[--stack.n];
        const json_t *branches = pl_json_array(node, "branches");
        const json_t *product = pl_json_object(node, "product");
        if (product)
            add_product(c, product);
        for (size_t i = 0; i < json_array_size(branches); i++) {
            top = pl_vec_push(&c->doc, &stack);
            if (top)
                *top = json_array_get(branches, i);
            else
                c->full = true;
        }
    }
    const json_t *names = pl_json_array(tree, "full_product_names");
    for (size_t i = 0; i < json_array_size(names); i++)
        add_product(c, json_array_get(names, i));
}

static void add_relations(struct csaf *c, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && !c->full; i++) {
        const json_t *rel = json_array_get(list, i);
        pl_span id = pl_json_text(pl_json_object(rel, "full_product_name"), "product_id");
        void **at = id.len ? pl_map_at(&c->relations, id) : NULL;
        struct relation *r = at ? pl_arena_alloc(&c->doc, sizeof(*r)) : NULL;
        if (!r) {
            c->full = c->full || id.len;
            continue;
        }
        r->component = pl_json_text(rel, "product_reference");
        r->platform = pl_json_text(rel, "relates_to_product_reference");
        *at = r;
    }
}

/* ---- a component ---- */

struct component {
    pl_span name, version, arch, module;
};

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static pl_span percent(struct pl_record *r, pl_span s)
{
    if (pl_span_chr(s, '%') == SIZE_MAX)
        return s;
    pl_span copy = pl_record_copy(r, s);
    char *p = (char *)(uintptr_t)copy.ptr;
    size_t n = 0;
    for (size_t i = 0; i < copy.len; i++) {
        if (p[i] == '%' && i + 2 < copy.len && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
            p[n++] = (char)(hex(p[i + 1]) * 16 + hex(p[i + 2]));
            i += 2;
        } else {
            p[n++] = p[i];
        }
    }
    copy.len = n;
    return copy;
}

static pl_span qualifier(struct pl_record *r, pl_span qualifiers, const char *key)
{
    pl_span pair;
    while (pl_span_split(&qualifiers, '&', &pair)) {
        size_t eq = pl_span_chr(pair, '=');
        if (eq != SIZE_MAX && pl_span_eq(pl_span_sub(pair, 0, eq), pl_span_str(key)))
            return percent(r, pl_span_from(pair, eq + 1));
    }
    return PL_SPAN_NONE;
}

/* "nodejs:16:8060020220523160029:ad008a3a" -> "nodejs:16". */
static pl_span module_stream(pl_span label)
{
    pl_span rest = label, part;
    if (!pl_span_split(&rest, ':', &part) || rest.len == 0)
        return PL_SPAN_NONE;
    pl_span_split(&rest, ':', &part);
    return pl_span_sub(label, 0, (size_t)(part.ptr + part.len - label.ptr));
}

/* "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&epoch=1". */
static bool of_purl(struct pl_record *r, pl_span purl, struct component *out)
{
    if (!pl_span_skip_lit(&purl, PL_LIT("pkg:rpm/")))
        return false; /* container images, jars: not of the system */
    size_t mark = pl_span_chr(purl, '?');
    pl_span qualifiers = mark == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(purl, mark + 1);
    pl_span path = pl_span_sub(purl, 0, mark);
    size_t at = pl_span_rchr(path, '@');
    pl_span version = at == SIZE_MAX ? PL_SPAN_NONE : percent(r, pl_span_from(path, at + 1));
    pl_span name = pl_span_sub(path, 0, at), epoch = qualifier(r, qualifiers, "epoch");
    name = pl_span_from(name, pl_span_rchr(name, '/') + 1); /* none: SIZE_MAX + 1 is 0 */
    if (epoch.len && version.len && !pl_span_eq(epoch, PL_LIT("0")))
        version = pl_record_printf(r, "%.*s:%.*s", PL_FMT(epoch), PL_FMT(version));
    *out = (struct component){ .name = percent(r, name),
                               .version = version,
                               .arch = qualifier(r, qualifiers, "arch"),
                               .module = module_stream(qualifier(r, qualifiers, "rpmmod")) };
    return name.len > 0;
}

static bool is_arch(pl_span s)
{
    static const char *const archs[] = {
        "x86_64",  "aarch64", "noarch",  "src",      "nosrc", "i686",  "i386",
        "i586",    "ppc64",   "ppc64le", "s390",     "s390x", "ppc",   "ia64",
        "riscv64", "armv7hl", "sw_64",   "mips64el", "amd64", "arm64", "loongarch64",
    };
    for (size_t i = 0; i < PL_COUNT(archs); i++)
        if (pl_span_eq(pl_span_str(archs[i]), s))
            return true;
    return false;
}

/* A file name, "vim-2:9.0-33.oe2203sp3.x86_64[.rpm]", or a bare source package, "openssl",
 * "nodejs:16/nodejs". With a slash and no module before it: a container image. */
static bool of_name(pl_span name, struct component *out)
{
    if (pl_span_ends(name, PL_LIT(".rpm")))
        name.len -= 4;
    size_t slash = pl_span_rchr(name, '/'), dot = pl_span_rchr(name, '.');
    *out = (struct component){ .name = name };
    if (slash != SIZE_MAX) {
        out->module = module_stream(pl_span_sub(name, 0, slash));
        out->name = pl_span_from(name, slash + 1);
        return out->module.len && out->name.len;
    }
    if (dot == SIZE_MAX || !is_arch(pl_span_from(name, dot + 1)))
        return name.len > 0;
    out->arch = pl_span_from(name, dot + 1);
    pl_span nvr = pl_span_sub(name, 0, dot);
    size_t release = pl_span_rchr(nvr, '-');
    size_t version =
        release == SIZE_MAX ? SIZE_MAX : pl_span_rchr(pl_span_sub(nvr, 0, release), '-');
    if (version == SIZE_MAX || version == 0)
        return false;
    out->name = pl_span_sub(nvr, 0, version);
    out->version = pl_span_from(nvr, version + 1);
    return true;
}

/* Product ID to platform and component, along the relations. False when it is none of ours. */
static bool resolve(struct csaf *c, pl_span id, struct pl_stream *at, struct component *out)
{
    const struct relation *rel = pl_map_get(&c->relations, id);
    if (!rel)
        return false;
    const struct product *component = pl_map_get(&c->products, rel->component);
    const struct product *platform = pl_map_get(&c->products, rel->platform);
    pl_span module = { 0 };
    for (size_t i = 0; !platform && i < MAX_CHAIN; i++) {
        const struct relation *outer = pl_map_get(&c->relations, rel->platform);
        if (!outer)
            return false;
        const struct product *m = pl_map_get(&c->products, outer->component);
        module = module_stream(m ? m->name : outer->component);
        platform = pl_map_get(&c->products, outer->platform);
        rel = outer;
    }
    if (!platform || !pl_stream_of_cpe(&c->r, platform->cpe, at))
        return false;
    pl_span name = component ? component->name
                             : ((const struct relation *)pl_map_get(&c->relations, id))->component;
    if (component && component->purl.len ? !of_purl(&c->r, component->purl, out)
                                         : !of_name(name, out))
        return false;
    if (module.len)
        out->module = module;
    out->version = pl_rpm_version(out->version);
    return true;
}

/* ---- one vulnerability ---- */

/* What is known of products beside their status, by product ID. Values: an enum and one. */
static void mark(struct csaf *c, struct pl_map *m, const json_t *ids, int value)
{
    pl_span id;
    pl_json_each_text(ids, i, id)
    {
        void **at = pl_map_at(m, id);
        if (!at)
            c->full = true;
        else if (!*at)
            *at = (void *)(intptr_t)(value + 1);
    }
}

static int marked(const struct pl_map *m, pl_span id, int otherwise)
{
    void *v = pl_map_get(m, id);
    return v ? (int)(intptr_t)v - 1 : otherwise;
}

static enum pl_status remedy_status(pl_span category, pl_span details)
{
    if (pl_span_find(details, PL_LIT("Will not fix")) != SIZE_MAX)
        return PL_STATUS_WILL_NOT_FIX;
    if (pl_span_find(details, PL_LIT("Out of support")) != SIZE_MAX)
        return PL_STATUS_END_OF_LIFE;
    if (pl_span_find(details, PL_LIT("Fix deferred")) != SIZE_MAX)
        return PL_STATUS_FIX_DEFERRED;
    if (pl_span_find(details, PL_LIT("Under investigation")) != SIZE_MAX)
        return PL_STATUS_UNDER_INVESTIGATION;
    return pl_span_eq(category, PL_LIT("no_fix_planned")) ? PL_STATUS_WILL_NOT_FIX
                                                          : PL_STATUS_AFFECTED;
}

static void remedies(struct csaf *c, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *rem = json_array_get(list, i);
        pl_span category = pl_json_text(rem, "category");
        if (pl_span_eq(category, PL_LIT("vendor_fix")) && c->r.references.n < MAX_REFERENCES)
            pl_record_reference(&c->r, pl_json_text(rem, "url"));
        if (pl_span_eq(category, PL_LIT("none_available")) ||
            pl_span_eq(category, PL_LIT("no_fix_planned")))
            mark(c, &c->remedies, pl_json_array(rem, "product_ids"),
                 (int)remedy_status(category, pl_json_text(rem, "details")));
    }
}

static void threats(struct csaf *c, const json_t *list)
{
    const json_t *document = pl_json_object(c->root, "document");
    c->r.a.severity =
        pl_severity_parse(pl_json_text(pl_json_object(document, "aggregate_severity"), "text"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        if (!pl_span_eq(pl_json_text(t, "category"), PL_LIT("impact")))
            continue;
        enum pl_severity s = pl_severity_parse(pl_json_text(t, "details"));
        const json_t *ids = pl_json_array(t, "product_ids");
        mark(c, &c->severities, ids, (int)s);
        if (c->r.a.severity == PL_SEVERITY_UNKNOWN || !ids)
            c->r.a.severity = s;
    }
}

static void scores(struct csaf *c, const json_t *list)
{
    static const char *const keys[] = { "cvss_v4", "cvss_v3", "cvss_v2" };
    for (size_t i = 0; i < json_array_size(list) && i < MAX_REFERENCES; i++)
        for (size_t k = 0; k < PL_COUNT(keys); k++) {
            const json_t *s = pl_json_object(json_array_get(list, i), keys[k]);
            if (s)
                pl_record_cvss(&c->r, pl_span_str(c->source), pl_json_text(s, "vectorString"),
                               pl_json_number(s, "baseScore", -1));
        }
}

static bool has_word(pl_span words, pl_span word)
{
    pl_span w;
    while (pl_span_word(&words, &w))
        if (pl_span_eq(w, word))
            return true;
    return false;
}

/* The same build for another architecture or repository of the release is the same row. */
static void add_row(struct csaf *c, const struct pl_stream *at, const struct component *p,
                    enum pl_status status, pl_span product_id)
{
    struct pl_record *r = &c->r;
    pl_span fixed = status == PL_STATUS_FIXED ? p->version : PL_SPAN_NONE;
    pl_span key =
        pl_record_printf(r, "%.*s|%.*s|%.*s|%.*s|%.*s|%d", PL_FMT(at->stream), PL_FMT(at->channel),
                         PL_FMT(p->module), PL_FMT(p->name), PL_FMT(fixed), (int)status);
    void **seen = pl_map_at(&c->rows, key);
    if (!seen) {
        c->full = true;
        return;
    }
    if (*seen) {
        struct pl_affected *row = (struct pl_affected *)r->affected.items + ((uintptr_t)*seen - 1);
        if (p->arch.len && row->arch.len && !has_word(row->arch, p->arch))
            row->arch = pl_record_printf(r, "%.*s %.*s", PL_FMT(row->arch), PL_FMT(p->arch));
        return;
    }
    *seen = (void *)(uintptr_t)(r->affected.n + 1);
    struct pl_affected *row = pl_record_affected(r, at->stream, p->name, at->scheme, status, fixed);
    row->channel = at->channel;
    row->module = p->module;
    row->severity = (enum pl_severity)marked(&c->severities, product_id, PL_SEVERITY_UNKNOWN);
    /* A build names its binary package; without a version it is the source package's name. */
    row->of_source = p->version.len == 0;
    row->arch = p->version.len ? p->arch : PL_SPAN_NONE;
}

static bool is_debug(pl_span name)
{
    return pl_span_ends(name, PL_LIT("-debuginfo")) || pl_span_ends(name, PL_LIT("-debugsource"));
}

static void products(struct csaf *c, const json_t *ids, enum pl_status status)
{
    pl_span id;
    pl_json_each_text(ids, i, id)
    {
        struct pl_stream at;
        struct component p;
        if (c->full || !resolve(c, id, &at, &p))
            continue;
        bool built = p.version.len > 0;
        /* Source packages of a fix stand beside the binary ones that an image has. A build that
         * is not affected, or still looked at, says nothing about other builds. */
        if (is_debug(p.name) || (status == PL_STATUS_FIXED && !built) ||
            (built && pl_span_eq(p.arch, PL_LIT("src"))) ||
            (built &&
             (status == PL_STATUS_NOT_AFFECTED || status == PL_STATUS_UNDER_INVESTIGATION)))
            continue;
        enum pl_status own = status == PL_STATUS_AFFECTED
                                 ? (enum pl_status)marked(&c->remedies, id, PL_STATUS_AFFECTED)
                                 : status;
        add_row(c, &at, &p, own, id);
    }
}

static pl_span description(const json_t *notes)
{
    pl_span first = { 0 };
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        pl_span category = pl_json_text(note, "category");
        if (pl_span_eq(category, PL_LIT("description")))
            return pl_json_text(note, "text");
        if (!first.len && pl_span_eq(category, PL_LIT("summary")))
            first = pl_json_text(note, "text");
    }
    return first;
}

static void describe(struct csaf *c, const json_t *vuln)
{
    struct pl_advisory *a = &c->r.a;
    const json_t *document = pl_json_object(c->root, "document");
    const json_t *tracking = pl_json_object(document, "tracking");
    a->title = pl_json_text(vuln, "title");
    if (a->title.len == 0)
        a->title = pl_json_text(document, "title");
    a->description = description(pl_json_array(vuln, "notes"));
    a->published = pl_json_text(vuln, "release_date");
    if (a->published.len == 0)
        a->published = pl_json_text(tracking, "initial_release_date");
    a->modified = pl_json_text(tracking, "current_release_date");
    pl_record_cwe(&c->r, pl_json_text(pl_json_object(vuln, "cwe"), "id"));
    const json_t *links = pl_json_array(vuln, "references");
    for (size_t i = 0; i < json_array_size(links) && i < MAX_REFERENCES; i++)
        pl_record_reference(&c->r, pl_json_text(json_array_get(links, i), "url"));
}

static void covers(struct csaf *c)
{
    const struct pl_affected *rows = c->r.affected.items;
    for (size_t i = 0; i < c->r.affected.n; i++)
        if (i == 0 || !pl_span_eq(rows[i].stream, rows[i - 1].stream))
            c->out->covers(c->out, rows[i].stream);
}

static pl_rc vulnerability(struct csaf *c, const json_t *vuln, pl_span document, struct pl_err *err)
{
    pl_record_reset(&c->r);
    pl_map_done(&c->severities);
    pl_map_done(&c->remedies);
    pl_map_done(&c->rows);
    c->r.a.id = pl_json_text(vuln, "cve");
    if (!pl_is_cve(c->r.a.id)) {
        c->out->skip(c->out, document, "a vulnerability without a CVE");
        return PL_OK;
    }
    describe(c, vuln);
    threats(c, pl_json_array(vuln, "threats"));
    remedies(c, pl_json_array(vuln, "remediations"));
    scores(c, pl_json_array(vuln, "scores"));
    const json_t *status = pl_json_object(vuln, "product_status");
    products(c, pl_json_array(status, "fixed"), PL_STATUS_FIXED);
    products(c, pl_json_array(status, "known_affected"), PL_STATUS_AFFECTED);
    products(c, pl_json_array(status, "known_not_affected"), PL_STATUS_NOT_AFFECTED);
    products(c, pl_json_array(status, "under_investigation"), PL_STATUS_UNDER_INVESTIGATION);
    c->r.failed = c->r.failed || c->full;
    covers(c);
    return pl_record_emit(&c->r, c->out, err);
}

static pl_rc whole_document(struct csaf *c, const char *path, struct pl_err *err)
{
    const json_t *tree = pl_json_object(c->root, "product_tree");
    const json_t *tracking = pl_json_object(pl_json_object(c->root, "document"), "tracking");
    pl_span id = pl_json_text(tracking, "id");
    const json_t *vulns = pl_json_array(c->root, "vulnerabilities");
    pl_rc rc = PL_OK;
    add_branches(c, tree);
    add_relations(c, pl_json_array(tree, "relationships"));
    for (size_t i = 0; !rc && i < json_array_size(vulns); i++)
        rc = vulnerability(c, json_array_get(vulns, i), id.len ? id : pl_span_str(path), err);
    return rc;
}

pl_rc pl_csaf_read(struct pl_feed_file *f, const char *feed, const char *source,
                   struct pl_advisory_sink *out, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf buf = { 0 };
    PL_AUTO(json) json_t *root = NULL;
    struct pl_err why;
    pl_rc rc = pl_read_all(f->reader, f->limits->record_bytes, &buf, err);
    if (rc)
        return rc;
    if (pl_json_parse(pl_buf_span(&buf), &root, &why)) {
        out->skip(out, pl_span_str(f->path), why.msg);
        return PL_OK;
    }
    pl_buf_done(&buf); /* the tree has copied its texts */
    struct csaf c = { .out = out, .source = source, .root = root };
    pl_record_init(&c.r, feed, f->limits);
    pl_arena_init(&c.doc, f->limits->record_bytes);
    rc = whole_document(&c, f->path, err);
    pl_map_done(&c.products);
    pl_map_done(&c.relations);
    pl_map_done(&c.severities);
    pl_map_done(&c.remedies);
    pl_map_done(&c.rows);
    pl_arena_done(&c.doc);
    pl_record_done(&c.r);
    return rc;
}
