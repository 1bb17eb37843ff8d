#include "analyze.h"
#include "analyzer/rpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    const struct pl_input in = { .path = PL_LIT("var/lib/rpm/Packages"), .limits = &PL_LIMITS };
    struct pl_rpm r = { .in = &in, .out = sink };
    struct pl_err err;
    pl_arena_init(&r.scratch, 64 * PL_MIB);
    if (sink)
        (void)!pl_rpm_blob(&r, pl_span_of(data, size), "blob", 1, &err);
    pl_arena_done(&r.scratch);
    return 0;
}
