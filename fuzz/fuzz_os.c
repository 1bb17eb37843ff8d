/* Release files of every kind with the same bytes; the first byte chooses which are there. */
#include <stdint.h>

#include "model/distro.h"
#include "model/layer_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = { "os-release",     "debian_version", "ubuntu-advantage",
                                         "redhat-release", "suse-release",   "lsb-release",
                                         "alpine-release", "centos-release" };
    struct pl_fact facts[PL_COUNT(kinds)] = { 0 };
    struct pl_arena a;
    struct pl_os os;
    size_t n = 0;
    pl_span rest = pl_span_of(data, size), text;
    if (!size)
        return 0;
    rest = pl_span_from(rest, 1);
    for (size_t i = 0; i < PL_COUNT(kinds) && pl_span_split(&rest, '\0', &text); i++)
        if (data[0] >> i & 1)
            facts[n++] = (struct pl_fact){ .kind = pl_span_str(kinds[i]),
                                           .path = i ? PL_LIT("etc/x") : PL_LIT("etc/os-release"),
                                           .bytes = text };
    pl_arena_init(&a, PL_MIB);
    (void)!pl_os_detect(facts, n, &a, &os);
    pl_arena_done(&a);
    return 0;
}
