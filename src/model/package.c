#include "model/package.h"
#include "base/err.h"

bool pl_is_kernel_headers(pl_span name)
{
    /* Debian and Ubuntu, Alpine, the rpm world, SUSE. linux-libc-dev has forms per architecture. */
    static const char *const exact[] = { "linux-libc-dev", "linux-headers", "kernel-headers",
                                         "linux-glibc-devel", "linux-api-headers" };
    for (size_t i = 0; i < PL_COUNT(exact); i++)
        if (pl_span_eq(name, pl_span_str(exact[i])))
            return true;
    return pl_span_starts(name, PL_LIT("linux-headers-")) ||
           pl_span_starts(name, PL_LIT("linux-libc-dev-")) ||
           (pl_span_starts(name, PL_LIT("kernel-")) && pl_span_ends(name, PL_LIT("-headers")));
}
