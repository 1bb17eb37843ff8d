/* The first three bytes say how much of the rest is the file; what follows is its log. */
#include "analyze.h"

extern const struct pl_analyzer pl_analyzer_rpm;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    pl_span all = pl_span_of(data + 3, size - 3);
    size_t at = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];
    fuzz_row(&pl_analyzer_rpm, "var/lib/rpm/rpmdb.sqlite", pl_span_sub(all, 0, at),
             pl_span_from(all, at));
    return 0;
}
