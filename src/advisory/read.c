/* read.c - opening a database, and what people ask of it: status, show, search. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "advisory/schema.h"

enum { WORDS_BYTES = 64 << 20, SEARCH_MAX = 200 };

/* SQLite's URI form: '?', '#' and '%' of a file name are escaped. immutable: no locks, no journal
 * is looked for; a new database arrives by rename, so an open one never changes. */
static char *uri_of(const char *path)
{
    size_t n = strlen(path);
    char *uri = malloc(n * 3 + 32), *p = uri;
    if (!uri)
        return NULL;
    p += sprintf(p, "file:%s", path[0] == '/' ? "//" : "");
    for (size_t i = 0; i < n; i++)
        p += strchr("?#%", path[i]) ? sprintf(p, "%%%02x", path[i]) : sprintf(p, "%c", path[i]);
    sprintf(p, "?immutable=1");
    return uri;
}

static pl_rc pragma(sqlite3 *sql, const char *text, int64_t *out, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = false;
    pl_rc rc = pl_sql_prepare(sql, text, &st, err);
    rc = rc ? rc : pl_sql_step(st, &row, err);
    if (!rc)
        *out = row ? sqlite3_column_int64(st, 0) : 0;
    return rc;
}

static pl_rc check_schema(sqlite3 *sql, struct pl_err *err)
{
    int64_t application = 0, version = 0;
    pl_rc rc = pragma(sql, "PRAGMA application_id", &application, err);
    if (!rc)
        rc = pragma(sql, "PRAGMA user_version", &version, err);
    if (rc == PL_EFORMAT || (!rc && application != PL_APPLICATION_ID))
        return pl_fail(err, PL_EFORMAT,
                       "is not an advisory database (`plimsoll db build` makes one)");
    if (!rc && version > PL_SCHEMA_VERSION)
        return pl_fail(err, PL_EFORMAT,
                       "was made by a newer plimsoll (schema %lld, this one reads %d): upgrade "
                       "plimsoll or run `plimsoll db update`",
                       (long long)version, PL_SCHEMA_VERSION);
    if (!rc && version < PL_SCHEMA_VERSION)
        return pl_fail(err, PL_EFORMAT,
                       "was made by an older plimsoll (schema %lld): run `plimsoll "
                       "db update` or `plimsoll db build`",
                       (long long)version);
    return rc;
}

static pl_rc open_file(struct pl_advisory_db *db, const char *path, struct pl_err *err)
{
    PL_AUTO(text) char *uri = uri_of(path);
    if (!uri || !(db->path = strdup(path)))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (access(path, R_OK))
        return pl_fail_errno(err, errno == ENOENT ? PL_EABSENT : PL_EIO, errno, "cannot be read");
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(uri, &db->sql, flags, NULL) != SQLITE_OK)
        return pl_sql_fail(db->sql, err, "cannot be opened");
    pl_rc rc = check_schema(db->sql, err);
    if (rc)
        return rc;
    rc = pl_sql_exec(db->sql,
                     "PRAGMA mmap_size=2147418112; PRAGMA cache_size=-4000; PRAGMA query_only=1;"
                     "PRAGMA trusted_schema=0; PRAGMA cell_size_check=1;",
                     err);
    if (!rc)
        rc = pl_sql_prepare(db->sql, "SELECT body FROM grp WHERE stream = ? AND package = ?",
                            &db->get_group, err);
    if (!rc)
        rc = pl_sql_prepare(db->sql, "SELECT name, canon, body FROM vuln WHERE id = ?",
                            &db->get_vuln, err);
    return rc ? rc
              : pl_sql_prepare(db->sql, "SELECT name, file, body FROM advisory WHERE id = ?",
                               &db->get_advisory, err);
}

pl_rc pl_advisory_db_open(const char *path, struct pl_advisory_db **out, struct pl_err *err)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = calloc(1, sizeof(*db));
    if (!db)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_arena_init(&db->words_arena, WORDS_BYTES);
    pl_rc rc = open_file(db, path, err);
    if (rc)
        return pl_wrap(err, "advisory database %s", path);
    *out = pl_take(db);
    return PL_OK;
}

/* ---- status ---- */

static pl_rc meta(struct pl_advisory_db *db, const char *key, struct pl_arena *a, pl_span *out,
                  struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = false;
    pl_rc rc = pl_sql_prepare(db->sql, "SELECT value FROM meta WHERE key = ?", &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, pl_span_str(key));
    rc = pl_sql_step(st, &row, err);
    if (!rc && row && !pl_arena_copy(a, pl_sql_text(st, 0), out))
        rc = pl_fail(err, PL_ELIMIT, "out of room");
    return rc;
}

pl_rc pl_advisory_db_info(struct pl_advisory_db *db, struct pl_arena *a,
                          struct pl_database_info *out, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct pl_database_info info = { 0 };
    struct pl_vec feeds = PL_VEC(struct pl_feed_info);
    bool row = true;
    pl_rc rc = meta(db, "built_at", a, &info.built_at, err);
    rc = rc ? rc : meta(db, "digest", a, &info.digest, err);
    rc = rc ? rc
            : pl_sql_prepare(db->sql, "SELECT name, records, published_at FROM feed ORDER BY name",
                             &st, err);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row) {
        struct pl_feed_info *f = pl_vec_push(a, &feeds);
        if (!f || !pl_arena_copy(a, pl_sql_text(st, 0), &f->name) ||
            !pl_arena_copy(a, pl_sql_text(st, 2), &f->published_at))
            return pl_fail(err, PL_ELIMIT, "out of room");
        f->records = (uint64_t)sqlite3_column_int64(st, 1);
    }
    if (!rc && !pl_arena_copy(a, pl_span_str(db->path), &info.path))
        rc = pl_fail(err, PL_ELIMIT, "out of room");
    if (rc)
        return rc;
    info.feeds = feeds.items;
    info.n_feeds = feeds.n;
    *out = info;
    return PL_OK;
}

/* ---- show ---- */

static pl_rc damaged(const struct pl_advisory_db *db, struct pl_err *err)
{
    return pl_fail(err, PL_EFORMAT, "%s is damaged: build it again (`plimsoll db update`)",
                   db->path);
}

struct show {
    struct pl_advisory_db *db;
    struct pl_arena *tmp;
    pl_advisory_row_fn fn;
    void *ctx;
    pl_span id;
    uint64_t canon;
};

static void first_text(pl_span *have, pl_span other)
{
    if (have->len == 0)
        *have = other;
}

static void merge_facts(struct pl_vuln_facts *f, const struct pl_vuln_facts *p)
{
    first_text(&f->title, p->title);
    first_text(&f->description, p->description);
    first_text(&f->published, p->published);
    first_text(&f->modified, p->modified);
    first_text(&f->kev_added, p->kev_added);
    first_text(&f->kev_due, p->kev_due);
    first_text(&f->kev_name, p->kev_name);
    f->severity = f->severity ? f->severity : p->severity;
    f->epss = f->epss < 0 ? p->epss : f->epss;
    f->epss_percentile = f->epss_percentile < 0 ? p->epss_percentile : f->epss_percentile;
    f->known_exploited |= p->known_exploited;
    f->ransomware |= p->ransomware;
    f->rejected |= p->rejected;
    if (!f->n_cvss) {
        f->cvss = p->cvss;
        f->n_cvss = p->n_cvss;
    }
    if (!f->n_references) {
        f->references = p->references;
        f->n_references = p->n_references;
    }
    if (!f->n_cwes) {
        f->cwes = p->cwes;
        f->n_cwes = p->n_cwes;
    }
}

static pl_span fixed_text(const struct pl_entry_row *e, struct pl_arena *a)
{
    struct pl_buf b = { .ceiling = 1000 };
    pl_span out = PL_SPAN_NONE;
    for (size_t i = 0; i < e->n_ranges; i++) {
        const struct pl_range *r = &e->ranges[i];
        if (b.len)
            pl_buf_add(&b, PL_LIT(", "));
        if (r->introduced.len && !pl_span_eq(r->introduced, PL_LIT("0")))
            pl_buf_printf(&b, "%.*s .. ", PL_FMT(r->introduced));
        if (r->last_affected.len)
            pl_buf_printf(&b, "<= %.*s", PL_FMT(r->last_affected));
        else
            pl_buf_add(&b, r->fixed);
    }
    (void)pl_arena_copy(a, pl_buf_span(&b), &out);
    pl_buf_done(&b);
    return out;
}

static enum pl_severity severity_for(const struct pl_entry_row *e, uint64_t canon)
{
    for (size_t i = 0; e->severity == PL_SEVERITY_UNKNOWN && i < e->n_vulns; i++)
        if (e->vulns[i] >> 3 == canon)
            return (enum pl_severity)((e->vulns[i] & 7) % (PL_SEVERITY_CRITICAL + 1));
    return e->severity;
}

static pl_rc show_group(struct show *s, uint64_t group, uint64_t advisory,
                        struct pl_advisory_row *r, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct pl_entry_row e;
    bool row = false, broken = false;
    pl_span body;
    pl_rc rc = pl_sql_prepare(s->db->sql,
                              "SELECT stream.name, package, body FROM grp"
                              " JOIN stream ON stream.id = grp.stream WHERE grp.id = ?",
                              &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)group);
    rc = pl_sql_step(st, &row, err);
    if (rc || !row)
        return rc;
    if (!pl_body_inflate(pl_sql_blob(st, 2), s->tmp, &body))
        return damaged(s->db, err);
    r->stream = pl_sql_text(st, 0);
    r->package = pl_sql_text(st, 1);
    while (pl_entry_unpack(&body, s->tmp, &e, &broken)) {
        if (e.advisory != advisory)
            continue;
        r->fixed = fixed_text(&e, s->tmp);
        r->status = pl_span_str(pl_status_text(e.status));
        r->severity = pl_span_str(pl_severity_text(severity_for(&e, s->canon)));
        r->note = e.note;
        s->fn(s->ctx, r);
    }
    return broken ? damaged(s->db, err) : PL_OK;
}

static pl_rc show_advisory(struct show *s, uint64_t id, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct pl_advisory_body body;
    bool row = false;
    pl_rc rc = pl_sql_prepare(s->db->sql,
                              "SELECT advisory.name, feed.name, body FROM advisory"
                              " JOIN file ON file.id = advisory.file"
                              " JOIN feed ON feed.id = file.feed WHERE advisory.id = ?",
                              &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)id);
    rc = pl_sql_step(st, &row, err);
    if (rc || !row)
        return rc;
    if (!pl_advisory_body_unpack(pl_sql_blob(st, 2), s->tmp, &body))
        return damaged(s->db, err);
    struct pl_advisory_row r = { .id = pl_sql_text(st, 0),
                                 .feed = pl_sql_text(st, 1),
                                 .title = body.title };
    if (body.n_groups == 0)
        s->fn(s->ctx, &r);
    for (size_t i = 0; !rc && i < body.n_groups; i++)
        rc = show_group(s, body.groups[i], id, &r, err);
    return rc;
}

static pl_rc find_vuln(struct show *s, bool *found, struct pl_vuln_facts *facts, pl_span *body,
                       struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    pl_rc rc =
        pl_sql_prepare(s->db->sql,
                       "SELECT c.id, c.name, c.body FROM vuln v JOIN vuln c ON c.id = v.canon"
                       " WHERE v.name = ? COLLATE NOCASE OR v.name = upper(?)",
                       &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, s->id);
    pl_sql_bind_text(st, 2, s->id);
    rc = pl_sql_step(st, found, err);
    if (rc || !*found)
        return rc;
    s->canon = (uint64_t)sqlite3_column_int64(st, 0);
    pl_span packed = pl_sql_blob(st, 2);
    *body = PL_SPAN_NONE;
    if (!pl_arena_copy(s->tmp, pl_sql_text(st, 1), &facts->id) ||
        (packed.len && !pl_body_inflate(packed, s->tmp, body)))
        return damaged(s->db, err);
    return PL_OK;
}

pl_rc pl_advisory_db_show(struct pl_advisory_db *db, pl_span id, struct pl_arena *tmp,
                          struct pl_vuln_facts *facts, pl_advisory_row_fn fn, void *ctx,
                          struct pl_err *err)
{
    struct show s = { .db = db, .tmp = tmp, .fn = fn, .ctx = ctx, .id = id };
    struct pl_vuln_facts f = { .epss = -1, .epss_percentile = -1 };
    struct pl_vuln_body v = { 0 };
    struct pl_part p;
    bool found = false;
    pl_span body, one;
    pl_rc rc = find_vuln(&s, &found, &f, &body, err);
    if (rc)
        return rc;
    if (!found)
        return pl_fail(err, PL_EABSENT,
                       "%.*s: the database knows no such vulnerability or advisory", PL_FMT(id));
    if (body.len && !pl_vuln_body_unpack(body, tmp, &v))
        return damaged(db, err);
    while (pl_span_text(&v.parts, &one)) {
        if (!pl_part_unpack(&one, tmp, &p))
            return damaged(db, err);
        merge_facts(&f, &p.facts);
    }
    *facts = f;
    for (size_t i = 0; !rc && i < v.n_advisories; i++)
        rc = show_advisory(&s, v.advisories[i], err);
    return rc;
}

/* ---- search ---- */

/* For LIKE: the word's own % and _ are letters. */
static bool like_of(pl_span word, struct pl_buf *out)
{
    pl_buf_char(out, '%');
    for (size_t i = 0; i < word.len; i++) {
        if (memchr("%_\\", word.ptr[i], 3))
            pl_buf_char(out, '\\');
        pl_buf_char(out, word.ptr[i]);
    }
    pl_buf_char(out, '%');
    return !out->failed;
}

static pl_rc search(struct pl_advisory_db *db, const char *sql, pl_span like, pl_advisory_row_fn fn,
                    void *ctx, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_sql_prepare(db->sql, sql, &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, like);
    sqlite3_bind_int(st, 2, SEARCH_MAX);
    while (!(rc = pl_sql_step(st, &row, err)) && row) {
        struct pl_advisory_row r = { .id = pl_sql_text(st, 0),
                                     .title = pl_sql_text(st, 1),
                                     .stream = pl_sql_text(st, 2),
                                     .package = pl_sql_text(st, 3) };
        fn(ctx, &r);
    }
    return rc;
}

pl_rc pl_advisory_db_search(struct pl_advisory_db *db, pl_span word, pl_advisory_row_fn fn,
                            void *ctx, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf like = { .ceiling = 10000 };
    if (!like_of(word, &like))
        return pl_fail(err, PL_EUSAGE, "the word is too long");
    pl_rc rc = search(db,
                      "SELECT c.name, c.title, CASE WHEN v.id <> c.id THEN v.name ELSE '' END, ''"
                      " FROM vuln v JOIN vuln c ON c.id = v.canon"
                      " WHERE v.name LIKE ?1 ESCAPE '\\' OR v.title LIKE ?1 ESCAPE '\\'"
                      " ORDER BY v.name LIMIT ?2",
                      pl_buf_span(&like), fn, ctx, err);
    return rc ? rc
              : search(db,
                       "SELECT '', '', stream.name, package FROM grp"
                       " JOIN stream ON stream.id = grp.stream"
                       " WHERE package LIKE ?1 ESCAPE '\\' ORDER BY package, stream.name LIMIT ?2",
                       pl_buf_span(&like), fn, ctx, err);
}
