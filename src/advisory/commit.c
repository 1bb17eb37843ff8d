/* commit.c - from the rows as they came to the database as it is read: groups packed, ids joined,
 * parts gathered, a digest over all of it, and the name given at the very end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "advisory/build.h"

struct commit {
    struct pl_advisory_db *db;
    struct pl_advisory_build *b;
    uint32_t *canon;
    struct pl_hasher *hasher;
    struct pl_arena arena;
    struct pl_buf group, out, scratch;
    /* Which advisories speak of vulnerability i: adv_of[adv_from[i] .. adv_from[i + 1]]. */
    uint32_t *adv_from, *adv_of;
};

static void commit_done(struct commit *c)
{
    free(c->canon);
    free(c->adv_from);
    free(c->adv_of);
    pl_hasher_free(c->hasher);
    pl_arena_done(&c->arena);
    pl_buf_done(&c->group);
    pl_buf_done(&c->out);
    pl_buf_done(&c->scratch);
}

/* Into the digest: length and bytes, so that no two contents read the same. */
static void digest_add(struct commit *c, pl_span bytes)
{
    uint64_t len = bytes.len;
    pl_hasher_add(c->hasher, pl_span_of(&len, sizeof(len)));
    pl_hasher_add(c->hasher, bytes);
}

static void digest_number(struct commit *c, uint64_t n)
{
    pl_hasher_add(c->hasher, pl_span_of(&n, sizeof(n)));
}

/* ---- groups ---- */

static int by_vuln(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* An advisory's vulnerabilities under the names they are known by; two aliases become one, which
 * keeps the graver severity. */
static pl_rc canonical_vulns(struct commit *c, uint64_t adv, uint64_t **out, size_t *n,
                             struct pl_err *err)
{
    const uint64_t *raw = NULL;
    size_t n_raw = 0, kept = 0;
    pl_span in = pl_span_from(pl_buf_span(&c->b->adv_vulns), (size_t)c->b->adv_at[adv]);
    if (!pl_vulns_unpack(&in, &c->arena, &raw, &n_raw))
        return pl_fail(err, PL_ELIMIT, "record too large");
    uint64_t *v = pl_arena_array(&c->arena, n_raw, sizeof(*v));
    if (!v)
        return pl_fail(err, PL_ELIMIT, "record too large");
    for (size_t i = 0; i < n_raw; i++)
        v[i] = (uint64_t)c->canon[raw[i] >> 3] << 3 | (raw[i] & 7);
    if (n_raw)
        qsort(v, n_raw, sizeof(*v), by_vuln);
    for (size_t i = 0; i < n_raw; i++) {
        if (kept && v[kept - 1] >> 3 == v[i] >> 3)
            v[kept - 1] = v[i];
        else
            v[kept++] = v[i];
    }
    *out = v;
    *n = kept;
    return PL_OK;
}

static pl_rc put_group(struct commit *c, sqlite3_stmt *put, uint32_t number, struct pl_err *err)
{
    pl_span key = pl_intern_text(&c->b->groups, number);
    uint32_t stream;
    memcpy(&stream, key.ptr, sizeof(stream));
    pl_span package = pl_span_from(key, 4);
    c->out.len = 0;
    if (c->group.failed || !pl_body_deflate(pl_buf_span(&c->group), &c->out))
        return pl_fail(err, PL_ELIMIT, "%.*s: too many advisories", PL_FMT(package));
    digest_number(c, stream);
    digest_add(c, package);
    digest_add(c, pl_buf_span(&c->group));
    c->group.len = 0;
    sqlite3_bind_int64(put, 1, number);
    sqlite3_bind_int64(put, 2, stream);
    pl_sql_bind_text(put, 3, package);
    pl_sql_bind_blob(put, 4, pl_buf_span(&c->out));
    return pl_sql_run(put, err);
}

static pl_rc add_entry(struct commit *c, sqlite3_stmt *get, struct pl_err *err)
{
    uint64_t adv = (uint64_t)sqlite3_column_int64(get, 1);
    uint32_t file = (uint32_t)sqlite3_column_int64(get, 2);
    uint64_t *vulns;
    size_t n;
    pl_arena_reset(&c->arena);
    pl_rc rc = canonical_vulns(c, adv, &vulns, &n, err);
    if (!rc)
        pl_entry_pack(&c->group, adv, c->b->file_rows[file].feed + 1, vulns, n, pl_sql_blob(get, 3),
                      &c->scratch);
    return rc;
}

static pl_rc put_groups(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *get = NULL, *put = NULL;
    uint32_t at = 0;
    bool row = true;
    pl_rc rc = pl_sql_prepare(
        c->db->sql, "SELECT grp, adv, file, body FROM stage.entry ORDER BY grp, rowid", &get, err);
    if (!rc)
        rc = pl_sql_prepare(c->db->sql, "INSERT INTO grp VALUES(?,?,?,?)", &put, err);
    while (!rc && !(rc = pl_sql_step(get, &row, err)) && row) {
        uint32_t group = (uint32_t)sqlite3_column_int64(get, 0);
        if (at && at != group)
            rc = put_group(c, put, at, err);
        at = group;
        if (!rc)
            rc = add_entry(c, get, err);
    }
    return rc || !at ? rc : put_group(c, put, at, err);
}

/* ---- vulnerabilities ---- */

/* Calls fn for each (vulnerability, advisory): those it speaks of, and the one named like it. */
static pl_rc each_pair(struct commit *c, void (*fn)(struct commit *c, uint32_t vuln, uint32_t adv),
                       struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_sql_prepare(c->db->sql, "SELECT id, name FROM advisory ORDER BY id", &st, err);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row) {
        uint32_t adv = (uint32_t)sqlite3_column_int64(st, 0);
        uint64_t *vulns;
        size_t n;
        pl_arena_reset(&c->arena);
        rc = canonical_vulns(c, adv, &vulns, &n, err);
        uint32_t own = c->canon[pl_intern_find(&c->b->vulns, pl_sql_text(st, 1))];
        bool named = false;
        for (size_t i = 0; !rc && i < n; i++) {
            fn(c, (uint32_t)(vulns[i] >> 3), adv);
            named |= vulns[i] >> 3 == own;
        }
        if (!rc && !named)
            fn(c, own, adv);
    }
    return rc;
}

static void count_pair(struct commit *c, uint32_t vuln, uint32_t adv PL_UNUSED)
{
    c->adv_from[vuln + 1]++;
}

static void put_pair(struct commit *c, uint32_t vuln, uint32_t adv)
{
    c->adv_of[c->adv_from[vuln]++] = adv;
}

/* Counting sort by vulnerability: two passes over the advisories, four bytes a pair. */
static pl_rc invert(struct commit *c, struct pl_err *err)
{
    size_t n = (size_t)c->b->vulns.n + 2;
    c->adv_from = calloc(n + 1, sizeof(*c->adv_from));
    if (!c->adv_from)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = each_pair(c, count_pair, err);
    if (rc)
        return rc;
    for (size_t i = 1; i <= n; i++)
        c->adv_from[i] += c->adv_from[i - 1];
    c->adv_of = malloc((c->adv_from[n] + (size_t)1) * sizeof(*c->adv_of));
    if (!c->adv_of)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    rc = each_pair(c, put_pair, err);
    /* Each start has moved to its end, which is the next one's start. */
    memmove(c->adv_from + 1, c->adv_from, n * sizeof(*c->adv_from));
    c->adv_from[0] = 0;
    return rc;
}

static pl_rc put_vuln(struct commit *c, sqlite3_stmt *put, uint32_t number, pl_span title,
                      struct pl_err *err)
{
    pl_span name = pl_intern_text(&c->b->vulns, number);
    c->out.len = 0;
    if (c->group.failed || (c->group.len && !pl_body_deflate(pl_buf_span(&c->group), &c->out)))
        return pl_fail(err, PL_ELIMIT, "%.*s: too much is known of it", PL_FMT(name));
    digest_add(c, name);
    digest_number(c, c->canon[number]);
    digest_add(c, pl_buf_span(&c->group));
    sqlite3_bind_int64(put, 1, number);
    pl_sql_bind_text(put, 2, name);
    sqlite3_bind_int64(put, 3, c->canon[number]);
    pl_sql_bind_text(put, 4, title);
    pl_sql_bind_blob(put, 5, pl_buf_span(&c->out));
    return pl_sql_run(put, err);
}

static void start_vuln(struct commit *c, uint32_t number)
{
    uint32_t from = c->adv_from[number], n = c->adv_from[number + 1] - from;
    c->group.len = 0;
    pl_buf_varint(&c->group, n);
    for (uint32_t i = 0; i < n; i++)
        pl_buf_varint(&c->group, c->adv_of[from + i] - (i ? c->adv_of[from + i - 1] : 0));
}

static pl_rc add_part(struct commit *c, pl_span body, char *title, size_t size, struct pl_err *err)
{
    struct pl_part p;
    pl_span in = body;
    if (!pl_part_unpack(&in, &c->arena, &p))
        return pl_fail(err, PL_ELIMIT, "record too large");
    if (!title[0])
        snprintf(title, size, "%.*s", PL_FMT(p.facts.title));
    pl_buf_text(&c->group, body);
    return PL_OK;
}

static void canon_fn(sqlite3_context *ctx, int n PL_UNUSED, sqlite3_value **v)
{
    const struct commit *c = sqlite3_user_data(ctx);
    uint64_t i = (uint64_t)sqlite3_value_int64(v[0]);
    sqlite3_result_int64(ctx, i <= c->b->vulns.n ? c->canon[i] : 0);
}

/* Every id in order; the parts come sorted by the id they belong to, so both walk together. */
static pl_rc put_vulns(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *get = NULL, *put = NULL;
    bool row = true;
    if (sqlite3_create_function(c->db->sql, "canon", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, c,
                                canon_fn, NULL, NULL) != SQLITE_OK)
        return pl_sql_fail(c->db->sql, err, "database");
    pl_rc rc = pl_sql_prepare(
        c->db->sql, "SELECT canon(vuln) AS c, body FROM stage.part ORDER BY c, rank, rowid", &get,
        err);
    if (!rc)
        rc = pl_sql_prepare(c->db->sql, "INSERT INTO vuln VALUES(?,?,?,?,?)", &put, err);
    if (!rc)
        rc = pl_sql_step(get, &row, err);
    for (uint32_t i = 1; !rc && i <= c->b->vulns.n; i++) {
        char title[PL_KEEP_TITLE + 4] = "";
        pl_arena_reset(&c->arena);
        if (c->canon[i] == i)
            start_vuln(c, i);
        else
            c->group.len = 0;
        while (!rc && row && sqlite3_column_int64(get, 0) == i) {
            rc = add_part(c, pl_sql_blob(get, 1), title, sizeof(title), err);
            rc = rc ? rc : pl_sql_step(get, &row, err);
        }
        if (!rc)
            rc = put_vuln(c, put, i, pl_span_str(title), err);
    }
    return rc;
}

/* ---- small tables ---- */

static pl_rc put_names(struct commit *c, const char *sql, const struct pl_intern *in,
                       struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *put = NULL;
    pl_rc rc = pl_sql_prepare(c->db->sql, sql, &put, err);
    for (uint32_t i = 1; !rc && i <= in->n; i++) {
        sqlite3_bind_int64(put, 1, i);
        pl_sql_bind_text(put, 2, pl_intern_text(in, i));
        digest_add(c, pl_intern_text(in, i));
        rc = pl_sql_run(put, err);
    }
    return rc;
}

static pl_rc put_files(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *put = NULL;
    pl_rc rc = pl_sql_prepare(c->db->sql, "INSERT INTO file VALUES(?,?,?,?,?,?)", &put, err);
    for (uint32_t i = 1; !rc && i <= c->b->files.n; i++) {
        const struct pl_build_file *f = &c->b->file_rows[i];
        struct pl_build_feed *feed = &c->b->feeds[f->feed];
        pl_span key = pl_intern_text(&c->b->files, i);
        pl_span path = pl_span_from(key, pl_span_chr(key, '\0') + 1);
        feed->records += f->records;
        feed->skipped += f->skipped;
        if (strcmp(f->published, feed->published) > 0)
            snprintf(feed->published, sizeof(feed->published), "%s", f->published);
        sqlite3_bind_int64(put, 1, i);
        sqlite3_bind_int64(put, 2, f->feed + 1);
        pl_sql_bind_text(put, 3, path);
        sqlite3_bind_int64(put, 4, (int64_t)f->records);
        pl_sql_bind_text(put, 5, pl_span_str(f->published));
        pl_sql_bind_text(put, 6, pl_span_str(f->problem));
        digest_add(c, path);
        digest_add(c, pl_span_str(f->published));
        digest_add(c, pl_span_str(f->problem));
        rc = pl_sql_run(put, err);
    }
    return rc;
}

static pl_rc put_feeds(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *put = NULL;
    pl_rc rc = pl_sql_prepare(c->db->sql, "INSERT INTO feed VALUES(?,?,?,?,?,?,?)", &put, err);
    for (size_t i = 0; !rc && i < c->b->n_feeds; i++) {
        const struct pl_build_feed *f = &c->b->feeds[i];
        sqlite3_bind_int64(put, 1, (int64_t)i + 1);
        pl_sql_bind_text(put, 2, pl_span_str(f->name));
        pl_sql_bind_text(put, 3, pl_span_str(f->what));
        sqlite3_bind_int64(put, 4, f->rank);
        sqlite3_bind_int64(put, 5, (int64_t)f->records);
        sqlite3_bind_int64(put, 6, (int64_t)f->skipped);
        pl_sql_bind_text(put, 7, pl_span_str(f->published));
        digest_add(c, pl_span_str(f->name));
        digest_number(c, f->rank);
        rc = pl_sql_run(put, err);
    }
    return rc;
}

static pl_rc put_covers(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *put = NULL;
    pl_rc rc = pl_sql_prepare(c->db->sql, "INSERT OR IGNORE INTO cover VALUES(?,?)", &put, err);
    for (uint32_t i = 1; !rc && i <= c->b->covers.n; i++) {
        uint32_t pair[2];
        memcpy(pair, pl_intern_text(&c->b->covers, i).ptr, sizeof(pair));
        if (c->b->file_rows[pair[1]].records == 0 && c->b->file_rows[pair[1]].problem)
            continue; /* it failed before it gave anything: it speaks for nothing */
        sqlite3_bind_int64(put, 1, pair[0]);
        sqlite3_bind_int64(put, 2, pair[1]);
        digest_number(c, (uint64_t)pair[0] << 32 | pair[1]);
        rc = pl_sql_run(put, err);
    }
    return rc ? rc
              : pl_sql_exec(c->db->sql,
                            "INSERT INTO judge SELECT cover.stream, file.feed,"
                            " max(CASE WHEN file.published_at <> '' THEN file.published_at"
                            " ELSE feed.published_at END), max(file.problem)"
                            " FROM cover JOIN file ON file.id = cover.file"
                            " JOIN feed ON feed.id = file.feed GROUP BY 1, 2",
                            err);
}

static pl_rc digest_advisories(struct commit *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc =
        pl_sql_prepare(c->db->sql, "SELECT file, name, body FROM advisory ORDER BY id", &st, err);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row) {
        digest_number(c, (uint64_t)sqlite3_column_int64(st, 0));
        digest_add(c, pl_sql_text(st, 1));
        digest_add(c, pl_sql_blob(st, 2));
    }
    return rc;
}

static pl_rc put_meta(struct commit *c, const char *key, const char *value, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    pl_rc rc = pl_sql_prepare(c->db->sql, "INSERT INTO meta VALUES(?,?)", &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, pl_span_str(key));
    pl_sql_bind_text(st, 2, pl_span_str(value));
    return pl_sql_run(st, err);
}

static pl_rc put_all(struct commit *c, const char *built_at, struct pl_err *err)
{
    pl_digest digest;
    pl_rc rc = pl_build_canon(c->b, c->db->sql, &c->canon, err);
    rc = rc ? rc : put_names(c, "INSERT INTO stream VALUES(?,?)", &c->b->streams, err);
    rc = rc ? rc : put_names(c, "INSERT INTO word VALUES(?,?)", &c->b->words, err);
    rc = rc ? rc : put_files(c, err);
    rc = rc ? rc : put_feeds(c, err);
    rc = rc ? rc : put_covers(c, err);
    rc = rc ? rc : put_groups(c, err);
    rc = rc ? rc : digest_advisories(c, err);
    rc = rc ? rc : invert(c, err);
    rc = rc ? rc : put_vulns(c, err);
    if (rc)
        return rc;
    pl_hasher_finish(c->hasher, &digest);
    rc = put_meta(c, "digest", digest.text, err);
    rc = rc ? rc : put_meta(c, "built_at", built_at, err);
    char pragmas[200];
    snprintf(pragmas, sizeof(pragmas),
             "CREATE UNIQUE INDEX grp_key ON grp(stream, package);"
             "CREATE UNIQUE INDEX vuln_name ON vuln(name);"
             "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
             PL_APPLICATION_ID, PL_SCHEMA_VERSION);
    return rc ? rc : pl_sql_exec(c->db->sql, pragmas, err);
}

/* On the disk, then under its name: a crash leaves the old database or the new one. */
static pl_rc give_name(struct pl_advisory_db *db, struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    sqlite3_stmt **puts[] = { &b->put_advisory, &b->put_entry, &b->put_part, &b->put_alias };
    for (size_t i = 0; i < PL_COUNT(puts); i++) {
        sqlite3_finalize(*puts[i]);
        *puts[i] = NULL;
    }
    if (sqlite3_close(db->sql) != SQLITE_OK)
        return pl_sql_fail(db->sql, err, "database");
    db->sql = NULL;
    PL_AUTO(fd) int fd = open(b->tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) || rename(b->tmp, db->path))
        return pl_fail_errno(err, PL_EIO, errno, "cannot be given its name");
    free(b->tmp);
    b->tmp = NULL;
    return PL_OK;
}

pl_rc pl_advisory_db_commit(struct pl_advisory_db *db, const char *built_at, struct pl_err *err)
{
    struct commit c = { .db = db, .b = db->build };
    if (db->build->failed)
        return pl_fail(err, PL_EIO, "%s: rows could not be written: is the disk full?", db->path);
    c.group.ceiling = c.out.ceiling = c.scratch.ceiling = 256 * PL_MIB;
    pl_arena_init(&c.arena, 256 * PL_MIB);
    pl_rc rc = pl_hasher_new(PL_LIT("sha256"), &c.hasher, err);
    rc = rc ? rc : put_all(&c, built_at, err);
    commit_done(&c);
    rc = rc ? rc : give_name(db, err);
    return rc ? pl_wrap(err, "%s", db->path) : PL_OK;
}
