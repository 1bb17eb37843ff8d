/* A new database takes the old one's place in one step, or not at all. */
#include <unistd.h>

#include "scan/db_update.h"

pl_rc pl_db_update(const struct pl_db_update_opts *o, struct pl_db_update_report *out,
                   struct pl_err *err)
{
    struct pl_db_update_report report = { 0 };
    pl_rc rc = pl_feeds_update(o, &report, err);
    if (rc)
        return rc;
    if (o->force || report.fetched || access(o->output, F_OK) < 0) {
        /* It reads the old database too: a file that broke keeps its rows of yesterday. */
        rc = pl_db_build(o->feeds_dir, o->output, o->limits ? o->limits : &PL_LIMITS, o->log,
                         &report.build, err);
        if (rc)
            return rc;
        report.built = true;
    }
    *out = report;
    return PL_OK;
}
