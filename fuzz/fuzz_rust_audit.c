/* The section .dep-v0: zlib over JSON; and the paths of panic messages. */
#include "analyze.h"
#include "analyzer/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    struct pl_crates crates = { 0 };
    struct pl_arena tmp;
    struct pl_err err;
    pl_span all = pl_span_of(data, size);
    pl_arena_init(&tmp, 64 * PL_MIB);
    const struct pl_input in = { .path = PL_LIT("a"), .limits = &PL_LIMITS, .tmp = &tmp };
    if (sink) {
        (void)!pl_program_rust_audit(&in, all, sink, &err);
        pl_crates_add(&crates, all, &tmp);
        (void)!pl_crates_put(&crates, &in, sink, &err);
    }
    pl_crates_done(&crates);
    pl_arena_done(&tmp);
    return 0;
}
