/* An SPDX document of another maker. */
#include "image/sbom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(sink) struct pl_sink *sink = pl_sink_new(&PL_LIMITS);
    struct pl_err err;
    if (sink && pl_sbom_read(pl_span_of(data, size), &PL_LIMITS, sink, &err) == PL_OK) {
        PL_AUTO(buf) struct pl_buf out = { 0 };
        struct pl_layer_totals totals = { 0 };
        (void)!pl_sink_encode(sink, &totals, &out, &err);
    }
    return 0;
}
