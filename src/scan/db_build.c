/* db_build.c - `db build`: every file below a folder of feeds into one database.
 *
 * Files are told by content. A file that breaks off keeps the rows that the database before had of
 * it; a record that breaks its format is skipped and counted; neither stops the build. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "advisory/advisory_db.h"
#include "feed/feed.h"
#include "scan/scan.h"

enum { NAMED_SKIPS = 3 }; /* of one file; the rest is a number */

struct build {
    struct pl_advisory_sink sink; /* counts and names, then hands on */
    struct pl_advisory_sink *inner;
    struct pl_advisory_db *db;
    const struct pl_log *log;
    struct pl_db_build_report total;
    char *path;       /* of the file under way: an archive's, for its members */
    const char *feed; /* its feed's name */
    uint64_t records, skipped;
    bool reading, failed;
    pl_rc fatal; /* of a sink call that cannot answer */
    struct pl_err *err;
};

/* ---- counting sink ---- */

static pl_rc on_advisory(struct pl_advisory_sink *s, const struct pl_advisory *a,
                         struct pl_err *err)
{
    struct build *b = (struct build *)s;
    pl_rc rc = b->inner->advisory(b->inner, a, err);
    b->records += !rc;
    return rc;
}

static pl_rc on_vuln(struct pl_advisory_sink *s, const struct pl_vuln_facts *v, struct pl_err *err)
{
    struct build *b = (struct build *)s;
    pl_rc rc = b->inner->vuln(b->inner, v, err);
    b->records += !rc;
    return rc;
}

static void on_covers(struct pl_advisory_sink *s, pl_span stream)
{
    struct build *b = (struct build *)s;
    b->inner->covers(b->inner, stream);
}

static void on_published(struct pl_advisory_sink *s, pl_span when)
{
    struct build *b = (struct build *)s;
    b->inner->published(b->inner, when);
}

static bool is_current(const struct build *b, pl_span what)
{
    return b->path && pl_span_eq(pl_span_str(b->path), what);
}

/* The walk could not open a file, or an archive broke between two members. */
static void lost_file(struct build *b, pl_span what, const char *why)
{
    bool kept = false;
    pl_rc rc;
    PL_AUTO(text) char *path = strndup(what.ptr, what.len);
    if (!path)
        rc = pl_fail(b->err, PL_ENOMEM, "out of memory");
    else if (is_current(b, what) && b->feed)
        rc = pl_advisory_db_keep_previous(b->db, why, &kept, b->err);
    else
        rc = pl_advisory_db_keep_file(b->db, path, why, &kept, b->err);
    b->fatal = b->fatal ? b->fatal : rc;
    pl_log(b->log, PL_LOG_WARNING, "%.*s: %s%s", PL_FMT(what), why,
           kept ? "; the rows of the database before are kept" : "");
    b->total.skipped++;
}

static void on_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    struct build *b = (struct build *)s;
    if (!b->reading) {
        lost_file(b, what, why);
        return;
    }
    if (b->skipped++ < NAMED_SKIPS)
        pl_log(b->log, PL_LOG_WARNING, "%s: %.*s skipped: %s", b->path, PL_FMT(what), why);
    b->inner->skip(b->inner, what, why);
}

/* ---- files ---- */

static void close_file(struct build *b)
{
    if (b->path && b->feed) {
        pl_log(b->log, PL_LOG_INFO, "%s: %s, %llu records%s", b->path, b->feed,
               (unsigned long long)b->records, b->failed ? ", not to its end" : "");
        if (b->skipped)
            pl_log(b->log, PL_LOG_WARNING, "%s: %llu records skipped", b->path,
                   (unsigned long long)b->skipped);
        b->total.files++;
    }
    b->total.records += b->records;
    b->total.skipped += b->skipped;
    b->records = b->skipped = 0;
    b->failed = false;
    b->feed = NULL;
    free(b->path);
    b->path = NULL;
}

/* Members share the archive's name: "osv/Go/all.zip!/GO-1.json" is of "osv/Go/all.zip". */
static pl_rc enter_file(struct build *b, const char *member, struct pl_err *err)
{
    const char *mark = strstr(member, "!/");
    size_t len = mark ? (size_t)(mark - member) : strlen(member);
    if (is_current(b, pl_span_of(member, len)))
        return PL_OK;
    close_file(b);
    b->path = strndup(member, len);
    return b->path ? PL_OK : pl_fail(err, PL_ENOMEM, "out of memory");
}

static pl_rc broke_off(struct build *b, const struct pl_err *why, struct pl_err *err)
{
    bool kept = false;
    pl_rc rc = pl_advisory_db_keep_previous(b->db, why->msg, &kept, err);
    pl_log(b->log, PL_LOG_WARNING, "%s: %s; %s", b->path, why->msg,
           kept ? "the rows of the database before are kept" : "what was read until then is kept");
    b->failed = true;
    b->total.skipped++;
    return rc;
}

static pl_rc take_file(void *ctx, struct pl_feed_file *f, struct pl_err *err)
{
    struct build *b = ctx;
    struct pl_err why = { 0 };
    const struct pl_feed *feed = pl_feed_sniff(f);
    if (b->fatal)
        return b->fatal;
    if (!feed)
        return PL_OK;
    pl_rc rc = enter_file(b, f->path, err);
    rc = rc ? rc : pl_advisory_db_feed(b->db, feed->name, feed->what, feed->rank, b->path, err);
    if (rc || (b->failed && b->feed)) /* the rest of an archive that broke */
        return rc;
    uint64_t before = b->records;
    b->feed = feed->name;
    b->reading = true;
    rc = feed->read(f, &b->sink, &why);
    if (rc == PL_ENOMEM || rc == PL_EIO) {
        if (err)
            *err = why;
        rc = pl_wrap(err, "%s", f->path);
    } else if (rc && strstr(f->path, "!/") && b->records - before < 2) {
        /* One bad record among an archive's many. */
        on_skip(&b->sink, pl_span_str(strstr(f->path, "!/") + 2), why.msg);
        rc = PL_OK;
    } else if (rc) {
        rc = broke_off(b, &why, err);
    }
    b->reading = false;
    return rc;
}

/* SOURCE_DATE_EPOCH, so that the same feeds make the same database.
 * Spec: reproducible-builds.org, "SOURCE_DATE_EPOCH". */
static void now(char out[32])
{
    const char *given = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    time_t t = given && pl_span_decimal(pl_span_str(given), INT64_MAX / 2, &seconds)
                   ? (time_t)seconds
                   : time(NULL);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, 32, "1970-01-01T00:00:00Z");
}

static pl_rc build_all(struct build *b, const char *feeds_dir, const struct pl_limits *limits,
                       struct pl_err *err)
{
    char built_at[32];
    pl_rc rc = pl_feed_walk(feeds_dir, limits, &b->sink, take_file, b, err);
    close_file(b);
    rc = rc ? rc : b->fatal;
    if (rc)
        return rc;
    if (b->total.records == 0)
        return pl_fail(err, PL_EABSENT,
                       "%s: no advisories found; the folder has one folder per feed, such as "
                       "alpine-secdb/v3.20/main.json or osv/npm/all.zip",
                       feeds_dir);
    now(built_at);
    return pl_advisory_db_commit(b->db, built_at, err);
}

pl_rc pl_db_build(const char *feeds_dir, const char *output, const struct pl_limits *limits,
                  const struct pl_log *log, struct pl_db_build_report *out, struct pl_err *err)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = NULL;
    struct pl_err ignored = { 0 };
    struct build b = {
        .sink = { on_advisory, on_vuln, on_skip, on_covers, on_published },
        .log = log,
        .err = err ? err : &ignored,
    };
    pl_rc rc = pl_advisory_db_create(output, output, &db, err);
    if (rc)
        return rc;
    b.db = db;
    b.inner = pl_advisory_db_sink(db);
    rc = build_all(&b, feeds_dir, limits, err);
    if (!rc)
        *out = b.total;
    return rc;
}
