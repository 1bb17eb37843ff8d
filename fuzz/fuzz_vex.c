/* A VEX document, OpenVEX or CycloneDX. */
#include "judge/vex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(vex) struct pl_vex *v = pl_vex_new();
    struct pl_err err;
    if (v)
        (void)!pl_vex_parse(v, "fuzz", pl_span_of(data, size), NULL, &err);
    return 0;
}
