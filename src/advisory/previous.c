/* previous.c - a file that could not be read to its end: what it gave is forgotten, and what the
 * database before had from it stands instead. */
#include <stdio.h>
#include <stdlib.h>

#include "advisory/build.h"

struct copier {
    struct pl_advisory_db *db, *old;
    struct pl_advisory_build *b;
    uint64_t file;      /* in the old database */
    uint64_t *renumber; /* old advisory to new; 0: not of this file */
    size_t n_renumber;
    struct pl_arena arena;
    sqlite3_stmt *name_of; /* of an old vulnerability */
    uint64_t records;
};

static pl_rc forget(struct pl_advisory_db *db, struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_sql_prepare(db->sql, "SELECT id FROM advisory WHERE file = ?", &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, b->file);
    while (!(rc = pl_sql_step(st, &row, err)) && row)
        b->adv_at[sqlite3_column_int64(st, 0)] = UINT64_MAX;
    char text[400];
    snprintf(text, sizeof(text),
             "DELETE FROM advisory WHERE file=%1$u; DELETE FROM stage.entry WHERE file=%1$u;"
             "DELETE FROM stage.part WHERE file=%1$u; DELETE FROM stage.alias WHERE file=%1$u;",
             b->file);
    sqlite3_reset(st);
    b->file_rows[b->file].records = 0;
    b->file_rows[b->file].published[0] = '\0';
    return rc ? rc : pl_sql_exec(db->sql, text, err);
}

static pl_rc find_old_file(struct copier *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = false;
    pl_span key = pl_intern_text(&c->b->files, c->b->file);
    size_t name_len = pl_span_chr(key, '\0');
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): called where there is one */
    pl_rc rc = pl_sql_prepare(c->old->sql,
                              "SELECT file.id, file.published_at, file.records FROM file"
                              " JOIN feed ON feed.id = file.feed"
                              " WHERE feed.name = ? AND file.path = ? AND file.records > 0",
                              &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, pl_span_sub(key, 0, name_len));
    pl_sql_bind_text(st, 2, pl_span_from(key, name_len + 1));
    rc = pl_sql_step(st, &row, err);
    if (!rc && row) {
        struct pl_build_file *f = &c->b->file_rows[c->b->file];
        c->file = (uint64_t)sqlite3_column_int64(st, 0);
        c->records = (uint64_t)sqlite3_column_int64(st, 2);
        snprintf(f->published, sizeof(f->published), "%.*s", PL_FMT(pl_sql_text(st, 1)));
    }
    return rc;
}

static uint32_t new_vuln(struct copier *c, uint64_t old, struct pl_err *err)
{
    bool row = false;
    sqlite3_bind_int64(c->name_of, 1, (int64_t)old);
    uint32_t number = 0;
    if (!pl_sql_step(c->name_of, &row, err) && row)
        number = pl_intern_put(&c->b->vulns, pl_sql_text(c->name_of, 0), NULL, err);
    else if (!row)
        pl_fail(err, PL_EFORMAT, "the database before is damaged");
    sqlite3_reset(c->name_of);
    return number;
}

static pl_rc copy_advisory(struct copier *c, sqlite3_stmt *st, struct pl_err *err)
{
    struct pl_advisory_body body;
    pl_span packed, name = pl_sql_text(st, 1);
    uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
    pl_arena_reset(&c->arena);
    if (id >= c->n_renumber || !pl_arena_copy(&c->arena, pl_sql_blob(st, 2), &packed) ||
        !pl_advisory_body_unpack(packed, &c->arena, &body))
        return pl_fail(err, PL_EFORMAT, "the database before is damaged");
    uint64_t *vulns = pl_arena_array(&c->arena, body.n_vulns, sizeof(*vulns));
    if (!vulns || !pl_intern_put(&c->b->vulns, name, NULL, err))
        return PL_ELIMIT;
    for (size_t i = 0; i < body.n_vulns; i++) {
        uint32_t number = new_vuln(c, body.vulns[i] >> 3, err);
        if (!number)
            return PL_EFORMAT;
        vulns[i] = (uint64_t)number << 3 | (body.vulns[i] & 7);
    }
    body.vulns = vulns;
    body.n_groups = 0; /* written again below, when the groups have their new numbers */
    pl_rc rc = pl_build_put_advisory(c->b, name, &body, err);
    c->renumber[id] = c->b->n_adv;
    return rc;
}

static pl_rc copy_advisories(struct copier *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL, *max = NULL;
    bool row = false;
    pl_rc rc = pl_sql_prepare(c->old->sql, "SELECT max(id) FROM advisory", &max, err);
    rc = rc ? rc : pl_sql_step(max, &row, err);
    if (rc)
        return rc;
    c->n_renumber = (size_t)sqlite3_column_int64(max, 0) + 1;
    c->renumber = c->n_renumber > UINT32_MAX ? NULL : calloc(c->n_renumber, sizeof(uint64_t));
    if (!c->renumber)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    rc = pl_sql_prepare(c->old->sql,
                        "SELECT id, name, body FROM advisory WHERE file = ? ORDER BY id", &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)c->file);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row)
        rc = copy_advisory(c, st, err);
    return rc;
}

static bool renumber_word(struct copier *c, uint32_t *word, struct pl_err *err)
{
    pl_span text = pl_advisory_word(c->old, *word);
    *word = text.len ? pl_intern_put(&c->b->words, text, NULL, err) : 0;
    return *word || !text.len;
}

/* Which groups an advisory is in is kept with it, for `db show`. */
static pl_rc note_group(struct copier *c, uint64_t advisory, uint32_t group, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *get = NULL, *put = NULL;
    struct pl_advisory_body body;
    bool row = false;
    pl_span packed;
    pl_rc rc = pl_sql_prepare(c->db->sql, "SELECT body FROM advisory WHERE id = ?", &get, err);
    rc = rc ? rc : pl_sql_prepare(c->db->sql, "UPDATE advisory SET body=? WHERE id=?", &put, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(get, 1, (int64_t)advisory);
    rc = pl_sql_step(get, &row, err);
    if (rc || !row || !pl_arena_copy(&c->arena, pl_sql_blob(get, 0), &packed) ||
        !pl_advisory_body_unpack(packed, &c->arena, &body))
        return rc ? rc
                  : pl_fail(err, PL_EFORMAT, "advisory %llu is damaged",
                            (unsigned long long)advisory);
    uint64_t *groups = pl_arena_array(&c->arena, body.n_groups + 1, sizeof(*groups));
    if (!groups)
        return pl_fail(err, PL_ELIMIT, "record too large");
    size_t at = 0, n = 0;
    while (at < body.n_groups && body.groups[at] < group)
        groups[n++] = body.groups[at++];
    if (at < body.n_groups && body.groups[at] == group)
        return PL_OK;
    groups[n++] = group;
    while (at < body.n_groups)
        groups[n++] = body.groups[at++];
    body.groups = groups;
    body.n_groups = n;
    c->b->scratch.len = 0;
    pl_advisory_body_pack(&c->b->scratch, &body);
    pl_sql_bind_blob(put, 1, pl_buf_span(&c->b->scratch));
    sqlite3_bind_int64(put, 2, (int64_t)advisory);
    return pl_sql_run(put, err);
}

static pl_rc copy_entry(struct copier *c, struct pl_entry_row *e, pl_span tail, pl_span stream,
                        pl_span package, struct pl_err *err)
{
    if (!pl_entry_unpack_tail(&tail, &c->arena, e) || !renumber_word(c, &e->scheme, err) ||
        !renumber_word(c, &e->arch, err) || !renumber_word(c, &e->module, err) ||
        !renumber_word(c, &e->channel, err))
        return pl_fail(err, PL_EFORMAT, "the database before is damaged");
    uint32_t group = pl_build_group(c->b, stream, package, err);
    if (!group)
        return PL_ELIMIT;
    pl_rc rc = pl_build_cover(c->b, stream, err);
    uint64_t advisory = c->renumber[e->advisory];
    c->b->scratch2.len = 0;
    pl_entry_pack_tail(&c->b->scratch2, e);
    rc = rc ? rc : pl_build_put_entry(c->b, group, advisory, pl_buf_span(&c->b->scratch2), err);
    return rc ? rc : note_group(c, advisory, group, err);
}

static pl_rc copy_group(struct copier *c, sqlite3_stmt *st, struct pl_err *err)
{
    struct pl_entry_row e;
    pl_span body, tail;
    bool broken = false;
    pl_arena_reset(&c->arena);
    if (!pl_body_inflate(pl_sql_blob(st, 2), &c->arena, &body))
        return pl_fail(err, PL_EFORMAT, "the database before is damaged");
    while (pl_entry_split(&body, &c->arena, &e, &tail, &broken)) {
        if (e.advisory >= c->n_renumber || !c->renumber[e.advisory])
            continue;
        pl_rc rc = copy_entry(c, &e, tail, pl_sql_text(st, 0), pl_sql_text(st, 1), err);
        if (rc)
            return rc;
    }
    return broken ? pl_fail(err, PL_EFORMAT, "the database before is damaged") : PL_OK;
}

static pl_rc copy_groups(struct copier *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_advisory_words(c->old, err);
    rc = rc ? rc
            : pl_sql_prepare(c->old->sql,
                             "SELECT stream.name, package, body FROM grp"
                             " JOIN stream ON stream.id = grp.stream"
                             " WHERE stream IN (SELECT stream FROM cover WHERE file = ?)"
                             " ORDER BY grp.id",
                             &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)c->file);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row)
        rc = copy_group(c, st, err);
    return rc;
}

static pl_rc copy_part(struct copier *c, pl_span name, struct pl_part *p, struct pl_err *err)
{
    uint32_t vuln = pl_intern_put(&c->b->vulns, name, NULL, err), other;
    if (!vuln)
        return PL_ELIMIT;
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i <= p->n_aliases; i++) {
        pl_span id = i == p->n_aliases ? p->own_id : p->aliases[i];
        if (id.len == 0)
            continue;
        other = pl_intern_put(&c->b->vulns, id, NULL, err);
        rc = other ? pl_build_put_alias(c->b, vuln, other, err) : PL_ELIMIT;
    }
    p->file = c->b->file;
    return rc ? rc : pl_build_put_part(c->b, vuln, p, err);
}

static pl_rc copy_vuln(struct copier *c, sqlite3_stmt *st, struct pl_err *err)
{
    pl_span body, one;
    struct pl_vuln_body v;
    struct pl_part p;
    pl_arena_reset(&c->arena);
    if (!pl_body_inflate(pl_sql_blob(st, 1), &c->arena, &body) ||
        !pl_vuln_body_unpack(body, &c->arena, &v))
        return pl_fail(err, PL_EFORMAT, "the database before is damaged");
    while (pl_span_text(&v.parts, &one)) {
        if (!pl_part_unpack(&one, &c->arena, &p))
            return pl_fail(err, PL_EFORMAT, "the database before is damaged");
        pl_rc rc = p.file == c->file ? copy_part(c, pl_sql_text(st, 0), &p, err) : PL_OK;
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc copy_vulns(struct copier *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_sql_prepare(c->old->sql,
                              "SELECT name, body FROM vuln WHERE canon = id ORDER BY id", &st, err);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row)
        rc = copy_vuln(c, st, err);
    return rc;
}

static pl_rc copy_covers(struct copier *c, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    bool row = true;
    pl_rc rc = pl_sql_prepare(c->old->sql,
                              "SELECT stream.name FROM cover JOIN stream ON stream.id = stream"
                              " WHERE file = ? ORDER BY stream.id",
                              &st, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)c->file);
    while (!rc && !(rc = pl_sql_step(st, &row, err)) && row)
        rc = pl_build_cover(c->b, pl_sql_text(st, 0), err);
    return rc;
}

static pl_rc copy_file(struct copier *c, struct pl_err *err)
{
    pl_rc rc = forget(c->db, err);
    rc = rc ? rc : find_old_file(c, err); /* its date anew */
    rc = rc ? rc
            : pl_sql_prepare(c->old->sql, "SELECT name FROM vuln WHERE id = ?", &c->name_of, err);
    rc = rc ? rc : copy_advisories(c, err);
    rc = rc ? rc : copy_groups(c, err);
    rc = rc ? rc : copy_vulns(c, err);
    rc = rc ? rc : copy_covers(c, err);
    if (!rc)
        c->b->file_rows[c->b->file].records = c->records;
    else
        c->b->failed = true;
    return rc;
}

pl_rc pl_advisory_db_keep_previous(struct pl_advisory_db *db, const char *why, bool *kept,
                                   struct pl_err *err)
{
    struct pl_advisory_build *b = db->build;
    struct copier c = { .db = db, .old = b->previous, .b = b };
    if (!b->file)
        return pl_fail(err, PL_EUSAGE, "no file is being read");
    free(b->file_rows[b->file].problem);
    b->file_rows[b->file].problem = strdup(why);
    pl_arena_init(&c.arena, 256 * PL_MIB);
    pl_rc rc = c.old ? find_old_file(&c, err) : PL_OK;
    if (!rc && c.file)
        rc = copy_file(&c, err);
    sqlite3_finalize(c.name_of);
    free(c.renumber);
    pl_arena_done(&c.arena);
    if (!rc)
        *kept = c.file != 0;
    return rc ? pl_wrap(err, "keeping the rows of %s", b->previous->path) : PL_OK;
}

/* Which feeds had rows of that path; two may have looked into one archive. */
static pl_rc keep_feeds(struct pl_advisory_db *db, sqlite3_stmt *st, const char *file,
                        const char *why, bool *kept, struct pl_err *err)
{
    bool row = true, some;
    pl_rc rc;
    while (!(rc = pl_sql_step(st, &row, err)) && row) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        const char *what = (const char *)sqlite3_column_text(st, 1);
        rc = pl_advisory_db_feed(db, name ? name : "", what ? what : "",
                                 (unsigned)sqlite3_column_int(st, 2), file, err);
        rc = rc ? rc : pl_advisory_db_keep_previous(db, why, &some, err);
        if (rc)
            return rc;
        *kept |= some;
    }
    return rc;
}

pl_rc pl_advisory_db_keep_file(struct pl_advisory_db *db, const char *file, const char *why,
                               bool *kept, struct pl_err *err)
{
    PL_AUTO(stmt) sqlite3_stmt *st = NULL;
    *kept = false;
    if (!db->build->previous)
        return PL_OK;
    pl_rc rc = pl_sql_prepare(db->build->previous->sql,
                              "SELECT feed.name, feed.what, feed.rank FROM file"
                              " JOIN feed ON feed.id = file.feed"
                              " WHERE file.path = ? AND file.records > 0 ORDER BY feed.id",
                              &st, err);
    if (rc)
        return rc;
    pl_sql_bind_text(st, 1, pl_span_str(file));
    return keep_feeds(db, st, file, why, kept, err);
}
