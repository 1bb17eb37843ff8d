#include "judge/base.h"

static pl_span label(const struct pl_image *i, const char *key)
{
    for (size_t k = 0; k < i->config.n_labels; k++)
        if (pl_span_eq(i->config.labels[k].key, pl_span_str(key)))
            return i->config.labels[k].value;
    return PL_SPAN_NONE;
}

static bool holds(pl_span text, const char *part)
{
    return pl_span_find(text, pl_span_str(part)) != SIZE_MAX;
}

/* How the images of distributions begin: "/bin/sh -c #(nop) ADD file:... in / " (classic builder),
 * "ADD alpine-minirootfs-3.20.3-x86_64.tar.gz / # buildkit", "# debian.sh --arch 'amd64' ..."
 * (debuerreotype). */
static bool is_root(const struct pl_layer *l)
{
    return !l->empty &&
           (holds(l->created_by, "ADD ") || holds(l->created_by, "# debian.sh") ||
            holds(l->created_by, "COPY rootfs") || holds(l->created_by, "bazel build"));
}

static bool is_cmd(const struct pl_layer *l)
{
    pl_span s = pl_span_trim(l->created_by);
    if (!l->empty)
        return false;
    size_t nop = pl_span_find(s, PL_LIT("#(nop)"));
    if (nop != SIZE_MAX)
        s = pl_span_trim(pl_span_from(s, nop + strlen("#(nop)")));
    return pl_span_starts(s, PL_LIT("CMD "));
}

static int32_t layers_below(const struct pl_image *i, size_t n)
{
    for (size_t k = n; k < i->n_layers; k++)
        if (!i->layers[k].empty)
            return (int32_t)n;
    return -1; /* nothing of its own on top: it is that image itself */
}

/* Newer Debian images have one entry and no CMD in their history. */
static int32_t by_history(const struct pl_image *i)
{
    size_t root = 0;
    while (root < i->n_layers && i->layers[root].empty)
        root++;
    if (root == i->n_layers || !is_root(&i->layers[root]))
        return -1;
    if (holds(i->layers[root].created_by, "# debian.sh"))
        return layers_below(i, root + 1);
    for (size_t k = root + 1; k < i->n_layers; k++)
        if (is_cmd(&i->layers[k]))
            return layers_below(i, k + 1);
    return -1;
}

void pl_base_find(struct pl_report *r)
{
    const struct pl_image *i = r->image;
    if (!i || r->base.found)
        return;
    bool annotated = i->base_name.len || i->base_digest.len;
    struct pl_base_image b = { .reference = i->base_name, .digest = i->base_digest };
    if (!annotated) {
        b.reference = label(i, "org.opencontainers.image.base.name");
        b.digest = label(i, "org.opencontainers.image.base.digest");
    }
    b.layers = by_history(i);
    bool named = b.reference.len || b.digest.len;
    b.how = annotated ? PL_LIT("annotation") : named ? PL_LIT("label") : PL_LIT("history");
    b.found = named || b.layers >= 0;
    if (b.found)
        r->base = b;
}

void pl_base_mark(struct pl_report *r)
{
    bool known = r->base.found && r->base.layers >= 0;
    for (size_t i = 0; i < r->n_findings; i++) {
        struct pl_finding *f = &r->findings[i];
        f->in_base = !known || f->layer < 0      ? PL_IN_BASE_UNKNOWN
                     : f->layer < r->base.layers ? PL_IN_BASE_YES
                                                 : PL_IN_BASE_NO;
    }
}
