#include "scan/layer_pass.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/map.h"
#include "image/walk.h"

enum { MAX_ROWS = 8, MAX_SUFFIXES = 8, MAX_LINKS = 100000, READ_BYTES = 64 << 10 };

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

static void parse(struct pass *p, const struct pl_analyzer *row, struct pl_input *in)
{
    struct pl_err err = { 0 };
    in->limits = p->limits;
    in->tmp = &p->tmp;
    pl_rc rc = row->parse(in, p->sink, &err);
    if (rc)
        gap_of(p, in->path, rc, &err);
    pl_arena_reset(&p->tmp);
}

/* The whole file is here: each row that still wants it has it, or keeps it for its companion. */
static void offer(struct pass *p, struct known *known, pl_span path, uint32_t mode, pl_span bytes,
                  const struct pl_analyzer **rows, size_t n_rows)
{
    const struct pl_analyzer *later[MAX_ROWS];
    size_t n_later = 0;
    for (size_t i = 0; i < n_rows; i++) {
        struct pl_input in = { .path = path, .bytes = bytes, .mode = mode };
        if (!has_magic(rows[i], bytes))
            continue;
        if (rows[i]->beside)
            later[n_later++] = rows[i];
        else
            parse(p, rows[i], &in);
    }
    if (n_later)
        keep_file(p, known, path, mode, bytes, later, n_later);
}

/* Rows whose magic the beginning denies go; rows that the file is too large for go with a gap. */
static size_t still_wanted(struct pass *p, const struct pl_entry *e, pl_span first,
                           const struct pl_analyzer **rows, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        bool undecided = first.len < rows[i]->magic_len && e->size > first.len;
        if (!undecided && !has_magic(rows[i], first))
            continue;
        if (e->size > row_bytes(p, rows[i]))
            pl_sink_gap(p->sink, e->path, "limit", "%s: larger than %zu MiB", rows[i]->name,
                        row_bytes(p, rows[i]) / PL_MIB);
        else
            rows[left++] = rows[i];
    }
    return left;
}

/* What is left of the file behind `first`, whole. A file cannot be larger than its header says. */
static pl_rc gather(struct pass *p, const struct pl_entry *e, pl_span first, struct pl_buf *out,
                    struct pl_err *err)
{
    pl_span block = first;
    pl_rc rc = PL_OK;
    if (!pl_buf_reserve(out, (size_t)e->size))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    while (!rc && block.len && out->len < e->size) {
        pl_buf_add(out, pl_span_sub(block, 0, (size_t)e->size - out->len));
        if (out->len < e->size)
            rc = pl_walk_read(p->walk, &block, err);
    }
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

static pl_rc analyze(struct pass *p, const struct pl_entry *e, const struct pl_analyzer **rows,
                     size_t n, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf whole = { 0 };
    pl_span first;
    struct known *known = begin_file(p, e->path);
    pl_rc rc = pl_walk_read(p->walk, &first, err);
    if (rc)
        return read_failed(p, e, rc, err);
    n = still_wanted(p, e, first, rows, n);
    if (n == 0)
        return PL_OK;
    pl_span bytes = first;
    if (first.len < e->size) {
        rc = gather(p, e, first, &whole, err);
        if (rc)
            return read_failed(p, e, rc, err);
        bytes = pl_buf_span(&whole);
    }
    offer(p, known, e->path, e->mode, bytes, rows, n);
    return PL_OK;
}

static pl_rc gather_companion(struct pass *p, const struct pl_entry *e, size_t limit,
                              struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf whole = { 0 };
    pl_span first;
    struct known *known = begin_file(p, e->path);
    if (e->size > limit) {
        pl_sink_gap(p->sink, e->path, "limit", "larger than %zu MiB", limit / PL_MIB);
        return PL_OK;
    }
    pl_rc rc = pl_walk_read(p->walk, &first, err);
    if (!rc)
        rc = gather(p, e, first, &whole, err);
    if (rc)
        return read_failed(p, e, rc, err);
    keep_file(p, known, e->path, e->mode, pl_buf_span(&whole), NULL, 0);
    return PL_OK;
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
        parse(p, k->rows[i], &in);
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

static pl_rc offer_to_links(struct pass *p, const struct pl_entry *e, struct link *links,
                            struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf whole = { 0 };
    const struct pl_analyzer *rows[MAX_ROWS];
    pl_span first;
    size_t most = 0;
    for (struct link *l = links; l; l = l->next) {
        size_t n = l->known->link_open ? p->job->analyzers_for(l->path, rows, MAX_ROWS) : 0;
        for (size_t i = 0; i < n; i++)
            most = row_bytes(p, rows[i]) > most ? row_bytes(p, rows[i]) : most;
    }
    pl_rc rc = pl_walk_read(p->walk, &first, err);
    if (!rc && e->size <= most)
        rc = gather(p, e, first, &whole, err);
    if (rc)
        return read_failed(p, e, rc, err);
    for (struct link *l = links; l; l = l->next) {
        if (!l->known->link_open)
            continue;
        struct pl_entry as = *e;
        as.path = l->path;
        begin_file(p, l->path);
        size_t n = p->job->analyzers_for(l->path, rows, MAX_ROWS);
        n = still_wanted(p, &as, e->size <= most ? pl_buf_span(&whole) : first, rows, n);
        if (n)
            offer(p, l->known, l->path, l->mode, pl_buf_span(&whole), rows, n);
    }
    return PL_OK;
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
    const struct pl_analyzer *rows[MAX_ROWS];
    const char *reason, *flaw = pl_walk_flaw(p->walk, &reason);
    size_t limit;
    if (flaw) {
        pl_sink_source(p->sink);
        pl_sink_gap(p->sink, e->path, reason, "%s", flaw);
        return PL_OK;
    }
    note_entry(p, e);
    if (e->type == PL_FILE_WHITEOUT || e->type == PL_FILE_OPAQUE)
        return PL_OK;
    bool file = e->type == PL_FILE_REGULAR, link = e->type == PL_FILE_HARDLINK;
    size_t n = file || link ? p->job->analyzers_for(e->path, rows, MAX_ROWS) : 0;
    if (n && file)
        return analyze(p, e, rows, n, err);
    if (n)
        note_link(p, e);
    else if (file && is_companion(p, e->path, &limit))
        return gather_companion(p, e, limit, err);
    else if (p->known.n) {
        struct known *k = pl_map_get(&p->known, e->path);
        if (k)
            forget(p, k);
    }
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
    pl_rc rc = p.sink ? run(&p, position, &totals, err) : pl_fail(err, PL_ENOMEM, "out of memory");
    if (!rc)
        rc = pl_sink_encode(p.sink, &totals, out, err);
    pass_done(&p);
    return rc;
}

/* ---- in a child ---- */

struct errand {
    const struct pl_layer_job *job;
    _Atomic uint64_t *position;
};

static pl_rc write_all(int fd, pl_span bytes, struct pl_err *err)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot answer");
        bytes = pl_span_from(bytes, (size_t)n);
    }
    return PL_OK;
}

static pl_rc in_child(void *ctx, int answer_fd, struct pl_err *err)
{
    const struct errand *e = ctx;
    PL_AUTO(buf) struct pl_buf report = { .ceiling = e->job->limits->layer_report_bytes };
    pl_rc rc = pl_layer_pass_run(e->job, e->position, &report, err);
    return rc ? rc : write_all(answer_fd, pl_buf_span(&report), err);
}

pl_rc pl_layer_pass_start(const struct pl_layer_job *job, struct pl_layer_pass *out,
                          struct pl_err *err)
{
    struct pl_layer_pass p = { .child = PL_CHILD_NONE,
                               .answer.ceiling = job->limits->layer_report_bytes };
    p.position =
        mmap(NULL, sizeof(*p.position), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p.position == MAP_FAILED)
        return pl_fail_errno(err, PL_ENOMEM, errno, "%s: no memory", job->name);
    struct errand errand = { job, p.position };
    struct pl_child_opts o = {
        .name = job->name,
        .memory_bytes = job->limits->child_memory_bytes,
        .cpu_s = job->limits->child_cpu_s,
        .keep_fds = &job->stream.fd,
        .n_keep_fds = job->tree_fd < 0,
        .tree_fd = job->tree_fd,
        .threads = job->tree_fd < 0,
    };
    pl_walk_prepare();
    pl_rc rc = pl_child_start(&o, in_child, &errand, &p.child, err);
    if (rc) {
        munmap(p.position, sizeof(*p.position));
        return rc;
    }
    *out = p;
    return PL_OK;
}

pl_rc pl_layer_pass_read(struct pl_layer_pass *p, bool *ended, struct pl_err *err)
{
    for (;;) {
        if (!pl_buf_reserve(&p->answer, READ_BYTES))
            return pl_fail(err, PL_ELIMIT, "%s: its report is larger than %zu MiB", p->child.name,
                           p->answer.ceiling / PL_MIB);
        ssize_t n = read(p->child.out, p->answer.ptr + p->answer.len, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return pl_fail_errno(err, PL_EIO, errno, "%s: cannot be read", p->child.name);
        if (n > 0)
            p->answer.len += (size_t)n;
        *ended = n == 0;
        if (n <= 0)
            return PL_OK;
    }
}

uint64_t pl_layer_pass_position(const struct pl_layer_pass *p)
{
    return p->position ? atomic_load_explicit(p->position, memory_order_relaxed) : 0;
}

pl_rc pl_layer_pass_finish(struct pl_layer_pass *p, struct pl_err *err)
{
    bool ended = false;
    while (!ended) {
        struct pollfd wait = { .fd = p->child.out, .events = POLLIN };
        poll(&wait, 1, -1);
        pl_rc rc = pl_layer_pass_read(p, &ended, err);
        if (rc)
            return rc;
    }
    p->sandbox = pl_child_sandbox(&p->child);
    return pl_child_wait(&p->child, err);
}

void pl_layer_pass_close(struct pl_layer_pass *p)
{
    pl_child_kill(&p->child);
    pl_buf_done(&p->answer);
    if (p->position)
        munmap((void *)p->position, sizeof(*p->position));
    p->position = NULL;
}
