/* stored.c - a source whose layers are files of a directory or an archive. */
#include <stdlib.h>

#include "image/files.h"

struct stored {
    struct pl_source base;
    struct pl_files *files;
    struct pl_file *located; /* by index in image->layers */
};

static pl_rc open_layer(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err)
{
    struct stored *st = (struct stored *)s;
    const struct pl_layer *layer = index < s->image->n_layers ? &s->image->layers[index] : NULL;
    if (!layer || layer->empty || layer->unreadable)
        return pl_fail(err, PL_EABSENT, "layer %u: %s", index,
                       layer && layer->unreadable ? layer->unreadable : "no such layer");
    pl_rc rc = st->files->ops->open(st->files, &st->located[index], out, err);
    if (rc)
        (void)pl_wrap(err, "layer %u", index);
    return rc;
}

static pl_rc layer_status(struct pl_source *s, unsigned index, struct pl_err *err)
{
    struct stored *st = (struct stored *)s;
    if (!st->files->ops->status || index >= s->image->n_layers)
        return PL_OK;
    return st->files->ops->status(st->files, &st->located[index], err);
}

static void close_stored(struct pl_source *s)
{
    pl_files_close(((struct stored *)s)->files);
    free(s);
}

static const struct pl_source_ops ops = { .layer_open = open_layer,
                                          .layer_status = layer_status,
                                          .close = close_stored };

void pl_stored_locate(struct pl_files *f, struct pl_image *image, size_t i, pl_span name,
                      struct pl_file *out)
{
    struct pl_layer *layer = &image->layers[i];
    bool foreign = layer->unreadable && !strcmp(layer->unreadable, "foreign");
    *out = (struct pl_file){ 0 };
    if (name.len == 0 || f->ops->find(f, name, out, NULL)) {
        if (!layer->unreadable)
            layer->unreadable = "missing";
        return;
    }
    if (foreign)
        layer->unreadable = NULL;
    if (out->truncated && !layer->unreadable)
        layer->unreadable = "truncated";
    layer->size = out->size;
}

struct place {
    uint64_t at;
    unsigned index;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool make_order(struct stored *st, struct pl_arena *a)
{
    struct pl_image *image = st->base.image;
    struct place *places = pl_arena_array(a, image->n_layers, sizeof(*places));
    unsigned *order = pl_arena_array(a, image->n_layers, sizeof(*order));
    size_t n = 0;
    if (!places || !order)
        return false;
    /* The readable ones first, as they lie; the others after them, so that all are named. */
    for (size_t i = 0; i < image->n_layers; i++) {
        const struct pl_layer *layer = &image->layers[i];
        bool skip = layer->empty || layer->unreadable;
        places[n++] = (struct place){ skip ? UINT64_MAX : st->located[i].at, (unsigned)i };
    }
    qsort(places, n, sizeof(*places), by_place);
    for (size_t i = 0; i < n; i++)
        order[i] = places[i].index;
    st->base.read_order = order;
    return true;
}

pl_rc pl_stored_source(struct pl_files **files, struct pl_image *image,
                       const struct pl_file *located, const struct pl_source_opts *o,
                       struct pl_source **out, struct pl_err *err)
{
    size_t next = 0;
    struct stored *st = calloc(1, sizeof(*st));
    struct pl_file *list = pl_arena_array(o->arena, image->n_layers, sizeof(*list));
    if (!st || !list) {
        free(st);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    *st = (struct stored){ .base = { .ops = &ops, .image = image, .rootfs_fd = -1 },
                           .files = *files,
                           .located = list };
    image->size = 0;
    for (size_t i = 0; i < image->n_layers; i++) {
        if (image->layers[i].empty)
            continue;
        list[i] = located[next++];
        if (__builtin_add_overflow(image->size, image->layers[i].size, &image->size))
            image->size = UINT64_MAX;
    }
    if ((*files)->ordered && !make_order(st, o->arena)) {
        free(st);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if ((*files)->damage)
        pl_image_gap(image, o->arena, -1, (*files)->damage == PL_ELIMIT ? "limit" : "broken",
                     "the archive could not be read to its end: %s", (*files)->damage_text);
    *files = NULL;
    *out = &st->base;
    return PL_OK;
}

pl_rc pl_check_platform(const struct pl_image *image, const char *platform, struct pl_err *err)
{
    static const char *const aliases[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" } };
    pl_span want = pl_span_str(platform), os = { 0 }, architecture = { 0 };
    if (!platform || image->architecture.len == 0)
        return PL_OK;
    if (pl_span_chr(want, '/') == SIZE_MAX)
        architecture = want;
    else if (!pl_span_split(&want, '/', &os) || !pl_span_split(&want, '/', &architecture))
        return PL_OK;
    for (size_t i = 0; i < PL_COUNT(aliases); i++)
        if (pl_span_eq(architecture, pl_span_str(aliases[i][0])))
            architecture = pl_span_str(aliases[i][1]);
    if (pl_span_eq(architecture, image->architecture) &&
        (os.len == 0 || image->os.len == 0 || pl_span_eq(os, image->os)))
        return PL_OK;
    return pl_fail(err, PL_EABSENT, "no image for platform %s; there is %.*s/%.*s", platform,
                   PL_FMT(image->os), PL_FMT(image->architecture));
}
