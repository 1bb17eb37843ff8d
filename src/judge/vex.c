#include "judge/vex.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/yaml.h"
#include "judge/naming.h"
#include "judge/vex_statements.h"

enum { FILE_BYTES = 64 << 20, MEMORY = 1 << 30, STATEMENTS = 1000000 };

struct pl_vex *pl_vex_new(void)
{
    struct pl_vex *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    pl_arena_init(&v->a, MEMORY);
    v->statements = PL_VEC(struct pl_vex_statement);
    return v;
}

void pl_vex_free(struct pl_vex *v)
{
    if (!v)
        return;
    pl_arena_done(&v->a);
    free(v);
}

size_t pl_vex_count(const struct pl_vex *v) { return v->statements.n; }

bool pl_vex_copy(struct pl_vex *v, pl_span s, pl_span *out) { return pl_arena_copy(&v->a, s, out); }

struct pl_vex_statement *pl_vex_push(struct pl_vex *v, const char *file, size_t room_ids,
                                     size_t room_products)
{
    struct pl_vex_statement *s =
        v->statements.n < STATEMENTS ? pl_vec_push(&v->a, &v->statements) : NULL;
    if (!s)
        return NULL;
    *s = (struct pl_vex_statement){ .file = file, .order = v->statements.n };
    s->ids = pl_arena_array(&v->a, room_ids ? room_ids : 1, sizeof(*s->ids));
    s->products = pl_arena_array(&v->a, room_products ? room_products : 1, sizeof(*s->products));
    return s->ids && s->products ? s : NULL;
}

bool pl_vex_thing_of(struct pl_vex *v, pl_span text, struct pl_vex_thing *out)
{
    struct pl_vex_thing t = { 0 };
    if (!pl_vex_copy(v, text, &t.text))
        return false;
    t.parsed = pl_purl_parse(t.text, &v->a, &t.purl);
    *out = t;
    return true;
}

/* ---- reading ---- */

static bool is_openvex(const json_t *doc)
{
    const json_t *context = json_object_get(doc, "@context");
    pl_span text = pl_json_span(json_is_array(context) ? json_array_get(context, 0) : context);
    return pl_span_find(text, PL_LIT("openvex")) != SIZE_MAX ||
           pl_span_find(text, PL_LIT("vex.dev")) != SIZE_MAX ||
           (pl_json_array(doc, "statements") && !json_object_get(doc, "bomFormat"));
}

/* A DSSE or in-toto statement carries the document as its predicate. */
static const json_t *unwrapped(const json_t *doc)
{
    const json_t *predicate = pl_json_object(doc, "predicate");
    return predicate && json_object_get(doc, "predicateType") ? predicate : doc;
}

pl_rc pl_vex_parse(struct pl_vex *v, const char *file, pl_span text, const struct pl_log *log,
                   struct pl_err *err)
{
    PL_AUTO(json) json_t *whole = NULL;
    const char *name = pl_arena_str(&v->a, pl_span_str(file));
    pl_rc rc = name ? pl_json_parse(text, &whole, err) : pl_fail(err, PL_ENOMEM, "out of memory");
    if (rc) {
        (void)pl_wrap(err, "%s", file);
        return rc;
    }
    const json_t *doc = unwrapped(whole);
    if (pl_span_eq(pl_json_text(doc, "bomFormat"), PL_LIT("CycloneDX")))
        return pl_vex_read_cyclonedx(v, name, doc, log, err);
    if (is_openvex(doc))
        return pl_vex_read_openvex(v, name, doc, log, err);
    return pl_fail(err, PL_EFORMAT,
                   "%s: neither OpenVEX (\"@context\": \"https://openvex.dev/ns/v0.2.0\") nor "
                   "CycloneDX (\"bomFormat\": \"CycloneDX\")",
                   file);
}

pl_rc pl_vex_read(struct pl_vex *v, const char *file, const struct pl_log *log, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena tmp;
    pl_span text;
    pl_arena_init(&tmp, (size_t)FILE_BYTES * 2);
    pl_rc rc = pl_read_whole(file, FILE_BYTES, &tmp, &text, err);
    return rc ? rc : pl_vex_parse(v, file, text, log, err);
}

/* ---- matching ---- */

struct matching {
    struct pl_report *report;
    struct pl_arena *tmp;
};

/* "registry.example/shop/api" of "docker://registry.example/shop/api:1.4@sha256:...". */
static pl_span repository(pl_span reference, pl_span *tag)
{
    static const char *const words[] = { "docker://", "docker-daemon:", "docker-archive:",
                                         "oci-archive:", "oci:" };
    for (size_t i = 0; i < PL_COUNT(words); i++)
        (void)pl_span_skip_lit(&reference, pl_span_str(words[i]));
    reference = pl_span_sub(reference, 0, pl_span_chr(reference, '@'));
    size_t colon = pl_span_rchr(reference, ':'), slash = pl_span_rchr(reference, '/');
    *tag = PL_SPAN_NONE;
    if (colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash)) {
        *tag = pl_span_from(reference, colon + 1);
        reference = pl_span_sub(reference, 0, colon);
    }
    return reference;
}

static bool is_digest(const pl_digest *d, pl_span text)
{
    return pl_digest_set(d) &&
           (pl_span_eq(pl_digest_span(d), text) || pl_span_eq(pl_digest_hex(d), text));
}

static bool any_digest(const struct pl_image *i, pl_span text)
{
    return text.len && (is_digest(&i->digest, text) || is_digest(&i->image_id, text));
}

/* "repository_url=registry.example/shop/api" holds the name too, or not: both are written. */
static bool same_place(pl_span repo, pl_span url)
{
    (void)pl_span_skip_lit(&url, PL_LIT("https://"));
    if (pl_span_starts(url, PL_LIT("index.docker.io/")))
        url = pl_span_from(url, strlen("index."));
    if (pl_span_starts(repo, PL_LIT("docker.io/")) != pl_span_starts(url, PL_LIT("docker.io/"))) {
        (void)pl_span_skip_lit(&url, PL_LIT("docker.io/"));
        (void)pl_span_skip_lit(&repo, PL_LIT("docker.io/"));
    }
    (void)pl_span_skip_lit(&url, PL_LIT("library/"));
    (void)pl_span_skip_lit(&repo, PL_LIT("library/"));
    return pl_span_eq(repo, url) || pl_span_eq(pl_span_dirname(repo), url);
}

/* "pkg:oci/api@sha256:...?repository_url=...&tag=...": the name counts always, the rest where it
 * is written. A digest names an image whatever it is called here. */
static bool is_image(const struct pl_image *i, const struct pl_purl *p)
{
    pl_span tag, repo = repository(i->reference, &tag);
    pl_span url = pl_purl_qualifier(p, "repository_url"), want = pl_purl_qualifier(p, "tag");
    bool digest = pl_span_starts(p->version, PL_LIT("sha256:"));
    if (digest)
        return any_digest(i, p->version);
    if (!want.len)
        want = p->version; /* "pkg:docker/name@tag" */
    if (url.len && !same_place(repo, url))
        return false;
    return pl_span_eq_nocase(pl_span_basename(repo), p->name) &&
           (!want.len || pl_span_eq(want, tag));
}

static bool is_target(const struct matching *m, const struct pl_vex_thing *t)
{
    static const struct pl_image none;
    const struct pl_image *i = m->report->image ? m->report->image : &none;
    if (t->never)
        return false;
    if (t->whole || any_digest(i, t->hash))
        return true;
    if (t->parsed)
        return (pl_span_eq(t->purl.type, PL_LIT("oci")) ||
                pl_span_eq(t->purl.type, PL_LIT("docker"))) &&
               is_image(i, &t->purl);
    return t->text.len && (pl_span_eq(t->text, i->reference) || any_digest(i, t->text));
}

static bool is_package(const struct matching *m, const struct pl_vex_thing *t,
                       const struct pl_package *p)
{
    if (!p || t->never || !t->parsed || (t->version.len && !pl_span_eq(t->version, p->version)))
        return false;
    return pl_purl_means(&t->purl, p, &m->report->inventory.os, m->tmp);
}

static bool is_installed(const struct matching *m, const struct pl_vex_thing *t)
{
    for (size_t i = 0; i < m->report->inventory.n_packages; i++)
        if (is_package(m, t, &m->report->inventory.packages[i]))
            return true;
    return false;
}

static bool any_part(const struct matching *m, const struct pl_vex_product *product,
                     const struct pl_package *p)
{
    for (size_t i = 0; i < product->n_parts; i++)
        if (is_package(m, &product->parts[i], p))
            return true;
    return product->n_parts == 0;
}

static bool speaks_of(const struct matching *m, const struct pl_vex_statement *s,
                      const struct pl_package *p)
{
    for (size_t i = 0; i < s->n_products; i++) {
        const struct pl_vex_product *product = &s->products[i];
        if (is_target(m, &product->thing) && any_part(m, product, p))
            return true;
        if (product->n_parts ? any_part(m, product, p) && is_installed(m, &product->thing)
                             : is_package(m, &product->thing, p))
            return true;
    }
    return false;
}

/* ---- applying ---- */

struct link {
    const struct pl_vex_statement *statement;
    struct link *next;
};

static pl_span upper(pl_span s, struct pl_arena *a)
{
    pl_span out = { 0 };
    if (!pl_arena_copy(a, s, &out))
        return out;
    char *text = (char *)(uintptr_t)out.ptr;
    for (size_t i = 0; i < out.len; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - ('a' - 'A'));
    return out;
}

static bool index_ids(const struct pl_vex *v, struct pl_map *by_id, struct pl_arena *tmp)
{
    const struct pl_vex_statement *all = v->statements.items;
    for (size_t i = 0; i < v->statements.n; i++)
        for (size_t k = 0; k < all[i].n_ids; k++) {
            pl_span id = upper(all[i].ids[k], tmp);
            struct link *l = pl_arena_alloc(tmp, sizeof(*l));
            void **at = l && id.ptr ? pl_map_at(by_id, id) : NULL;
            if (!at)
                return false;
            *l = (struct link){ &all[i], *at };
            *at = l;
        }
    return true;
}

static bool is_later(const struct pl_vex_statement *a, const struct pl_vex_statement *b)
{
    int order = b ? pl_span_cmp(a->timestamp, b->timestamp) : 1;
    return order > 0 || (order == 0 && a->order > b->order);
}

static const struct pl_vex_statement *latest(const struct matching *m, const struct pl_map *by_id,
                                             const struct pl_finding *f)
{
    const struct pl_vex_statement *best = NULL;
    const struct pl_package *p = pl_package_of(m->report, f);
    for (size_t i = 0; i <= f->n_aliases; i++) {
        pl_span id = upper(i ? f->aliases[i - 1] : f->id, m->tmp);
        for (const struct link *l = pl_map_get(by_id, id); l; l = l->next)
            if (is_later(l->statement, best) && speaks_of(m, l->statement, p))
                best = l->statement;
    }
    return best;
}

/* "justification: impact statement"; either may be missing. */
static bool make_reason(const struct pl_vex_statement *s, struct pl_arena *keep, pl_span *out)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span first = s->justification.len ? s->justification : s->status;
    pl_buf_add(&b, first);
    if (s->impact.len) {
        pl_buf_add(&b, PL_LIT(": "));
        pl_buf_add(&b, s->impact);
    }
    return !b.failed && pl_arena_copy(keep, pl_buf_span(&b), out);
}

static bool make_note(const struct pl_vex_statement *s, struct pl_finding *f, struct pl_arena *keep)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span text = s->action.len ? s->action : s->impact;
    if (f->note.len) {
        pl_buf_add(&b, f->note);
        pl_buf_add(&b, PL_LIT("; "));
    }
    pl_buf_printf(&b, "vex %s: %.*s", s->file, PL_FMT(s->status));
    if (text.len) {
        pl_buf_add(&b, PL_LIT(": "));
        pl_buf_add(&b, text);
    }
    return !b.failed && pl_arena_copy(keep, pl_buf_span(&b), &f->note);
}

static bool apply_one(const struct pl_vex_statement *s, struct pl_finding *f, struct pl_arena *keep)
{
    bool mute =
        pl_span_eq(s->status, PL_LIT("not_affected")) || pl_span_eq(s->status, PL_LIT("fixed"));
    if (!pl_arena_copy(keep, s->status, &f->vex_status) ||
        !pl_arena_copy(keep, s->justification, &f->vex_justification) ||
        !pl_arena_copy(keep, s->impact, &f->vex_impact))
        return false;
    if (!mute)
        return make_note(s, f, keep);
    f->suppressed_by = pl_span_str(pl_arena_printf(keep, "vex %s", s->file));
    return f->suppressed_by.ptr && make_reason(s, keep, &f->suppressed_reason);
}

pl_rc pl_vex_apply(const struct pl_vex *v, struct pl_report *r, struct pl_arena *keep,
                   struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena tmp;
    PL_AUTO(map) struct pl_map by_id = { 0 };
    pl_arena_init(&tmp, MEMORY);
    struct matching m = { .report = r, .tmp = &tmp };
    bool good = index_ids(v, &by_id, &tmp);
    for (size_t i = 0; good && i < r->n_findings; i++) {
        struct pl_finding *f = &r->findings[i];
        const struct pl_vex_statement *s = f->suppressed_by.len ? NULL : latest(&m, &by_id, f);
        good = !s || apply_one(s, f, keep);
    }
    return good ? PL_OK : pl_fail(err, PL_ELIMIT, "VEX: more memory than one scan has");
}
