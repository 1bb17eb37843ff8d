/* inventory_build.h - layer reports to one inventory: whiteouts, replacement, attribution. */
#pragma once
#include "model/inventory.h"

/* One layer's report as it lies in the cache; bytes empty: the layer could not be read. */
struct pl_layer_bytes {
    pl_span bytes;
    unsigned index; /* in image->layers */
};

/* Layers oldest first. Text is copied into keep; bytes may go after the call. */
pl_rc pl_inventory_build(const struct pl_image *image, const struct pl_layer_bytes *layers,
                         size_t n, const struct pl_limits *limits, struct pl_arena *keep,
                         struct pl_inventory *out, struct pl_err *err) PL_CHECKED;
