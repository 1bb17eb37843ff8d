/* A package URL, read, and compared with a package. */
#include "model/purl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(arena) struct pl_arena a;
    struct pl_purl p;
    pl_arena_init(&a, 1 << 20);
    if (pl_purl_parse(pl_span_of(data, size), &a, &p)) {
        pl_span name, version;
        struct pl_package package = { .type = p.type, .name = pl_purl_full_name(&p, &a) };
        pl_purl_upstream(&p, &name, &version);
        (void)pl_purl_means(&p, &package, NULL, &a);
    }
    return 0;
}
