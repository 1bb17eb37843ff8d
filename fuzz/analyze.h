/* analyze.h - for fuzz targets: bytes through one analyzer, as the layer pass would hand them. */
#pragma once
#include <stdlib.h>

#include "analyzer/analyzer.h"

static inline void fuzz_row(const struct pl_analyzer *row, const char *path, pl_span bytes,
                            pl_span beside)
{
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    struct pl_arena tmp;
    struct pl_err err;
    pl_arena_init(&tmp, 64 * PL_MIB);
    const struct pl_input in = { .path = pl_span_str(path),
                                 .bytes = bytes,
                                 .beside = beside,
                                 .limits = &PL_LIMITS,
                                 .tmp = &tmp };
    struct pl_memory_blocks blocks;
    pl_memory_blocks_init(&blocks, bytes, 1000); /* several, so that borders lie within things */
    if (sink && row->stream)
        (void)!row->stream(&in, &blocks.blocks, sink, &err);
    else if (sink)
        (void)!row->parse(&in, sink, &err);
    pl_arena_done(&tmp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole target of a row that reads one file. */
#define FUZZ_ROW(row, path)                                                                        \
    extern const struct pl_analyzer pl_analyzer_##row;                                             \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                   \
    {                                                                                              \
        fuzz_row(&pl_analyzer_##row, path, pl_span_of(data, size), PL_SPAN_NONE);                  \
        return 0;                                                                                  \
    }
