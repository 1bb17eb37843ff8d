/* A new database takes the old one's place in one step, or not at all. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "scan/db_update.h"

static pl_rc build_and_swap(const struct pl_db_update_opts *o, struct pl_db_build_report *out,
                            struct pl_err *err)
{
    char next[4096];
    if (snprintf(next, sizeof(next), "%s.new", o->output) >= (int)sizeof(next))
        return pl_fail(err, PL_ELIMIT, "the path of the database is too long");
    unlink(next); /* of a run that was ended */
    pl_rc rc =
        pl_db_build(o->feeds_dir, next, o->limits ? o->limits : &PL_LIMITS, o->log, out, err);
    if (!rc && rename(next, o->output) < 0)
        rc = pl_fail_errno(err, PL_EIO, errno, "%s", o->output);
    if (rc)
        unlink(next);
    return rc;
}

pl_rc pl_db_update(const struct pl_db_update_opts *o, struct pl_db_update_report *out,
                   struct pl_err *err)
{
    struct pl_db_update_report report = { 0 };
    pl_rc rc = pl_feeds_update(o, &report, err);
    if (rc)
        return rc;
    if (o->force || report.fetched || access(o->output, F_OK) < 0) {
        rc = build_and_swap(o, &report.build, err);
        if (rc)
            return rc;
        report.built = true;
    }
    *out = report;
    return PL_OK;
}
