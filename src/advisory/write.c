/* write.c - a database under way: where it lies, and the sink that feeds fill. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "advisory/build.h"
#include "base/map.h"

enum {
    NAMES_BYTES = 256 << 20, /* all names of one kind */
    RECORD_ARENA = 128 << 20,
    ENTRY_BYTES = 64 << 20,
};

/* The file that a signal handler would have to unlink. */
static char unfinished[4200];

void pl_advisory_db_abandon(void)
{
    if (unfinished[0])
        unlink(unfinished);
}

bool pl_build_is_cve(pl_span id)
{
    if (id.len < 13 || !pl_span_starts(id, PL_LIT("CVE-")) || id.ptr[8] != '-')
        return false;
    for (size_t i = 4; i < id.len; i++)
        if (i != 8 && !isdigit((unsigned char)id.ptr[i]))
            return false;
    return true;
}

/* ---- rows ---- */

pl_rc pl_build_put_part(struct pl_advisory_build *b, uint32_t vuln, const struct pl_part *p,
                        struct pl_err *err)
{
    b->scratch.len = 0;
    pl_part_pack(&b->scratch, p);
    if (b->scratch.failed)
        return pl_fail(err, PL_ELIMIT, "record too large");
    sqlite3_bind_int64(b->put_part, 1, vuln);
    sqlite3_bind_int64(b->put_part, 2, b->feeds[b->file_rows[b->file].feed].rank);
    sqlite3_bind_int64(b->put_part, 3, b->file);
    pl_sql_bind_blob(b->put_part, 4, pl_buf_span(&b->scratch));
    return pl_sql_run(b->put_part, err);
}

pl_rc pl_build_put_alias(struct pl_advisory_build *b, uint32_t x, uint32_t y, struct pl_err *err)
{
    if (x == y)
        return PL_OK;
    sqlite3_bind_int64(b->put_alias, 1, x);
    sqlite3_bind_int64(b->put_alias, 2, y);
    sqlite3_bind_int64(b->put_alias, 3, b->file);
    return pl_sql_run(b->put_alias, err);
}

pl_rc pl_build_put_entry(struct pl_advisory_build *b, uint32_t group, uint64_t advisory,
                         pl_span tail, struct pl_err *err)
{
    sqlite3_bind_int64(b->put_entry, 1, group);
    sqlite3_bind_int64(b->put_entry, 2, (int64_t)advisory);
    sqlite3_bind_int64(b->put_entry, 3, b->file);
    pl_sql_bind_blob(b->put_entry, 4, tail);
    return pl_sql_run(b->put_entry, err);
}

static int by_number(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

static size_t sort_unique(uint64_t *numbers, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(numbers, n, sizeof(*numbers), by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return kept;
}

static bool grow_advisories(struct pl_advisory_build *b)
{
    if (b->n_adv + 2 <= b->adv_room)
        return true;
    size_t room = b->adv_room ? b->adv_room + b->adv_room / 2 : 1024;
    uint64_t *p = realloc(b->adv_at, room * sizeof(*p));
    if (!p)
        return false;
    if (!b->adv_at)
        p[0] = UINT64_MAX;
    b->adv_at = p;
    b->adv_room = room;
    return true;
}

pl_rc pl_build_put_advisory(struct pl_advisory_build *b, pl_span name,
                            struct pl_advisory_body *body, struct pl_err *err)
{
    if (!grow_advisories(b))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    uint64_t at = b->adv_vulns.len;
    pl_vulns_pack(&b->adv_vulns, body->vulns, body->n_vulns);
    body->n_groups = sort_unique(body->groups, body->n_groups);
    b->scratch.len = 0;
    pl_advisory_body_pack(&b->scratch, body);
    if (b->scratch.failed || b->adv_vulns.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    sqlite3_bind_int64(b->put_advisory, 1, (int64_t)b->n_adv + 1);
    sqlite3_bind_int64(b->put_advisory, 2, b->file);
    pl_sql_bind_text(b->put_advisory, 3, name);
    pl_sql_bind_blob(b->put_advisory, 4, pl_buf_span(&b->scratch));
    pl_rc rc = pl_sql_run(b->put_advisory, err);
    if (!rc)
        b->adv_at[++b->n_adv] = at;
    return rc;
}

static void put_u32(char *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }

uint32_t pl_build_group(struct pl_advisory_build *b, pl_span stream, pl_span package,
                        struct pl_err *err)
{
    char key[4 + 2048];
    uint32_t s = pl_intern_put(&b->streams, stream, NULL, err);
    if (!s)
        return 0;
    if (package.len > sizeof(key) - 4)
        package.len = sizeof(key) - 4;
    put_u32(key, s);
    memcpy(key + 4, package.ptr, package.len);
    return pl_intern_put(&b->groups, pl_span_of(key, 4 + package.len), NULL, err);
}

pl_rc pl_build_cover(struct pl_advisory_build *b, pl_span stream, struct pl_err *err)
{
    char key[8];
    uint32_t s = pl_intern_put(&b->streams, stream, NULL, err);
    if (!s)
        return PL_ELIMIT;
    put_u32(key, s);
    put_u32(key + 4, b->file);
    return pl_intern_put(&b->covers, pl_span_of(key, 8), NULL, err) ? PL_OK : PL_ELIMIT;
}

/* ---- the sink ---- */

static struct pl_advisory_build *build_of(struct pl_advisory_sink *s)
{
    return ((struct pl_advisory_db *)s)->build;
}

static enum pl_severity best_cvss(const struct pl_cvss *cvss, size_t n)
{
    struct pl_cvss best = { .score = -1 };
    for (size_t i = 0; i < n; i++) {
        struct pl_cvss c = cvss[i];
        if (c.score < 0)
            c.score = pl_cvss_score(c.vector);
        if (c.score >= 0 && (best.score < 0 || pl_cvss_leads(&c, &best)))
            best = c;
    }
    return pl_severity_of_score(best.score);
}

static bool contains(const pl_span *texts, size_t n, pl_span text)
{
    for (size_t i = 0; i < n; i++)
        if (pl_span_eq(texts[i], text))
            return true;
    return false;
}

/* Which vulnerabilities a record speaks of; *joined: the record itself describes the one that it
 * names, so that their ids are aliases (a GHSA of one CVE), other than a DSA that fixes it. */
struct subjects {
    struct pl_vuln_ref *refs;
    size_t n;
    bool joined;
};

static bool subject(struct subjects *s, pl_span id, enum pl_severity severity)
{
    for (size_t i = 0; i < s->n; i++)
        if (pl_span_eq(s->refs[i].id, id))
            return false;
    s->refs[s->n++] = (struct pl_vuln_ref){ id, severity };
    return true;
}

static pl_rc find_subjects(struct pl_advisory_build *b, const struct pl_advisory *a,
                           struct subjects *out, struct pl_err *err)
{
    struct subjects s = { 0 };
    size_t n_vulns = a->n_vulns > PL_KEEP_VULNS ? PL_KEEP_VULNS : a->n_vulns;
    s.refs = pl_arena_array(&b->arena, n_vulns + a->n_aliases + 2, sizeof(*s.refs));
    if (!s.refs)
        return pl_fail(err, PL_ELIMIT, "record too large");
    struct pl_map seen_map = { 0 };
    for (size_t i = 0; i < n_vulns; i++) {
        void **seen = a->vulns[i].id.len ? pl_map_at(&seen_map, a->vulns[i].id) : NULL;
        if (seen && !*seen) {
            *seen = &s;
            s.refs[s.n++] = a->vulns[i];
        }
    }
    pl_map_done(&seen_map);
    if (s.n == 1)
        s.joined =
            pl_span_eq(s.refs[0].id, a->id) || contains(a->aliases, a->n_aliases, s.refs[0].id);
    if (s.n == 0) {
        /* Two CVEs are never one vulnerability: a record with several is of all of them. */
        if (pl_build_is_cve(a->id))
            subject(&s, a->id, PL_SEVERITY_UNKNOWN);
        for (size_t i = 0; i < a->n_aliases && i < PL_KEEP_ALIASES; i++)
            if (pl_build_is_cve(a->aliases[i]))
                subject(&s, a->aliases[i], PL_SEVERITY_UNKNOWN);
        s.joined = s.n <= 1;
        if (s.n == 0)
            subject(&s, a->id, PL_SEVERITY_UNKNOWN);
    }
    *out = s;
    return PL_OK;
}

/* Numbers of the subjects, each with the severity that holds for it. */
static pl_rc number_subjects(struct pl_advisory_build *b, const struct pl_advisory *a,
                             const struct subjects *s, uint64_t **out, struct pl_err *err)
{
    enum pl_severity all = a->severity;
    if (all == PL_SEVERITY_UNKNOWN && s->n == 1)
        all = best_cvss(a->cvss, a->n_cvss);
    uint64_t *numbers = pl_arena_array(&b->arena, s->n, sizeof(*numbers));
    if (!numbers)
        return pl_fail(err, PL_ELIMIT, "record too large");
    for (size_t i = 0; i < s->n; i++) {
        uint32_t id = pl_intern_put(&b->vulns, s->refs[i].id, NULL, err);
        if (!id)
            return PL_ELIMIT;
        enum pl_severity own = s->refs[i].severity;
        numbers[i] = (uint64_t)id << 3 | (own != PL_SEVERITY_UNKNOWN ? own : all);
    }
    *out = numbers;
    return PL_OK;
}

/* A record about the vulnerability itself gives all it knows; an advisory that mends it, only
 * its scores: its title and links are about the update. */
static pl_rc describe(struct pl_advisory_build *b, const struct pl_advisory *a, uint32_t vuln,
                      bool joined, struct pl_err *err)
{
    struct pl_part part = {
        .file = b->file,
        .facts = { .cvss = a->cvss, .n_cvss = a->n_cvss, .epss = -1, .epss_percentile = -1 },
    };
    if (!joined && a->n_cvss == 0)
        return PL_OK;
    if (joined) {
        part.own_id = a->id;
        part.aliases = a->aliases;
        part.n_aliases = a->n_aliases;
        part.facts.title = a->title;
        part.facts.description = a->description;
        part.facts.severity = a->severity;
        part.facts.published = a->published;
        part.facts.modified = a->modified;
        part.facts.references = a->references;
        part.facts.n_references = a->n_references;
    }
    part.facts.cwes = a->cwes;
    part.facts.n_cwes = a->n_cwes;
    return pl_build_put_part(b, vuln, &part, err);
}

static pl_rc join(struct pl_advisory_build *b, const struct pl_advisory *a, uint32_t vuln,
                  struct pl_err *err)
{
    uint32_t own = pl_intern_put(&b->vulns, a->id, NULL, err);
    pl_rc rc = own ? pl_build_put_alias(b, vuln, own, err) : PL_ELIMIT;
    for (size_t i = 0; !rc && i < a->n_aliases && i < PL_KEEP_ALIASES; i++) {
        if (a->aliases[i].len == 0)
            continue;
        uint32_t other = pl_intern_put(&b->vulns, a->aliases[i], NULL, err);
        rc = other ? pl_build_put_alias(b, vuln, other, err) : PL_ELIMIT;
    }
    return rc;
}

static bool word_of(struct pl_advisory_build *b, pl_span text, uint32_t *out, struct pl_err *err)
{
    *out = text.len ? pl_intern_put(&b->words, pl_keep(text, PL_KEEP_NOTE), NULL, err) : 0;
    return *out || text.len == 0;
}

static pl_rc put_affected(struct pl_advisory_build *b, const struct pl_advisory *a,
                          const struct pl_affected *row, uint64_t *group, struct pl_err *err)
{
    struct pl_entry_row e = {
        .status = row->status,
        .severity = row->severity,
        .of_source = row->of_source,
        .note = row->note,
        .malicious = a->malicious,
        .ranges = row->ranges,
        .n_ranges = row->n_ranges,
        .versions = row->versions,
        .n_versions = row->n_versions,
    };
    uint32_t g = pl_build_group(b, row->stream, row->package, err);
    if (!g || !word_of(b, row->scheme, &e.scheme, err) || !word_of(b, row->arch, &e.arch, err) ||
        !word_of(b, row->module, &e.module, err) || !word_of(b, row->channel, &e.channel, err))
        return PL_ELIMIT;
    pl_rc rc = pl_build_cover(b, row->stream, err);
    if (rc)
        return rc;
    *group = g;
    b->scratch2.len = 0;
    pl_entry_pack_tail(&b->scratch2, &e);
    if (b->scratch2.failed)
        return pl_fail(err, PL_ELIMIT, "%.*s: row too large", PL_FMT(row->package));
    return pl_build_put_entry(b, g, b->n_adv + 1, pl_buf_span(&b->scratch2), err);
}

static pl_rc take_advisory(struct pl_advisory_build *b, const struct pl_advisory *a,
                           struct pl_err *err)
{
    struct subjects s = { 0 };
    struct pl_advisory_body body = { .severity = a->severity, .published = a->published };
    uint64_t *numbers = NULL;
    pl_arena_reset(&b->arena);
    pl_rc rc = find_subjects(b, a, &s, err);
    rc = rc ? rc : number_subjects(b, a, &s, &numbers, err);
    if (rc)
        return rc;
    uint32_t first = (uint32_t)(numbers[0] >> 3);
    if (s.joined)
        rc = join(b, a, first, err);
    else if (!pl_intern_put(&b->vulns, a->id, NULL, err))
        rc = PL_ELIMIT;
    if (!rc && s.n == 1)
        rc = describe(b, a, first, s.joined, err);
    body.vulns = numbers;
    body.n_vulns = s.n;
    if (!s.joined) {
        body.title = a->title;
        body.references = a->references;
        body.n_references = a->n_references > 10 ? 10 : a->n_references;
    }
    body.groups = pl_arena_array(&b->arena, a->n_affected, sizeof(*body.groups));
    if (!rc && !body.groups)
        rc = pl_fail(err, PL_ELIMIT, "record too large");
    for (size_t i = 0; !rc && i < a->n_affected; i++)
        if (a->affected[i].stream.len && a->affected[i].package.len) {
            rc = put_affected(b, a, &a->affected[i], &body.groups[body.n_groups], err);
            body.n_groups += !rc;
        }
    return rc ? rc : pl_build_put_advisory(b, a->id, &body, err);
}

/* Half a record must not become part of the next one. */
static void forget_entries(struct pl_advisory_db *db, uint64_t advisory)
{
    char text[100];
    snprintf(text, sizeof(text), "DELETE FROM stage.entry WHERE adv = %llu",
             (unsigned long long)advisory);
    if (pl_sql_exec(db->sql, text, NULL))
        db->build->failed = true;
}

static pl_rc on_advisory(struct pl_advisory_sink *s, const struct pl_advisory *a,
                         struct pl_err *err)
{
    struct pl_advisory_build *b = build_of(s);
    if (!b->file)
        return pl_fail(err, PL_EUSAGE, "advisory before its feed");
    if (a->withdrawn || a->id.len == 0)
        return PL_OK;
    pl_rc rc = take_advisory(b, a, err);
    if (rc) {
        forget_entries((struct pl_advisory_db *)s, b->n_adv + 1);
        b->failed |= rc == PL_EIO || rc == PL_ENOMEM;
        return pl_wrap(err, "%.*s", PL_FMT(pl_keep(a->id, 100)));
    }
    b->file_rows[b->file].records++;
    return PL_OK;
}

static pl_rc on_vuln(struct pl_advisory_sink *s, const struct pl_vuln_facts *v, struct pl_err *err)
{
    struct pl_advisory_build *b = build_of(s);
    if (!b->file)
        return pl_fail(err, PL_EUSAGE, "facts before their feed");
    if (v->id.len == 0)
        return PL_OK;
    struct pl_part part = { .file = b->file, .facts = *v };
    if (part.facts.severity == PL_SEVERITY_UNKNOWN)
        part.facts.severity = best_cvss(v->cvss, v->n_cvss);
    uint32_t id = pl_intern_put(&b->vulns, v->id, NULL, err);
    pl_rc rc = id ? pl_build_put_part(b, id, &part, err) : PL_ELIMIT;
    if (rc) {
        b->failed |= rc == PL_EIO || rc == PL_ENOMEM;
        return pl_wrap(err, "%.*s", PL_FMT(pl_keep(v->id, 100)));
    }
    b->file_rows[b->file].records++;
    return PL_OK;
}

static void on_skip(struct pl_advisory_sink *s, pl_span what PL_UNUSED, const char *why PL_UNUSED)
{
    struct pl_advisory_build *b = build_of(s);
    if (b->file)
        b->file_rows[b->file].skipped++;
}

static void on_covers(struct pl_advisory_sink *s, pl_span stream)
{
    struct pl_advisory_build *b = build_of(s);
    if (b->file && stream.len && pl_build_cover(b, stream, NULL))
        b->failed = true;
}

/* Dates order as text when they begin with the year; the newest counts. */
static void newest(char *have, size_t size, pl_span when)
{
    if (when.len == 0 || pl_span_cmp(when, pl_span_str(have)) <= 0)
        return;
    snprintf(have, size, "%.*s", (int)(when.len < size ? when.len : size - 1), when.ptr);
}

static void on_published(struct pl_advisory_sink *s, pl_span when)
{
    struct pl_advisory_build *b = build_of(s);
    if (!b->file)
        return;
    struct pl_build_file *f = &b->file_rows[b->file];
    newest(f->published, sizeof(f->published), when);
}

/* ---- the handle ---- */

static void build_free(struct pl_advisory_build *b)
{
    if (!b)
        return;
    sqlite3_finalize(b->put_advisory);
    sqlite3_finalize(b->put_entry);
    sqlite3_finalize(b->put_part);
    sqlite3_finalize(b->put_alias);
    pl_intern_done(&b->vulns);
    pl_intern_done(&b->words);
    pl_intern_done(&b->streams);
    pl_intern_done(&b->groups);
    pl_intern_done(&b->files);
    pl_intern_done(&b->covers);
    for (size_t i = 0; i < b->n_feeds; i++) {
        free(b->feeds[i].name);
        free(b->feeds[i].what);
    }
    for (size_t i = 0; i < b->n_file_rows; i++)
        free(b->file_rows[i].problem);
    free(b->feeds);
    free(b->file_rows);
    free(b->adv_at);
    pl_buf_done(&b->adv_vulns);
    pl_buf_done(&b->scratch);
    pl_buf_done(&b->scratch2);
    pl_arena_done(&b->arena);
    pl_advisory_db_close(b->previous);
    free(b->tmp);
    free(b);
}

void pl_advisory_db_close(struct pl_advisory_db *db)
{
    if (!db)
        return;
    sqlite3_finalize(db->get_group);
    sqlite3_finalize(db->get_vuln);
    sqlite3_finalize(db->get_advisory);
    char *tmp = db->build ? db->build->tmp : NULL;
    if (db->build)
        db->build->tmp = NULL;
    build_free(db->build);
    sqlite3_close(db->sql);
    if (tmp) {
        unlink(tmp);
        unfinished[0] = '\0';
    }
    free(tmp);
    pl_arena_done(&db->words_arena);
    free(db->path);
    free(db);
}

static const char TABLES[] =
    "PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-16000; PRAGMA temp_store=FILE;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE feed(id INTEGER PRIMARY KEY, name TEXT, what TEXT, rank INTEGER,"
    " records INTEGER, skipped INTEGER, published_at TEXT);"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, feed INTEGER, path TEXT, records INTEGER,"
    " published_at TEXT, problem TEXT);"
    "CREATE TABLE cover(stream INTEGER, file INTEGER, PRIMARY KEY(stream, file)) WITHOUT ROWID;"
    "CREATE TABLE judge(stream INTEGER, feed INTEGER, published_at TEXT, problem TEXT,"
    " PRIMARY KEY(stream, feed)) WITHOUT ROWID;"
    "CREATE TABLE stream(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT);"
    "CREATE TABLE advisory(id INTEGER PRIMARY KEY, file INTEGER, name TEXT, body BLOB);"
    "CREATE TABLE grp(id INTEGER PRIMARY KEY, stream INTEGER, package TEXT, body BLOB);"
    "CREATE TABLE vuln(id INTEGER PRIMARY KEY, name TEXT, canon INTEGER, title TEXT, body BLOB);";
static const char STAGE[] =
    "PRAGMA stage.journal_mode=OFF; PRAGMA stage.synchronous=OFF; PRAGMA stage.cache_size=-16000;"
    "CREATE TABLE stage.entry(grp INTEGER, adv INTEGER, file INTEGER, body BLOB);"
    "CREATE TABLE stage.part(vuln INTEGER, rank INTEGER, file INTEGER, body BLOB);"
    "CREATE TABLE stage.alias(x INTEGER, y INTEGER, file INTEGER);"
    "BEGIN;";

static pl_rc prepare_puts(struct pl_advisory_db *db, struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    pl_rc rc =
        pl_sql_prepare(db->sql, "INSERT INTO advisory VALUES(?,?,?,?)", &b->put_advisory, err);
    if (!rc)
        rc = pl_sql_prepare(db->sql, "INSERT INTO stage.entry VALUES(?,?,?,?)", &b->put_entry, err);
    if (!rc)
        rc = pl_sql_prepare(db->sql, "INSERT INTO stage.part VALUES(?,?,?,?)", &b->put_part, err);
    if (!rc)
        rc = pl_sql_prepare(db->sql, "INSERT INTO stage.alias VALUES(?,?,?)", &b->put_alias, err);
    return rc;
}

/* The stage lies beside the output, where there is room for a database, and is unlinked at once. */
static pl_rc attach_stage(struct pl_advisory_db *db, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    char name[4300];
    snprintf(name, sizeof(name), "%s-stage", db->build->tmp);
    pl_rc rc = pl_sql_prepare(db->sql, "ATTACH ? AS stage", &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, pl_span_str(name));
    rc = pl_sql_run(st, err);
    if (!rc)
        rc = pl_sql_exec(db->sql, STAGE, err);
    unlink(name);
    return rc;
}

static pl_rc open_tmp(struct pl_advisory_db *db, const char *path, struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    uint32_t random = 0;
    if (strlen(path) > 4000)
        return pl_fail(err, PL_EUSAGE, "the file name is too long");
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (uint32_t)getpid();
    if (asprintf(&b->tmp, "%s.tmp-%08x", path, random) < 0) {
        b->tmp = NULL;
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    PL_AUTO(fd) int fd = open(b->tmp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0) {
        pl_fail_errno(err, PL_EIO, errno, "cannot write beside it");
        free(b->tmp);
        b->tmp = NULL;
        return PL_EIO;
    }
    snprintf(unfinished, sizeof(unfinished), "%s", b->tmp);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(b->tmp, &db->sql, flags, NULL) != SQLITE_OK)
        return pl_sql_fail(db->sql, err, "database");
    return PL_OK;
}

static struct pl_advisory_build *build_new(void)
{
    struct pl_advisory_build *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    pl_intern_init(&b->vulns, NAMES_BYTES);
    pl_intern_init(&b->groups, NAMES_BYTES);
    pl_intern_init(&b->words, NAMES_BYTES / 16);
    pl_intern_init(&b->streams, NAMES_BYTES / 16);
    pl_intern_init(&b->files, NAMES_BYTES / 4);
    pl_intern_init(&b->covers, NAMES_BYTES / 4);
    b->scratch.ceiling = b->scratch2.ceiling = ENTRY_BYTES;
    b->adv_vulns.ceiling = NAMES_BYTES;
    pl_arena_init(&b->arena, RECORD_ARENA);
    return b;
}

pl_rc pl_advisory_db_create(const char *path, const char *previous, struct pl_advisory_db **out,
                            struct pl_err *err)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = calloc(1, sizeof(*db));
    if (!db || !(db->build = build_new()) || !(db->path = strdup(path)))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    db->sink = (struct pl_advisory_sink){ on_advisory, on_vuln, on_skip, on_covers, on_published };
    /* An older database that cannot be read has no rows to keep; the new one does without. */
    struct pl_err ignored;
    if (previous && access(previous, R_OK) == 0 &&
        pl_advisory_db_open(previous, &db->build->previous, &ignored))
        db->build->previous = NULL;
    pl_rc rc = open_tmp(db, path, err);
    if (!rc)
        rc = pl_sql_exec(db->sql, TABLES, err);
    if (!rc)
        rc = attach_stage(db, err);
    if (!rc)
        rc = prepare_puts(db, err);
    if (rc)
        return pl_wrap(err, "%s", path);
    *out = pl_take(db);
    return PL_OK;
}

struct pl_advisory_sink *pl_advisory_db_sink(struct pl_advisory_db *db) { return &db->sink; }

static pl_rc find_feed(struct pl_advisory_build *b, const char *name, const char *what,
                       unsigned rank, uint32_t *out, struct pl_err *err)
{
    for (uint32_t i = 0; i < b->n_feeds; i++)
        if (!strcmp(b->feeds[i].name, name)) {
            *out = i;
            return PL_OK;
        }
    struct pl_build_feed *p = realloc(b->feeds, (b->n_feeds + 1) * sizeof(*p));
    if (!p)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    b->feeds = p;
    struct pl_build_feed *f = &p[b->n_feeds];
    *f = (struct pl_build_feed){ .name = strdup(name), .what = strdup(what), .rank = rank };
    *out = (uint32_t)b->n_feeds++;
    return f->name && f->what ? PL_OK : pl_fail(err, PL_ENOMEM, "out of memory");
}

pl_rc pl_advisory_db_feed(struct pl_advisory_db *db, const char *name, const char *what,
                          unsigned rank, const char *file, struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    uint32_t feed = 0;
    bool made;
    pl_rc rc = find_feed(b, name, what, rank, &feed, err);
    if (rc)
        return rc;
    b->scratch.len = 0;
    pl_buf_add(&b->scratch, pl_span_of(name, strlen(name) + 1));
    pl_buf_add(&b->scratch, pl_span_str(file));
    uint32_t number = pl_intern_put(&b->files, pl_buf_span(&b->scratch), &made, err);
    if (!number)
        return PL_ELIMIT;
    if (number >= b->n_file_rows) {
        size_t room = number + number / 2 + 16;
        struct pl_build_file *p = realloc(b->file_rows, room * sizeof(*p));
        if (!p)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        memset(p + b->n_file_rows, 0, (room - b->n_file_rows) * sizeof(*p));
        b->file_rows = p;
        b->n_file_rows = room;
    }
    if (made)
        b->file_rows[number].feed = feed;
    b->file = number;
    return PL_OK;
}
