/* advisory_db.h - the advisory database: one SQLite file, read-only while scans run.
 *
 * Writing: pl_advisory_db_create(), hand its sink to feed readers, pl_advisory_db_commit(): the
 * file appears whole under its name or not at all. Reading: pl_advisory_db_open(), then
 * pl_match_packages(). */
#pragma once
#include "base/limits.h"
#include "base/log.h"
#include "model/report.h"

struct pl_advisory_db;

/* Makes path.tmp-<random> beside path. previous: an older database whose rows of feeds that fail
 * are kept; NULL none. */
pl_rc pl_advisory_db_create(const char *path, const char *previous, struct pl_advisory_db **out,
                            struct pl_err *err) PL_CHECKED;
/* All that follows comes from this file of this feed. file: path below the feeds folder; members of
 * one archive share the archive's path, so that they stand and fall together. */
pl_rc pl_advisory_db_feed(struct pl_advisory_db *db, const char *name, const char *what,
                          unsigned rank, const char *file, struct pl_err *err) PL_CHECKED;
struct pl_advisory_sink *pl_advisory_db_sink(struct pl_advisory_db *db);
/* The present file failed half-way: forget what it gave and take the previous database's rows of
 * that file (*kept: there were some). Without any, what was read stays. In both cases the
 * streams it speaks of are marked with why, and coverage says so. */
pl_rc pl_advisory_db_keep_previous(struct pl_advisory_db *db, const char *why, bool *kept,
                                   struct pl_err *err) PL_CHECKED;
/* A file of which nothing could be read, not even what it is: the previous rows of that path. */
pl_rc pl_advisory_db_keep_file(struct pl_advisory_db *db, const char *file, const char *why,
                               bool *kept, struct pl_err *err) PL_CHECKED;
/* Indexes, joins aliases, writes the digest, renames. built_at: RFC 3339. */
pl_rc pl_advisory_db_commit(struct pl_advisory_db *db, const char *built_at,
                            struct pl_err *err) PL_CHECKED;

pl_rc pl_advisory_db_open(const char *path, struct pl_advisory_db **out,
                          struct pl_err *err) PL_CHECKED;
pl_rc pl_advisory_db_info(struct pl_advisory_db *db, struct pl_arena *a,
                          struct pl_database_info *out, struct pl_err *err) PL_CHECKED;
void pl_advisory_db_close(struct pl_advisory_db *db); /* an uncommitted one leaves no file */
/* Unlinks the file of a build under way; may be called from a signal handler. */
void pl_advisory_db_abandon(void);
PL_AUTO_DEFINE(advisory_db, struct pl_advisory_db *, pl_advisory_db_close)

/* Everything the database says about the packages of an inventory: one finding per package and
 * vulnerability (aliases joined), unjudged: severity, status, versions, cause, scores, references,
 * publisher's note are set; key, priority, fix command are judge's. Coverage of os-vuln and gaps
 * (no advisories for this release, third-party packages) are appended to the report's. */
pl_rc pl_match_packages(struct pl_advisory_db *db, const struct pl_inventory *inv,
                        struct pl_arena *keep, struct pl_report *report,
                        struct pl_err *err) PL_CHECKED;

/* `db show ID` and `db search WORD`: findings-like rows for people, to a callback. */
struct pl_advisory_row {
    pl_span id, feed, title, stream, package, fixed, status, severity, note;
};
typedef void (*pl_advisory_row_fn)(void *ctx, const struct pl_advisory_row *row);
pl_rc pl_advisory_db_show(struct pl_advisory_db *db, pl_span id, struct pl_arena *tmp,
                          struct pl_vuln_facts *facts, pl_advisory_row_fn fn, void *ctx,
                          struct pl_err *err) PL_CHECKED;
pl_rc pl_advisory_db_search(struct pl_advisory_db *db, pl_span word, pl_advisory_row_fn fn,
                            void *ctx, struct pl_err *err) PL_CHECKED;
