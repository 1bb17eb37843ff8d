/* scan.h - one scan: composes the stages, owns the sandboxed children and the cache. */
#pragma once
#include "base/limits.h"
#include "base/log.h"
#include "judge/judge.h"
#include "model/report.h"

struct pl_scan_opts {
    const char *db;        /* NULL: the user's, else the shipped one */
    const char *cache_dir; /* NULL: the user's cache folder */
    bool no_cache, offline, insecure, ignore_unfixed;
    unsigned jobs; /* 0: the number of processors, at most 4 */
    unsigned timeout_s;
    const char *platform, *authfile;
    unsigned classes; /* bit per enum pl_class; 0: all that this program knows */
    unsigned severities;
    bool fail_on_set;
    enum pl_severity fail_on;
    const struct pl_ignores *ignores; /* judge/judge.h; borrowed, each may be NULL */
    const struct pl_vex *vex;
    const struct pl_policy *policy;
    const struct pl_limits *limits;
    const struct pl_log *log;
};

struct pl_scan; /* owns the report and all its text */
pl_rc pl_scan_run(const char *target, const struct pl_scan_opts *o, struct pl_scan **out,
                  struct pl_err *err) PL_CHECKED;
const struct pl_report *pl_scan_report(const struct pl_scan *s);
void pl_scan_free(struct pl_scan *s);
PL_AUTO_DEFINE(scan, struct pl_scan *, pl_scan_free)

/* Where the default files are. Written into buf; false when there is none. */
bool pl_default_db(char *buf, size_t size, bool *shipped);
bool pl_default_cache(char *buf, size_t size);

/* `db build`: every file below dir into one database (scan/db_build.c). */
struct pl_db_build_report {
    uint64_t files, records, skipped;
};
pl_rc pl_db_build(const char *feeds_dir, const char *output, const struct pl_limits *limits,
                  const struct pl_log *log, struct pl_db_build_report *out,
                  struct pl_err *err) PL_CHECKED;
