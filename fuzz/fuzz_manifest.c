/* An image manifest (schema 2, OCI, schema 1). */
#include "image/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena a;
    struct pl_image image = { 0 };
    struct pl_err err;
    pl_digest config;
    pl_span json = pl_span_of(data, size);
    pl_arena_init(&a, 16 * PL_MIB);
    (void)pl_document_kind(PL_SPAN_NONE, json);
    if (pl_manifest_parse(json, PL_SPAN_NONE, &PL_LIMITS, &a, &image, &config, &err) == PL_OK &&
        pl_config_parse(PL_LIT("{\"history\":[{},{\"empty_layer\":true}],"
                               "\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}"),
                        &PL_LIMITS, &a, &image, &err) == PL_OK)
        for (size_t i = 0; i < image.n_layers; i++)
            if (image.layers[i].index != i)
                __builtin_trap();
    pl_arena_done(&a);
    return 0;
}
