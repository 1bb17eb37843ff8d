/* layers.h - every layer of an image read once: from the cache, or in a child of its own, as many
 * at a time as there are jobs.
 *
 * A layer that cannot be read, or whose digest or diff ID is not what was named, becomes a gap; the
 * others go on. */
#pragma once
#include "image/source.h"
#include "inventory/inventory_build.h"
#include "scan/scan.h"

struct pl_layer_set {
    struct pl_layer_bytes *layers; /* those that are not empty, oldest first */
    size_t n;
    struct pl_vec gaps; /* struct pl_gap */
    struct pl_layer_store *store;
};

/* cache_dir NULL: no cache. Text of gaps goes to keep. PL_ENOMEM, PL_EIO only when nothing can be
 * done at all. */
pl_rc pl_layers_read(struct pl_source *source, const struct pl_scan_opts *o, const char *cache_dir,
                     struct pl_arena *keep, struct pl_layer_set *out,
                     struct pl_err *err) PL_CHECKED;
void pl_layers_done(struct pl_layer_set *s); /* the bytes of the layers go */
