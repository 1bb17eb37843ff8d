/* An image index, with and without a platform. */
#include "image/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const platforms[] = { NULL, "linux/amd64", "linux/arm/v7", "s390x", "" };
    struct pl_descriptor d;
    struct pl_err err;
    struct pl_arena a;
    for (size_t i = 0; i < PL_COUNT(platforms); i++) {
        pl_arena_init(&a, PL_MIB);
        if (pl_index_choose(pl_span_of(data, size), platforms[i], &a, &d, &err) == PL_OK &&
            !pl_digest_set(&d.digest))
            __builtin_trap();
        pl_arena_done(&a);
    }
    return 0;
}
