#include "advisory/schema.h"

pl_rc pl_sql_fail(sqlite3 *sql, struct pl_err *err, const char *what)
{
    int code = sql ? sqlite3_errcode(sql) : SQLITE_NOMEM;
    pl_rc rc = code == SQLITE_NOMEM                              ? PL_ENOMEM
               : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? PL_EFORMAT
               : code == SQLITE_TOOBIG                           ? PL_ELIMIT
                                                                 : PL_EIO;
    return pl_fail(err, rc, "%s: %s", what, sql ? sqlite3_errmsg(sql) : "out of memory");
}

pl_rc pl_sql_exec(sqlite3 *sql, const char *text, struct pl_err *err)
{
    return sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK
               ? PL_OK
               : pl_sql_fail(sql, err, "database");
}

pl_rc pl_sql_prepare(sqlite3 *sql, const char *text, sqlite3_stmt **out, struct pl_err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v3(sql, text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
        return pl_sql_fail(sql, err, "database");
    *out = st;
    return PL_OK;
}

pl_rc pl_sql_step(sqlite3_stmt *st, bool *row, struct pl_err *err)
{
    int code = sqlite3_step(st);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return PL_OK;
    return pl_sql_fail(sqlite3_db_handle(st), err, "database");
}

pl_rc pl_sql_run(sqlite3_stmt *st, struct pl_err *err)
{
    bool row;
    pl_rc rc = pl_sql_step(st, &row, err);
    sqlite3_reset(st);
    return rc;
}

void pl_sql_bind_text(sqlite3_stmt *st, int at, pl_span text)
{
    sqlite3_bind_text64(st, at, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void pl_sql_bind_blob(sqlite3_stmt *st, int at, pl_span bytes)
{
    sqlite3_bind_blob64(st, at, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

pl_span pl_sql_text(sqlite3_stmt *st, int column)
{
    const void *p = sqlite3_column_text(st, column);
    return p ? pl_span_of(p, (size_t)sqlite3_column_bytes(st, column)) : PL_SPAN_NONE;
}

pl_span pl_sql_blob(sqlite3_stmt *st, int column)
{
    const void *p = sqlite3_column_blob(st, column);
    return p ? pl_span_of(p, (size_t)sqlite3_column_bytes(st, column)) : PL_SPAN_NONE;
}

/* ---- rows ---- */

void pl_numbers_pack(struct pl_buf *out, const uint64_t *sorted, size_t n)
{
    pl_buf_varint(out, n);
    for (size_t i = 0; i < n; i++)
        pl_buf_varint(out, sorted[i] - (i ? sorted[i - 1] : 0));
}

bool pl_numbers_unpack(pl_span *in, struct pl_arena *a, uint64_t **out, size_t *n)
{
    uint64_t count, delta, at = 0;
    if (!pl_span_varint(in, &count) || count > in->len)
        return false;
    uint64_t *numbers = pl_arena_array(a, (size_t)count, sizeof(*numbers));
    for (size_t i = 0; numbers && i < count; i++) {
        if (!pl_span_varint(in, &delta))
            return false;
        numbers[i] = at += delta;
    }
    *out = numbers;
    *n = (size_t)count;
    return numbers;
}

void pl_advisory_body_pack(struct pl_buf *out, const struct pl_advisory_body *b)
{
    pl_vulns_pack(out, b->vulns, b->n_vulns);
    pl_numbers_pack(out, b->groups, b->n_groups);
    pl_buf_char(out, (char)b->severity);
    pl_buf_text(out, pl_keep(b->title, PL_KEEP_TITLE));
    pl_buf_text(out, pl_keep(b->published, PL_KEEP_NOTE));
    pl_buf_varint(out, b->n_references);
    for (size_t i = 0; i < b->n_references; i++)
        pl_buf_text(out, pl_keep(b->references[i], PL_KEEP_URL));
}

bool pl_advisory_body_unpack(pl_span in, struct pl_arena *a, struct pl_advisory_body *out)
{
    uint8_t severity;
    uint64_t n;
    *out = (struct pl_advisory_body){ 0 };
    if (!pl_vulns_unpack(&in, a, &out->vulns, &out->n_vulns) ||
        !pl_numbers_unpack(&in, a, &out->groups, &out->n_groups) || !pl_span_u8(&in, &severity) ||
        severity > PL_SEVERITY_CRITICAL || !pl_span_text(&in, &out->title) ||
        !pl_span_text(&in, &out->published) || !pl_span_varint(&in, &n) || n > in.len)
        return false;
    out->severity = (enum pl_severity)severity;
    out->n_references = (size_t)n;
    pl_span *urls = pl_arena_array(a, out->n_references, sizeof(*urls));
    for (size_t i = 0; urls && i < out->n_references; i++)
        if (!pl_span_text(&in, &urls[i]))
            return false;
    out->references = urls;
    return urls;
}

bool pl_vuln_body_unpack(pl_span in, struct pl_arena *a, struct pl_vuln_body *out)
{
    *out = (struct pl_vuln_body){ 0 };
    if (!pl_numbers_unpack(&in, a, &out->advisories, &out->n_advisories))
        return false;
    out->parts = in;
    return true;
}

pl_rc pl_advisory_words(struct pl_advisory_db *db, struct pl_err *err)
{
    if (db->words)
        return PL_OK;
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    struct pl_vec words = PL_VEC(pl_span);
    bool row = true;
    pl_rc rc = pl_sql_prepare(db->sql, "SELECT text FROM word ORDER BY id", &st, err);
    if (!rc && !pl_vec_push(&db->words_arena, &words))
        rc = pl_fail(err, PL_ELIMIT, "the database has too many words");
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row) {
        pl_span *w = pl_vec_push(&db->words_arena, &words);
        if (!w || !pl_arena_copy(&db->words_arena, pl_sql_text(st, 0), w))
            rc = pl_fail(err, PL_ELIMIT, "the database has too many words");
    }
    if (rc)
        return rc;
    db->words = words.items;
    db->n_words = words.n;
    return PL_OK;
}

pl_span pl_advisory_word(const struct pl_advisory_db *db, uint32_t number)
{
    return number < db->n_words ? db->words[number] : PL_SPAN_NONE;
}
