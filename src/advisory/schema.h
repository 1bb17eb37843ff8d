/* schema.h - inside the room only: the tables of the database file and the handle itself.
 *
 *   meta      key, value              schema facts, built_at, digest
 *   feed      name, what, rank ...    one row per publisher
 *   file      feed, path ...          one row per file that was read; the unit that is kept or lost
 *   cover     stream, file            which file speaks for which stream
 *   stream    name                    "debian:12"
 *   word      text                    schemes, architectures, modules, channels
 *   advisory  file, name, body        vulns, groups, title, references
 *   grp       stream, package, body   every affected row of that package, packed (pack.h)
 *   vuln      name, canon, body       canon: the id it is an alias of; body: advisories, parts
 *
 * A scan looks up one grp per package and one vuln per finding; nothing else is read. */
#pragma once
#include <sqlite3.h>

#include "advisory/advisory_db.h"
#include "advisory/pack.h"

enum { PL_SCHEMA_VERSION = 1, PL_APPLICATION_ID = 0x506c696d /* "Plim" */ };

PL_AUTO_DEFINE(sqlite3, sqlite3 *, sqlite3_close)
PL_AUTO_DEFINE(stmt, sqlite3_stmt *, sqlite3_finalize)

struct pl_advisory_build; /* write.c */

struct pl_advisory_db {
    struct pl_advisory_sink sink; /* first: the sink's functions cast back */
    sqlite3 *sql;
    char *path;
    struct pl_advisory_build *build; /* NULL: open for reading */
    /* reading */
    sqlite3_stmt *get_group, *get_vuln, *get_advisory;
    struct pl_arena words_arena;
    pl_span *words; /* loaded at the first need; [0] is empty */
    size_t n_words;
};

pl_rc pl_sql_fail(sqlite3 *sql, struct pl_err *err, const char *what);
pl_rc pl_sql_exec(sqlite3 *sql, const char *text, struct pl_err *err) PL_CHECKED;
pl_rc pl_sql_prepare(sqlite3 *sql, const char *text, sqlite3_stmt **out,
                     struct pl_err *err) PL_CHECKED;
/* One row at most: *row tells. */
pl_rc pl_sql_step(sqlite3_stmt *st, bool *row, struct pl_err *err) PL_CHECKED;
/* Runs a statement without rows and makes it ready for the next. */
pl_rc pl_sql_run(sqlite3_stmt *st, struct pl_err *err) PL_CHECKED;
void pl_sql_bind_text(sqlite3_stmt *st, int at, pl_span text); /* borrowed until the run */
void pl_sql_bind_blob(sqlite3_stmt *st, int at, pl_span bytes);
pl_span pl_sql_text(sqlite3_stmt *st, int column); /* valid until the next step */
pl_span pl_sql_blob(sqlite3_stmt *st, int column);

/* Reading, shared by look-ups and by the build that keeps old rows. */
pl_rc pl_advisory_words(struct pl_advisory_db *db, struct pl_err *err) PL_CHECKED;
pl_span pl_advisory_word(const struct pl_advisory_db *db, uint32_t number);

/* An advisory's row. */
struct pl_advisory_body {
    const uint64_t *vulns; /* id << 3 | severity */
    size_t n_vulns;
    uint64_t *groups;
    size_t n_groups;
    enum pl_severity severity;
    pl_span title, published;
    const pl_span *references;
    size_t n_references;
};
void pl_advisory_body_pack(struct pl_buf *out, const struct pl_advisory_body *b);
bool pl_advisory_body_unpack(pl_span in, struct pl_arena *a, struct pl_advisory_body *out);

/* A vulnerability's row: which advisories speak of it or are named so, then its parts. */
struct pl_vuln_body {
    uint64_t *advisories;
    size_t n_advisories;
    pl_span parts; /* each a text of pl_part_pack() */
};
bool pl_vuln_body_unpack(pl_span in, struct pl_arena *a, struct pl_vuln_body *out);
void pl_numbers_pack(struct pl_buf *out, const uint64_t *sorted, size_t n);
bool pl_numbers_unpack(pl_span *in, struct pl_arena *a, uint64_t **out, size_t *n);
