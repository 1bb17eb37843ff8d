/* An image configuration, joined with three layers. */
#include "image/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena a;
    struct pl_layer layers[3] = { { .index = 0 },
                                  { .index = 1, .unreadable = "foreign" },
                                  { .index = 2 } };
    struct pl_image image = { .layers = layers, .n_layers = 3 };
    struct pl_err err;
    size_t real = 0;
    pl_arena_init(&a, 16 * PL_MIB);
    if (pl_config_parse(pl_span_of(data, size), &PL_LIMITS, &a, &image, &err) == PL_OK) {
        for (size_t i = 0; i < image.n_layers; i++)
            real += !image.layers[i].empty;
        if (real != 3)
            __builtin_trap();
        for (size_t i = 1; i < image.config.n_labels; i++)
            if (pl_span_cmp(image.config.labels[i - 1].key, image.config.labels[i].key) > 0)
                __builtin_trap();
    }
    pl_arena_done(&a);
    return 0;
}
