#include "feed_target.h"

extern const struct pl_feed pl_feed_redhat_vex;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return feed_target(&pl_feed_redhat_vex, data, size);
}
