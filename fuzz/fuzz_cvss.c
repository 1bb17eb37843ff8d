#include <stdint.h>
#include <stdlib.h>

#include "model/advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double score = pl_cvss_score(pl_span_of(data, size));
    if (!(score <= 10))
        abort();
    return 0;
}
