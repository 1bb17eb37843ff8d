/* OVAL: each publisher's profile over the same bytes. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rows[] = { "redhat-oval", "azurelinux-oval", "anolis-oval",
                                        "ubuntu-oval", "suse-oval" };
    size_t which = size ? data[size - 1] % PL_COUNT(rows) : 0;
    fuzz_feed(pl_feed_find(pl_span_str(rows[which])), data, size);
    return 0;
}
