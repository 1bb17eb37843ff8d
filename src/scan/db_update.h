/* db_update.h - `db update`: the publishers' files into a feeds folder, then into the database.
 *
 * Each file is asked for with the conditions of last time (ETag, Last-Modified; kept in a small
 * hidden file beside it), a cut download goes on where it stopped, in the next run too, and a new
 * file takes the old one's place only when it is whole and its published checksum holds. A file
 * that cannot be had leaves yesterday's and is told to the log.
 * PLIMSOLL_FEEDS_MIRROR=URL asks a mirror that holds HOST/PATH below URL instead of
 * https://HOST/PATH. What is fetched stands in update_sources.def. */
#pragma once
#include "scan/scan.h"

struct pl_db_update_opts {
    const char *feeds_dir; /* made when it is not there */
    const char *output;    /* the database */
    const char *only;      /* names of sources, separated by commas; NULL: all */
    bool force;            /* build even when nothing has changed */
    bool offline, insecure;
    unsigned timeout_s; /* for all downloads together; 0: none */
    const struct pl_limits *limits;
    const struct pl_log *log;
};

struct pl_db_update_report {
    unsigned fetched, unchanged, failed, absent; /* files; absent: optional and not there */
    uint64_t bytes;                              /* downloaded */
    bool built;
    struct pl_db_build_report build;
};

/* Download only. PL_OK when at least one file could be asked for; failed ones are counted.
 * PL_EUSAGE for a name in `only` that no source has; PL_EIO when nothing at all could be had or
 * another update is at work. */
pl_rc pl_feeds_update(const struct pl_db_update_opts *o, struct pl_db_update_report *out,
                      struct pl_err *err) PL_CHECKED;
/* Download, build a new database beside the old one, and put it into its place. */
pl_rc pl_db_update(const struct pl_db_update_opts *o, struct pl_db_update_report *out,
                   struct pl_err *err) PL_CHECKED;
