#include "scan/layer_pass.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "image/walk.h"
#include "scan/entry_bytes.h"

enum { MAX_ROWS = 16, MAX_SUFFIXES = 8, MAX_LINKS = 100000, READ_BYTES = 64 << 10 };

/* A file for a row that streams, where it must be had whole: for a second such row, or under
 * several names of one file. */
#define STREAMED_WHOLE (64 * PL_MIB)

/* A file kept to the layer's end, for or as a companion. */
struct kept {
    pl_span path;
    uint32_t mode;
    const struct pl_analyzer *rows[MAX_ROWS]; /* those with a companion; none: it is one itself */
    size_t n_rows;
    struct pl_buf bytes;
    bool dead; /* a later entry took its path */
    struct kept *next;
};

/* A path that some analyzer wanted, and what came of it. */
struct known {
    uint32_t source;
    struct kept *kept;
    bool fruitful;  /* some row had something to say of it */
    bool link_open; /* a hard link whose target's bytes are still to be found */
};

struct link {
    pl_span path, target;
    struct known *known;
    uint32_t mode;
    struct link *next; /* of the same target */
};

struct pass {
    const struct pl_layer_job *job;
    const struct pl_limits *limits;
    struct pl_sink *sink;
    struct pl_walk *walk;
    struct pl_arena tmp, keep;
    struct pl_map known; /* path -> struct known */
    struct pl_map links; /* target -> struct link */
    size_t n_links;
    struct kept *kept;
    size_t kept_bytes;
    const char *suffixes[MAX_SUFFIXES];
    size_t n_suffixes;
    bool entries_full;
};

/* ---- gaps ---- */

static const char *reason_of(pl_rc rc)
{
    switch (rc) {
    case PL_ELIMIT:
    case PL_ENOMEM: return "limit";
    case PL_EIO:
    case PL_EAUTH:
    case PL_EABSENT: return "unreadable";
    default: return "broken";
    }
}

static void gap_of(struct pass *p, pl_span path, pl_rc rc, const struct pl_err *err)
{
    pl_sink_gap(p->sink, path, reason_of(rc), "%s", err->msg[0] ? err->msg : pl_rc_text(rc));
}

/* ---- paths that count ---- */

static struct known *known_at(struct pass *p, pl_span path)
{
    struct known *k = pl_map_get(&p->known, path);
    pl_span copy;
    if (k)
        return k;
    k = pl_arena_alloc(&p->keep, sizeof(*k));
    void **at = k && pl_arena_copy(&p->keep, path, &copy) ? pl_map_at(&p->known, copy) : NULL;
    if (at)
        *at = k;
    return at ? k : NULL;
}

static void drop_kept(struct pass *p, struct kept *k)
{
    if (!k || k->dead)
        return;
    k->dead = true;
    p->kept_bytes -= k->bytes.len;
    pl_buf_done(&k->bytes);
}

/* The last of several entries of one path is the one that counts. */
static void forget(struct pass *p, struct known *k)
{
    pl_sink_drop(p->sink, k->source);
    drop_kept(p, k->kept);
    *k = (struct known){ 0 };
}

static void forget_at(struct pass *p, pl_span path)
{
    struct known *k = p->known.n ? pl_map_get(&p->known, path) : NULL;
    if (k)
        forget(p, k);
}

/* From here on, results belong to this path. */
static struct known *begin_file(struct pass *p, pl_span path)
{
    struct known *k = known_at(p, path);
    if (k)
        forget(p, k);
    uint32_t source = pl_sink_source(p->sink);
    if (k)
        k->source = source;
    return k;
}

static size_t row_bytes(const struct pass *p, const struct pl_analyzer *row)
{
    return row->max_bytes ? row->max_bytes : p->limits->file_bytes;
}

static bool has_magic(const struct pl_analyzer *row, pl_span bytes)
{
    return row->magic_len == 0 || !row->magic ||
           pl_span_starts(bytes, pl_span_of(row->magic, row->magic_len));
}

static bool takes_every_path(const struct pl_analyzer *row)
{
    return row->paths && row->paths[0] && strcmp(row->paths[0], "**") == 0;
}

/* ---- companions ---- */

static void note_suffixes(struct pass *p)
{
    for (size_t i = 0; i < p->job->n_rows; i++) {
        const char *suffix = p->job->rows[i]->beside;
        bool had = !suffix || p->n_suffixes == MAX_SUFFIXES;
        for (size_t k = 0; !had && k < p->n_suffixes; k++)
            had = strcmp(p->suffixes[k], suffix) == 0;
        if (!had)
            p->suffixes[p->n_suffixes++] = suffix;
    }
}

/* Is it the companion of a file that a row wants? limit: as many bytes as that row takes. */
static bool is_companion(const struct pass *p, pl_span path, size_t *limit)
{
    const struct pl_analyzer *rows[MAX_ROWS];
    for (size_t i = 0; i < p->n_suffixes; i++) {
        pl_span suffix = pl_span_str(p->suffixes[i]);
        if (!pl_span_ends(path, suffix))
            continue;
        size_t n =
            p->job->analyzers_for(pl_span_sub(path, 0, path.len - suffix.len), rows, MAX_ROWS);
        for (size_t k = 0; k < n; k++)
            if (rows[k]->beside && strcmp(rows[k]->beside, p->suffixes[i]) == 0) {
                *limit = row_bytes(p, rows[k]);
                return true;
            }
    }
    return false;
}

static void keep_file(struct pass *p, struct known *known, pl_span path, uint32_t mode,
                      pl_span bytes, const struct pl_analyzer **rows, size_t n_rows)
{
    struct kept *k = pl_arena_alloc(&p->keep, sizeof(*k));
    if (!known || !k || bytes.len > p->limits->gathered_bytes - p->kept_bytes ||
        !pl_arena_copy(&p->keep, path, &k->path)) {
        pl_sink_gap(p->sink, path, "limit", "more than %zu MiB would have to be kept at a time",
                    p->limits->gathered_bytes / PL_MIB);
        return;
    }
    pl_buf_add(&k->bytes, bytes);
    if (k->bytes.failed) {
        pl_sink_gap(p->sink, path, "limit", "out of memory");
        pl_buf_done(&k->bytes);
        return;
    }
    k->mode = mode;
    for (size_t i = 0; i < n_rows; i++)
        k->rows[k->n_rows++] = rows[i];
    k->next = p->kept;
    p->kept = k;
    p->kept_bytes += bytes.len;
    known->kept = k;
}

/* ---- analyzing ---- */

/* b: the bytes that a streaming row pulls; unused by the others. */
static void run_row(struct pass *p, const struct pl_analyzer *row, struct pl_input *in,
                    struct pl_entry_bytes *b)
{
    struct pl_err err = { 0 };
    in->limits = p->limits;
    in->tmp = &p->tmp;
    pl_rc rc =
        row->stream ? row->stream(in, &b->blocks, p->sink, &err) : row->parse(in, p->sink, &err);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a streaming row has it */
    if (rc && !(row->stream && b->rc)) /* a walk that failed is told by whoever drains it */
        gap_of(p, in->path, rc, &err);
    pl_arena_reset(&p->tmp);
}

/* The whole file is here: each row that still wants it has it, or keeps it for its companion. */
static void offer(struct pass *p, struct known *known, const struct pl_entry *e, pl_span bytes,
                  const struct pl_analyzer **rows, size_t n_rows)
{
    const struct pl_analyzer *later[MAX_ROWS];
    size_t n_later = 0;
    for (size_t i = 0; i < n_rows; i++) {
        struct pl_input in = { .path = e->path, .mode = e->mode };
        struct pl_entry_bytes b;
        if (!rows[i]->stream)
            in.bytes = bytes;
        pl_entry_bytes_memory(&b, bytes);
        if (rows[i]->beside)
            later[n_later++] = rows[i];
        else
            run_row(p, rows[i], &in, &b);
    }
    if (n_later)
        keep_file(p, known, e->path, e->mode, bytes, later, n_later);
}

/* Rows whose magic the file is too short for, or denies, go. */
static size_t with_magic(const struct pl_entry *e, const pl_span *head,
                         const struct pl_analyzer **rows, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (head ? has_magic(rows[i], *head) : rows[i]->magic_len <= e->size)
            rows[left++] = rows[i];
    return left;
}

/* How much of the file a row takes at most when it is handed over whole. */
static size_t whole_bytes(const struct pass *p, const struct pl_analyzer *row)
{
    return row->stream ? STREAMED_WHOLE : row_bytes(p, row);
}

/* Rows that ask only for the name have it here. Rows that the file is too large for go, with a
 * gap. The first row that streams takes any size
 * and is told apart; others beside it are handed the file whole. */
static size_t within_limits(struct pass *p, const struct pl_entry *e,
                            const struct pl_analyzer **rows, size_t n,
                            const struct pl_analyzer **streamer)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        struct pl_input in = { .path = e->path, .mode = e->mode };
        if (rows[i]->by_name)
            run_row(p, rows[i], &in, NULL);
        else if (streamer && !*streamer && rows[i]->stream)
            *streamer = rows[i];
        else if (e->size > whole_bytes(p, rows[i]))
            pl_sink_gap(p->sink, e->path, "limit", "%s: larger than %zu MiB", rows[i]->name,
                        whole_bytes(p, rows[i]) / PL_MIB);
        else
            rows[left++] = rows[i];
    }
    return left;
}

/* The file, whole: as it lies there, or gathered in `room`. */
static pl_rc gather(struct pl_entry_bytes *b, struct pl_buf *room, pl_span *out, struct pl_err *err)
{
    if (pl_entry_bytes_whole(b, out))
        return PL_OK;
    if (!pl_buf_reserve(room, (size_t)b->blocks.size))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    b->copy = room;
    pl_rc rc = pl_entry_bytes_drain(b, err);
    *out = pl_buf_span(room);
    return rc;
}

/* Reading failed: of this file alone, or of the layer, which pl_walk_next() cannot tell again. */
static pl_rc read_failed(struct pass *p, const struct pl_entry *e, pl_rc rc, struct pl_err *err)
{
    if (rc != PL_EAUTH && rc != PL_ENOMEM)
        return rc;
    gap_of(p, e->path, rc, err);
    return PL_OK;
}

/* One row streams; what the others are to have whole is copied as it passes. */
static pl_rc stream(struct pass *p, const struct pl_entry *e, struct pl_entry_bytes *b,
                    const struct pl_analyzer *row, struct pl_buf *copy, struct pl_err *err)
{
    struct pl_input in = { .path = e->path, .mode = e->mode };
    if (copy && !pl_buf_reserve(copy, (size_t)e->size))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    b->copy = copy;
    run_row(p, row, &in, b);
    if (copy && !b->rc)
        b->rc = pl_entry_bytes_drain(b, &b->err);
    if (b->rc)
        *err = b->err;
    return b->rc;
}

static pl_rc hand_out(struct pass *p, struct known *known, const struct pl_entry *e,
                      struct pl_entry_bytes *b, const struct pl_analyzer **rows, size_t n,
                      struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf room = { 0 };
    const struct pl_analyzer *streamer = NULL;
    pl_span bytes;
    pl_rc rc = PL_OK;
    n = within_limits(p, e, rows, n, &streamer);
    bool here = pl_entry_bytes_whole(b, &bytes);
    if (streamer)
        rc = stream(p, e, b, streamer, n && !here ? &room : NULL, err);
    else if (n)
        rc = gather(b, &room, &bytes, err);
    if (rc)
        return read_failed(p, e, rc, err);
    if (streamer && !here)
        bytes = pl_buf_span(&room);
    if (n)
        offer(p, known, e, bytes, rows, n);
    return PL_OK;
}

static pl_rc gather_companion(struct pass *p, const struct pl_entry *e, struct pl_entry_bytes *b,
                              size_t limit, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf room = { 0 };
    pl_span bytes;
    struct known *known = begin_file(p, e->path);
    if (e->size > limit) {
        pl_sink_gap(p->sink, e->path, "limit", "larger than %zu MiB", limit / PL_MIB);
        return PL_OK;
    }
    pl_rc rc = gather(b, &room, &bytes, err);
    if (rc)
        return read_failed(p, e, rc, err);
    keep_file(p, known, e->path, e->mode, bytes, NULL, 0);
    return PL_OK;
}

/* A file that some row may want. Most are wanted by rows for every path alone, which decide by the
 * first bytes: for those nothing is written down. */
static pl_rc analyze(struct pass *p, const struct pl_entry *e, struct pl_err *err)
{
    const struct pl_analyzer *rows[MAX_ROWS];
    struct pl_entry_bytes b;
    pl_span head;
    size_t limit, n = p->job->analyzers_for(e->path, rows, MAX_ROWS);
    pl_rc rc = PL_OK;
    pl_entry_bytes_init(&b, p->walk, e->size);
    n = with_magic(e, NULL, rows, n);
    if (n)
        rc = pl_entry_bytes_peek(&b, PL_HEAD_ROOM, &head, err);
    if (n && !rc)
        n = with_magic(e, &head, rows, n);
    if (n == 0 && is_companion(p, e->path, &limit))
        return gather_companion(p, e, &b, limit, err);
    if (n == 0) {
        forget_at(p, e->path);
        return PL_OK;
    }
    struct known *known = begin_file(p, e->path);
    uint32_t before = pl_sink_n_results(p->sink);
    rc = rc ? read_failed(p, e, rc, err) : hand_out(p, known, e, &b, rows, n, err);
    if (known)
        known->fruitful = pl_sink_n_results(p->sink) != before;
    return rc;
}

static const struct kept *kept_beside(const struct pass *p, pl_span path, const char *suffix)
{
    pl_span end = pl_span_str(suffix);
    for (const struct kept *k = p->kept; k; k = k->next)
        if (!k->dead && k->path.len == path.len + end.len && pl_span_starts(k->path, path) &&
            pl_span_ends(k->path, end))
            return k;
    return NULL;
}

static void parse_kept(struct pass *p, struct kept *k)
{
    for (size_t i = 0; i < k->n_rows; i++) {
        const struct kept *beside = kept_beside(p, k->path, k->rows[i]->beside);
        struct pl_input in = { .path = k->path, .bytes = pl_buf_span(&k->bytes), .mode = k->mode };
        if (beside)
            in.beside = pl_buf_span(&beside->bytes);
        run_row(p, k->rows[i], &in, NULL);
    }
}

/* A companion alone speaks of a file in a lower layer, which this pass does not see. */
static void tell_lonely(struct pass *p, const struct kept *k)
{
    for (size_t i = 0; i < p->n_suffixes; i++) {
        pl_span suffix = pl_span_str(p->suffixes[i]);
        if (!pl_span_ends(k->path, suffix))
            continue;
        pl_span stem = pl_span_sub(k->path, 0, k->path.len - suffix.len);
        const struct known *main_file = pl_map_get(&p->known, stem);
        if (k->bytes.len && !(main_file && main_file->source))
            pl_sink_gap(p->sink, k->path, "unreadable",
                        "it changes a database that lies in another layer");
    }
}

static void finish_kept(struct pass *p)
{
    for (struct kept *k = p->kept; k; k = k->next) {
        if (k->dead)
            continue;
        pl_sink_source(p->sink);
        if (k->n_rows)
            parse_kept(p, k);
        else
            tell_lonely(p, k);
    }
}

/* ---- hard links ---- */

/* A wanted path that is a hard link has its bytes under another name of this layer. */
static void note_link(struct pass *p, const struct pl_entry *e)
{
    struct known *known = begin_file(p, e->path);
    struct link *l = p->n_links < MAX_LINKS ? pl_arena_alloc(&p->keep, sizeof(*l)) : NULL;
    if (!known || !l || !pl_arena_copy(&p->keep, e->path, &l->path) ||
        !pl_arena_copy(&p->keep, e->link, &l->target)) {
        pl_sink_gap(p->sink, e->path, "limit", "too many hard links to files that are looked at");
        return;
    }
    void **at = pl_map_at(&p->links, l->target);
    if (!at)
        return pl_sink_gap(p->sink, e->path, "limit", "out of memory");
    l->next = *at;
    l->known = known;
    l->mode = e->mode;
    *at = l;
    p->n_links++;
    known->link_open = true;
}

/* Does a row want the link for its own sake? A row for every path has seen the target already; it
 * wants the link too where the target was something, because a later layer may remove the target
 * and leave the link. */
static bool wants_link(struct pass *p, const struct pl_entry *e)
{
    const struct pl_analyzer *rows[MAX_ROWS];
    const struct known *target = pl_map_get(&p->known, e->link);
    size_t n = p->job->analyzers_for(e->path, rows, MAX_ROWS);
    for (size_t i = 0; i < n; i++)
        if (!takes_every_path(rows[i]) || (target && target->fruitful))
            return true;
    return false;
}

/* One open name: the file is read as if it were called so. b: NULL when its bytes have passed. */
static pl_rc follow_link(struct pass *p, const struct pl_entry *e, struct link *l,
                         struct pl_entry_bytes *b, pl_span head, struct pl_err *err)
{
    const struct pl_analyzer *rows[MAX_ROWS];
    struct pl_entry as = *e;
    as.path = l->path;
    as.mode = l->mode;
    begin_file(p, l->path);
    size_t n = p->job->analyzers_for(l->path, rows, MAX_ROWS);
    n = with_magic(&as, NULL, rows, n);
    n = with_magic(&as, &head, rows, n);
    if (n && b)
        return hand_out(p, l->known, &as, b, rows, n, err);
    within_limits(p, &as, rows, n, NULL);
    return PL_OK;
}

/* The most that any row of these names takes whole. */
static size_t most_whole(struct pass *p, const struct link *links, size_t *n_open)
{
    const struct pl_analyzer *rows[MAX_ROWS];
    size_t most = 0;
    for (*n_open = 0; links; links = links->next) {
        size_t n = links->known->link_open ? p->job->analyzers_for(links->path, rows, MAX_ROWS) : 0;
        for (size_t i = 0; i < n; i++)
            most = whole_bytes(p, rows[i]) > most ? whole_bytes(p, rows[i]) : most;
        *n_open += links->known->link_open;
    }
    return most;
}

/* Several names of one file: it is gathered once. Where it is too large for that, the first name
 * has it as a stream and the others have a gap. */
static pl_rc offer_to_links(struct pass *p, const struct pl_entry *e, struct link *links,
                            struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf room = { 0 };
    struct pl_entry_bytes b;
    pl_span head, bytes;
    size_t n_open, most = most_whole(p, links, &n_open);
    bool once = n_open == 1 || e->size > most;
    pl_entry_bytes_init(&b, p->walk, e->size);
    pl_rc rc = pl_entry_bytes_peek(&b, PL_HEAD_ROOM, &head, err);
    if (!rc && !once)
        rc = gather(&b, &room, &bytes, err);
    if (rc)
        return read_failed(p, e, rc, err);
    for (bool passed = false; !rc && links; links = links->next) {
        if (!links->known->link_open)
            continue;
        if (!once)
            pl_entry_bytes_memory(&b, bytes);
        rc = follow_link(p, e, links, once && passed ? NULL : &b, head, err);
        passed = true;
    }
    return rc;
}

static pl_rc open_walk(struct pass *p, _Atomic uint64_t *position, struct pl_err *err)
{
    const struct pl_layer_job *job = p->job;
    pl_rc rc = job->tree_fd >= 0 ? pl_walk_tree(job->tree_fd, p->limits, &p->walk, err)
                                 : pl_walk_tar(&job->stream, p->limits, &p->walk, err);
    if (!rc && position)
        pl_walk_watch(p->walk, position);
    return rc;
}

/* The layer is read once more, for the bytes behind the links. What breaks here broke before. */
static void find_link_targets(struct pass *p)
{
    const struct pl_entry *e = NULL;
    struct pl_err err = { 0 };
    pl_walk_close(pl_take(p->walk));
    pl_rc rc = open_walk(p, NULL, &err);
    while (!rc) {
        rc = pl_walk_next(p->walk, &e, &err);
        if (rc || !e)
            break;
        const char *reason;
        struct link *links = e->type == PL_FILE_REGULAR && !pl_walk_flaw(p->walk, &reason)
                                 ? pl_map_get(&p->links, e->path)
                                 : NULL;
        if (links)
            rc = offer_to_links(p, e, links, &err);
    }
}

static void finish_links(struct pass *p)
{
    size_t at = 0;
    pl_span target;
    void *value;
    if (p->n_links == 0)
        return;
    if (p->job->stream.seekable)
        find_link_targets(p);
    while (pl_map_next(&p->links, &at, &target, &value))
        for (struct link *l = value; l; l = l->next)
            if (l->known->link_open) {
                pl_sink_source(p->sink);
                pl_sink_gap(p->sink, l->path, "unreadable", "hard link to \"%.*s\": %s",
                            PL_FMT(target),
                            p->job->stream.seekable ? "not a file of this layer"
                                                    : "the layer came as a stream, and had passed");
            }
}

/* ---- the walk ---- */

static void note_entry(struct pass *p, const struct pl_entry *e)
{
    struct pl_err err = { 0 };
    if (p->entries_full || pl_sink_entry(p->sink, e, &err) == PL_OK)
        return;
    p->entries_full = true;
    pl_sink_source(p->sink);
    pl_sink_gap(p->sink, PL_SPAN_NONE, "limit", "entries from \"%.*s\" on: %s", PL_FMT(e->path),
                err.msg);
}

static pl_rc visit(struct pass *p, const struct pl_entry *e, struct pl_err *err)
{
    const char *reason, *flaw = pl_walk_flaw(p->walk, &reason);
    if (flaw) {
        pl_sink_source(p->sink);
        pl_sink_gap(p->sink, e->path, reason, "%s", flaw);
        return PL_OK;
    }
    note_entry(p, e);
    if (e->type == PL_FILE_WHITEOUT || e->type == PL_FILE_OPAQUE)
        return PL_OK;
    if (e->type == PL_FILE_REGULAR)
        return analyze(p, e, err);
    if (e->type == PL_FILE_HARDLINK && wants_link(p, e))
        note_link(p, e);
    else
        forget_at(p, e->path);
    return PL_OK;
}

static pl_rc walk_all(struct pass *p, struct pl_err *err)
{
    for (;;) {
        const struct pl_entry *e;
        pl_rc rc = pl_walk_next(p->walk, &e, err);
        if (!rc && e)
            rc = visit(p, e, err);
        if (rc || !e)
            return rc;
    }
}

static void gap_of_layer(struct pass *p, pl_rc rc, const struct pl_err *err)
{
    pl_sink_source(p->sink);
    gap_of(p, PL_SPAN_NONE, rc, err);
}

static pl_rc run(struct pass *p, _Atomic uint64_t *position, struct pl_layer_totals *totals,
                 struct pl_err *err)
{
    struct pl_err why = { 0 };
    pl_rc rc = open_walk(p, position, err);
    if (rc)
        return rc;
    rc = walk_all(p, &why);
    if (rc)
        gap_of_layer(p, rc, &why);
    rc = pl_walk_finish(p->walk, totals, &why);
    if (rc) { /* behind the tar's end; once told, the sizes are to be had */
        gap_of_layer(p, rc, &why);
        if (pl_walk_finish(p->walk, totals, NULL))
            *totals = (struct pl_layer_totals){ 0 };
    }
    finish_links(p);
    finish_kept(p);
    return PL_OK;
}

/* A document is read whole; its ceiling is that of one record of an advisory feed, for the same
 * reason: a tree of it must fit into the child's memory. */
static pl_rc read_document(const struct pass *p, struct pl_buf *out, struct pl_err *err)
{
    const struct pl_stream *s = &p->job->stream;
    uint64_t at = s->offset, left = s->length;
    out->ceiling = p->limits->record_bytes + READ_BYTES + 1;
    while (left) {
        size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
        if (out->len > p->limits->record_bytes || !pl_buf_reserve(out, want))
            return pl_fail(err, PL_ELIMIT, "larger than %zu MiB", p->limits->record_bytes / PL_MIB);
        ssize_t n = s->seekable ? pread(s->fd, out->ptr + out->len, want, (off_t)at)
                                : read(s->fd, out->ptr + out->len, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot be read");
        if (n == 0)
            break;
        out->len += (size_t)n;
        at += (uint64_t)n;
        left = left == UINT64_MAX ? left : left - (uint64_t)n;
    }
    return PL_OK;
}

static pl_rc run_document(struct pass *p, _Atomic uint64_t *position,
                          struct pl_layer_totals *totals, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf bytes = { 0 };
    pl_rc rc = read_document(p, &bytes, err);
    if (rc)
        return rc;
    if (position)
        atomic_store_explicit(position, bytes.len, memory_order_relaxed);
    totals->size = totals->stored_size = bytes.len;
    pl_sink_source(p->sink);
    return p->job->document(pl_buf_span(&bytes), p->limits, p->sink, err);
}

static void pass_done(struct pass *p)
{
    for (struct kept *k = p->kept; k; k = k->next)
        pl_buf_done(&k->bytes);
    pl_walk_close(p->walk);
    pl_map_done(&p->known);
    pl_map_done(&p->links);
    pl_arena_done(&p->tmp);
    pl_arena_done(&p->keep);
    pl_sink_free(p->sink);
}

pl_rc pl_layer_pass_run(const struct pl_layer_job *job, _Atomic uint64_t *position,
                        struct pl_buf *out, struct pl_err *err)
{
    struct pass p = { .job = job, .limits = job->limits };
    struct pl_layer_totals totals = { 0 };
    pl_arena_init(&p.tmp, job->limits->gathered_bytes);
    pl_arena_init(&p.keep, job->limits->gathered_bytes);
    note_suffixes(&p);
    p.sink = pl_sink_new(job->limits);
    pl_rc rc = !p.sink         ? pl_fail(err, PL_ENOMEM, "out of memory")
               : job->document ? run_document(&p, position, &totals, err)
                               : run(&p, position, &totals, err);
    if (!rc)
        rc = pl_sink_encode(p.sink, &totals, out, err);
    pass_done(&p);
    return rc;
}
