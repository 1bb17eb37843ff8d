#include "analyze.h"

extern const struct pl_analyzer pl_analyzer_bitnami;

/* Two formats, told apart by the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "opt/bitnami/a/.spdx-a.spdx",
                                         "opt/bitnami/.bitnami_components.json" };
    for (size_t i = 0; i < PL_COUNT(paths); i++)
        fuzz_row(&pl_analyzer_bitnami, paths[i], pl_span_of(data, size), PL_SPAN_NONE);
    return 0;
}
