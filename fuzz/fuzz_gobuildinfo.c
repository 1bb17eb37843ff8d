/* Go's build information: the bytes stand where the magic led to, in a whole file and in a part. */
#include "analyze.h"
#include "analyzer/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    struct pl_arena tmp;
    struct pl_err err;
    pl_span all = pl_span_of(data, size);
    bool seen;
    pl_arena_init(&tmp, 64 * PL_MIB);
    const struct pl_input in = { .path = PL_LIT("a"), .limits = &PL_LIMITS, .tmp = &tmp };
    size_t at = pl_span_find(all, pl_span_of(PL_GO_MAGIC, 14));
    if (sink && at != SIZE_MAX) {
        (void)!pl_program_go(&in, pl_span_from(all, at), all, &seen, sink, &err);
        (void)!pl_program_go(&in, pl_span_from(all, at), PL_SPAN_NONE, &seen, sink, &err);
    }
    pl_arena_done(&tmp);
    return 0;
}
