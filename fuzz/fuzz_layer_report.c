/* Layer reports as a broken child or a foreign cache might hand them over. */
#include <stdint.h>

#include "model/layer_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    struct pl_entry_iter ei;
    struct pl_owned_iter oi;
    struct pl_entry e;
    struct pl_owned o;
    uint64_t sum = 0;
    pl_arena_init(&a, 16 << 20);
    if (pl_layer_report_decode(pl_span_of(data, size), &PL_LIMITS, &a, &r, NULL))
        return 0;
    for (size_t i = 0; i < r.n_packages; i++)
        sum += pl_span_cmp(r.packages[i].name, r.packages[i].repository) > 0;
    pl_entry_iter_init(&ei, &r);
    while (pl_entry_next(&ei, &e))
        sum += (uint64_t)(pl_span_cmp(e.path, e.link) > 0) + e.size;
    pl_owned_iter_init(&oi, &r);
    while (pl_owned_next(&oi, &o))
        sum += pl_span_cmp(o.path, o.digest) > 0;
    return sum == UINT64_MAX;
}
