/* cvrf: any bytes through its reader. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_feed(pl_feed_find(PL_LIT("openeuler-cvrf")), data, size);
    return 0;
}
