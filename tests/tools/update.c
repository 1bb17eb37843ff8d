/* update.c - `db update` without the building: update FEEDS_DIR [ONLY] [STALL_S]. Driven by
 * tests/e2e/db_update.py. */
#include <stdio.h>
#include <stdlib.h>

#include "scan/db_update.h"

static void event(void *ctx, enum pl_level level, const char *text)
{
    (void)ctx;
    printf("%s %s\n", level == PL_LOG_WARNING ? "warning" : "info", text);
}

int main(int argc, char **argv)
{
    struct pl_log log = { .event = event };
    struct pl_limits limits = PL_LIMITS;
    struct pl_db_update_report r = { 0 };
    struct pl_err err = { 0 };
    if (argc > 3)
        limits.stall_s = limits.connect_s = (unsigned)atoi(argv[3]);
    struct pl_db_update_opts o = { .feeds_dir = argc > 1 ? argv[1] : ".",
                                   .only = argc > 2 && argv[2][0] ? argv[2] : NULL,
                                   .limits = &limits,
                                   .log = &log };
    if (pl_feeds_update(&o, &r, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return err.rc == PL_EUSAGE ? 2 : 3;
    }
    printf("fetched %u unchanged %u failed %u absent %u\n", r.fetched, r.unchanged, r.failed,
           r.absent);
    return 0;
}
