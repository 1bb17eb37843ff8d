#include "report/sbom.h"

#include <inttypes.h>

static void put_text(struct pl_jsonw *w, pl_sbom_put put, const char *key, pl_span value)
{
    if (value.len)
        put(w, key, value);
}

static void put_number(struct pl_jsonw *w, pl_sbom_put put, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, n);
    put(w, key, pl_span_str(text));
}

const char *pl_sbom_flag(unsigned bit)
{
    static const char *const names[] = { "kernel-headers", "third-party", "by-bytes", "runtime",
                                         "partial" };
    return bit < PL_COUNT(names) ? names[bit] : NULL;
}

void pl_sbom_package(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r,
                     const struct pl_package *p)
{
    const struct pl_layer *l = pl_doc_layer(r, p->layer);
    put_text(w, put, "plimsoll:source:name", p->source_name);
    put_text(w, put, "plimsoll:source:version", p->source_version);
    put_text(w, put, "plimsoll:path", p->path);
    put_number(w, put, "plimsoll:layer:index", p->layer);
    if (l) {
        put_text(w, put, "plimsoll:layer:digest", pl_digest_span(&l->digest));
        put_text(w, put, "plimsoll:layer:diff_id", pl_digest_span(&l->diff_id));
    }
    put_text(w, put, "plimsoll:owner", p->owner);
    put_text(w, put, "plimsoll:module", p->module);
    put_text(w, put, "plimsoll:vendor", p->vendor);
    put_text(w, put, "plimsoll:repository", p->repository);
    put_text(w, put, "plimsoll:status", p->status);
    put_text(w, put, "plimsoll:analyzer", p->analyzer);
    for (unsigned bit = 0; pl_sbom_flag(bit); bit++)
        if (p->flags & 1u << bit)
            put(w, "plimsoll:flag", pl_span_str(pl_sbom_flag(bit)));
}

static void put_layer(struct pl_jsonw *w, pl_sbom_put put, const struct pl_layer *l)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_buf_printf(&b, "%u %s %s ", l->index, pl_digest_set(&l->digest) ? l->digest.text : "-",
                  pl_digest_set(&l->diff_id) ? l->diff_id.text : "-");
    if (l->empty)
        pl_buf_add(&b, PL_LIT("empty "));
    else
        pl_buf_printf(&b, "%" PRIu64 " ", l->size);
    pl_buf_add(&b, l->created_by);
    put(w, "plimsoll:image:layer", pl_buf_span(&b));
}

static void put_ledger(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r,
                       struct pl_arena *a)
{
    for (int c = 0; c < PL_N_CLASSES; c++) {
        const struct pl_coverage *k = &r->coverage[c];
        char key[64];
        snprintf(key, sizeof(key), "plimsoll:coverage:%s", pl_class_text((enum pl_class)c));
        put(w, key,
            pl_span_str(pl_arena_printf(a, "%s%s%.*s%s%.*s%s%.*s", pl_coverage_text(k->state),
                                        k->by.len ? " by " : "", PL_FMT(k->by),
                                        k->as_of.len ? " as of " : "", PL_FMT(k->as_of),
                                        k->detail.len ? ": " : "", PL_FMT(k->detail))));
    }
    for (size_t i = 0; i < r->n_gaps; i++) {
        const struct pl_gap *g = &r->gaps[i];
        pl_span text = pl_doc_gap(g, a);
        put(w, "plimsoll:gap",
            pl_span_str(pl_arena_printf(a, "%.*s: %.*s",
                                        PL_FMT(g->class_name.len ? g->class_name : PL_LIT("all")),
                                        PL_FMT(text))));
    }
    if (pl_doc_others(r))
        put_number(w, put, "plimsoll:left_out", pl_doc_others(r));
}

void pl_sbom_image(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r,
                   struct pl_arena *a)
{
    const struct pl_image *i = pl_doc_image(r);
    put_text(w, put, "plimsoll:image:reference", i->reference);
    put_text(w, put, "plimsoll:image:digest", pl_digest_span(&i->digest));
    put_text(w, put, "plimsoll:image:id", pl_digest_span(&i->image_id));
    put_text(w, put, "plimsoll:image:platform", pl_doc_platform(i, a));
    put_text(w, put, "plimsoll:image:created", i->created);
    put_number(w, put, "plimsoll:image:size", i->size);
    put_text(w, put, "plimsoll:image:base_name", r->base.reference);
    put_text(w, put, "plimsoll:image:base_digest", r->base.digest);
    for (size_t k = 0; k < i->config.n_exposed_ports; k++)
        put_text(w, put, "plimsoll:image:exposed_port", i->config.exposed_ports[k]);
    for (size_t k = 0; k < i->n_layers; k++)
        put_layer(w, put, &i->layers[k]);
    put_ledger(w, put, r, a);
}

void pl_sbom_os(struct pl_jsonw *w, pl_sbom_put put, const struct pl_report *r)
{
    put_text(w, put, "plimsoll:os:codename", r->inventory.os.codename);
    put_text(w, put, "plimsoll:os:variant", r->inventory.os.variant);
}

static void encode(struct pl_buf *b, pl_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            pl_buf_char(b, c);
        else
            pl_buf_printf(b, "%%%02X", (unsigned char)c);
    }
}

/* Where the tag begins: the last colon behind the last slash. */
static size_t tag_at(pl_span reference)
{
    size_t slash = pl_span_rchr(reference, '/'), colon = pl_span_rchr(reference, ':');
    return colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash) ? colon : SIZE_MAX;
}

pl_span pl_sbom_image_purl(const struct pl_report *r, struct pl_arena *a)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_image *i = pl_doc_image(r);
    pl_span repository = i->reference, tag = { 0 }, kept = { 0 };
    size_t at = pl_span_chr(repository, '@');
    if (at != SIZE_MAX)
        repository = pl_span_sub(repository, 0, at);
    if (pl_span_starts(repository, PL_LIT("docker://")))
        repository = pl_span_from(repository, 9);
    at = tag_at(repository);
    if (at != SIZE_MAX) {
        tag = pl_span_from(repository, at + 1);
        repository = pl_span_sub(repository, 0, at);
    }
    pl_span name = pl_span_basename(repository);
    if (!pl_digest_set(&i->digest) || !name.len)
        return PL_SPAN_NONE;
    pl_buf_add(&b, PL_LIT("pkg:oci/"));
    size_t start = b.len;
    encode(&b, name);
    for (size_t k = start; k < b.len && !b.failed; k++)
        if (b.ptr[k] >= 'A' && b.ptr[k] <= 'Z' && (k == start || b.ptr[k - 1] != '%') &&
            (k < start + 2 || b.ptr[k - 2] != '%'))
            b.ptr[k] = (char)(b.ptr[k] + ('a' - 'A'));
    pl_buf_char(&b, '@');
    encode(&b, pl_digest_span(&i->digest));
    char mark = '?';
    if (i->architecture.len) {
        pl_buf_printf(&b, "%carch=", mark);
        encode(&b, i->architecture);
        mark = '&';
    }
    pl_buf_printf(&b, "%crepository_url=", mark);
    encode(&b, repository);
    if (tag.len) {
        pl_buf_add(&b, PL_LIT("&tag="));
        encode(&b, tag);
    }
    return !b.failed && pl_arena_copy(a, pl_buf_span(&b), &kept) ? kept : PL_SPAN_NONE;
}
