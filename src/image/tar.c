/* A tar layer, by libarchive over the ring's blocks. Spec: OCI image-spec, layer.md; pax, POSIX.1
 * "pax"; GNU tar manual, "Basic Tar Format". */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "image/ring.h"
#include "image/walk_impl.h"

struct tar_walk {
    struct pl_walk base;
    struct pl_ring *ring;
    struct archive *archive;
    locale_t outer; /* the thread's locale before */
    struct pl_err ring_err;
    bool ring_over; /* its end or its flaw has been seen */
    bool flaw_told; /* to the caller */
    bool over;      /* no more entries */

    struct pl_entry entry;
    char path[PL_PATH_ROOM], link[PL_PATH_ROOM];
    bool
        opaque_next; /* the directory just given hides what is below: told as an entry of its own */

    /* The file being read. */
    bool readable, data_ended;
    uint64_t at;   /* bytes given */
    pl_span block; /* got from libarchive, belongs at block_at >= at */
    uint64_t block_at;
};

/* Names in pax headers are UTF-8 and libarchive turns them into the locale's: in UTF-8 they stay
 * what they are. */
static locale_t utf8;

void pl_walk_prepare(void)
{
    pl_digest unused;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    pl_sha256(PL_LIT(""), &unused); /* OpenSSL reads its configuration once */
}

static la_ssize_t read_ring(struct archive *a, void *ctx, const void **buf)
{
    struct tar_walk *t = ctx;
    pl_span block = PL_SPAN_NONE;
    if (t->ring_over)
        return t->ring_err.rc ? ARCHIVE_FATAL : 0;
    pl_rc rc = pl_ring_next(t->ring, &block, &t->ring_err);
    t->ring_err.rc = rc;
    t->ring_over = rc || block.len == 0;
    if (rc) {
        archive_set_error(a, EIO, "layer");
        return ARCHIVE_FATAL;
    }
    *buf = block.ptr;
    return (la_ssize_t)block.len;
}

/* Why libarchive could not go on: the ring's flaw when that is the cause. */
static pl_rc broken(struct tar_walk *t, struct pl_err *err)
{
    t->over = true;
    if (t->ring_err.rc) {
        t->flaw_told = true;
        if (err)
            *err = t->ring_err;
        return t->ring_err.rc;
    }
    if (archive_errno(t->archive) == ENOMEM)
        return pl_fail(err, PL_ENOMEM, "tar: out of memory");
    const char *why = archive_error_string(t->archive);
    return pl_fail(err, PL_EFORMAT, "tar: %s", why ? why : "broken");
}

/* ---- entries ---- */

static enum pl_file_type type_of(struct archive_entry *e)
{
    if (archive_entry_hardlink(e))
        return PL_FILE_HARDLINK;
    switch (archive_entry_filetype(e)) {
    case AE_IFDIR: return PL_FILE_DIR;
    case AE_IFLNK: return PL_FILE_SYMLINK;
    case AE_IFCHR: return PL_FILE_CHAR;
    case AE_IFBLK: return PL_FILE_BLOCK;
    case AE_IFIFO: return PL_FILE_FIFO;
    default: return PL_FILE_REGULAR;
    }
}

static bool is_opaque(struct archive_entry *e)
{
    const char *name;
    const void *value;
    size_t size;
    archive_entry_xattr_reset(e);
    while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
        if (name && size == 1 && *(const char *)value == 'y' &&
            (strcmp(name, "trusted.overlay.opaque") == 0 ||
             strcmp(name, "user.overlay.opaque") == 0))
            return true;
    return false;
}

/* What eStargz adds to a layer beside the files (stargz-snapshotter, estargz.md). */
static bool is_bookkeeping(const struct pl_entry *e)
{
    return e->type == PL_FILE_REGULAR && (pl_span_eq(e->path, PL_LIT("stargz.index.json")) ||
                                          pl_span_eq(e->path, PL_LIT(".prefetch.landmark")) ||
                                          pl_span_eq(e->path, PL_LIT(".no.prefetch.landmark")));
}

/* ".wh.NAME" and ".wh..wh..opq" (layer.md, Whiteouts); aufs' own ".wh..wh.*" are of no concern.
 * False: not an entry at all. */
static bool tell_whiteout(struct tar_walk *t)
{
    struct pl_entry *e = &t->entry;
    pl_span name = pl_span_basename(e->path), dir = pl_span_dirname(e->path);
    if (!pl_span_starts(name, PL_LIT(".wh.")))
        return true;
    e->link = PL_SPAN_NONE;
    e->size = 0;
    if (pl_span_eq(name, PL_LIT(".wh..wh..opq"))) {
        e->path = dir;
        e->type = PL_FILE_OPAQUE;
        return true;
    }
    pl_span hidden = pl_span_from(name, 4);
    if (pl_span_starts(hidden, PL_LIT(".wh.")) || hidden.len == 0 ||
        pl_span_eq(hidden, PL_LIT(".")) || pl_span_eq(hidden, PL_LIT("..")))
        return false;
    size_t at = e->path.len - name.len;
    memmove(t->path + at, hidden.ptr, hidden.len);
    e->path = pl_span_of(t->path, at + hidden.len);
    e->type = PL_FILE_WHITEOUT;
    return true;
}

static void set_link(struct tar_walk *t, struct archive_entry *e)
{
    size_t n;
    const char *raw = t->entry.type == PL_FILE_HARDLINK  ? archive_entry_hardlink(e)
                      : t->entry.type == PL_FILE_SYMLINK ? archive_entry_symlink(e)
                                                         : NULL;
    t->entry.link = PL_SPAN_NONE;
    if (!raw)
        return;
    if (t->entry.type == PL_FILE_HARDLINK) {
        if (!pl_path_clean(pl_span_str(raw), t->base.limits->path_bytes, t->link, &n))
            pl_walk_set_flaw(&t->base, "limit", "link target is longer than %zu bytes",
                             t->base.limits->path_bytes);
    } else {
        n = strlen(raw);
        if (n > PL_PATH_ROOM || n > t->base.limits->path_bytes) {
            n = 0;
            pl_walk_set_flaw(&t->base, "limit", "link target is longer than %zu bytes",
                             t->base.limits->path_bytes);
        }
        memcpy(t->link, raw, n);
    }
    t->entry.link = pl_span_of(t->link, n);
}

static void set_path(struct tar_walk *t, struct archive_entry *e)
{
    const char *raw = archive_entry_pathname(e);
    size_t n = 0;
    if (!raw)
        pl_walk_set_flaw(&t->base, "broken", "an entry without a readable name");
    else if (!pl_path_clean(pl_span_str(raw), t->base.limits->path_bytes, t->path, &n))
        pl_walk_set_flaw(&t->base, "limit", "path is longer than %zu bytes",
                         t->base.limits->path_bytes);
    t->entry.path = pl_span_of(t->path, n);
}

/* False: nothing to tell (the root itself, bookkeeping). */
static bool tell(struct tar_walk *t, struct archive_entry *e)
{
    la_int64_t size = archive_entry_size(e);
    t->entry = (struct pl_entry){
        .type = type_of(e),
        .mode = (uint32_t)archive_entry_perm(e),
        .uid = (uint32_t)archive_entry_uid(e),
        .gid = (uint32_t)archive_entry_gid(e),
    };
    set_path(t, e);
    set_link(t, e);
    if (t->base.flaw_reason)
        return true;
    if (t->entry.type == PL_FILE_REGULAR && size > 0)
        t->entry.size = (uint64_t)size;
    if (t->entry.type == PL_FILE_CHAR && archive_entry_rdevmajor(e) == 0 &&
        archive_entry_rdevminor(e) == 0)
        t->entry.type = PL_FILE_WHITEOUT; /* overlayfs' own form */
    else if (!tell_whiteout(t))
        return false;
    t->opaque_next = t->entry.type == PL_FILE_DIR && is_opaque(e);
    if (t->entry.path.len == 0 && t->entry.type != PL_FILE_OPAQUE)
        return false;
    return !is_bookkeeping(&t->entry);
}

static bool tell_opaque(struct tar_walk *t)
{
    if (!t->opaque_next)
        return false;
    t->opaque_next = false;
    t->entry.type = PL_FILE_OPAQUE;
    t->readable = false;
    return true;
}

static pl_rc next_told(struct tar_walk *t, bool *told, struct pl_err *err)
{
    struct archive_entry *e;
    int code = archive_read_next_header(t->archive, &e);
    *told = false;
    if (code == ARCHIVE_EOF) {
        t->over = true;
        return PL_OK;
    }
    /* ARCHIVE_RETRY is a header with a wrong checksum, to be searched on behind: container engines
     * refuse such a layer, and guessing where the next header is could be led astray. */
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
        return broken(t, err);
    pl_rc rc = pl_walk_count(&t->base, err);
    if (rc) {
        t->over = true;
        return rc;
    }
    *told = tell(t, e);
    t->readable = *told && t->entry.type == PL_FILE_REGULAR;
    t->data_ended = false;
    t->at = t->block_at = 0;
    t->block = PL_SPAN_NONE;
    return PL_OK;
}

static pl_rc tar_next(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err)
{
    struct tar_walk *t = (struct tar_walk *)w;
    bool told = tell_opaque(t);
    while (!told && !t->over) {
        pl_rc rc = next_told(t, &told, err);
        if (rc)
            return rc;
        told = told || tell_opaque(t);
    }
    *out = told ? &t->entry : NULL;
    return PL_OK;
}

/* ---- a file's bytes ---- */

static pl_rc next_block(struct tar_walk *t, struct pl_err *err)
{
    const void *buf = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    int code = archive_read_data_block(t->archive, &buf, &len, &offset);
    if (code == ARCHIVE_EOF) {
        t->data_ended = true;
        t->block_at = t->entry.size; /* what is left is a hole */
        return PL_OK;
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN && code != ARCHIVE_RETRY)
        return broken(t, err);
    t->block = pl_span_of(buf, len);
    t->block_at = offset > 0 ? (uint64_t)offset : 0;
    if (t->block_at < t->at) { /* a sparse map that goes backwards */
        t->over = true;
        return pl_fail(err, PL_EFORMAT, "tar: sparse file \"%.*s\" goes backwards",
                       PL_FMT(t->entry.path));
    }
    return PL_OK;
}

static pl_rc tar_read(struct pl_walk *w, pl_span *out, struct pl_err *err)
{
    static const char zeros[64 << 10];
    struct tar_walk *t = (struct tar_walk *)w;
    *out = PL_SPAN_NONE;
    if (!t->readable || t->over)
        return PL_OK;
    while (!t->data_ended && t->block.len == 0 && t->at >= t->block_at) {
        pl_rc rc = next_block(t, err);
        if (rc)
            return rc;
    }
    if (t->at < t->block_at) {
        uint64_t hole = t->block_at - t->at;
        *out = pl_span_of(zeros, hole < sizeof(zeros) ? (size_t)hole : sizeof(zeros));
    } else {
        *out = t->block;
        t->block = PL_SPAN_NONE;
    }
    t->at += out->len;
    if (t->at > t->block_at)
        t->block_at = t->at;
    return PL_OK;
}

/* ---- the rest ---- */

static pl_rc tar_finish(struct pl_walk *w, struct pl_layer_totals *out, struct pl_err *err)
{
    struct tar_walk *t = (struct tar_walk *)w;
    pl_span block;
    while (!t->ring_over) {
        t->ring_err.rc = pl_ring_next(t->ring, &block, &t->ring_err);
        t->ring_over = t->ring_err.rc || block.len == 0;
    }
    if (t->ring_err.rc && !t->flaw_told) {
        t->flaw_told = true;
        if (err)
            *err = t->ring_err;
        return t->ring_err.rc;
    }
    pl_ring_totals(t->ring, out);
    return PL_OK;
}

static uint64_t tar_position(const struct pl_walk *w)
{
    return pl_ring_position(((const struct tar_walk *)w)->ring);
}

static void tar_watch(struct pl_walk *w, _Atomic uint64_t *position)
{
    pl_ring_watch(((struct tar_walk *)w)->ring, position);
}

static void tar_close(struct pl_walk *w)
{
    struct tar_walk *t = (struct tar_walk *)w;
    archive_read_free(t->archive);
    if (t->outer)
        uselocale(t->outer);
    pl_ring_stop(t->ring);
    free(t);
}

static const struct pl_walk_ops tar_ops = {
    tar_next, tar_read, tar_finish, tar_position, tar_watch, tar_close,
};

static pl_rc open_archive(struct tar_walk *t, struct pl_err *err)
{
    t->archive = archive_read_new();
    if (!t->archive)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    archive_read_support_format_tar(t->archive);
    archive_read_support_format_empty(t->archive);
    if (archive_read_open2(t->archive, t, NULL, read_ring, NULL, NULL) != ARCHIVE_OK)
        t->over = true; /* the first pl_walk_next() tells why, below */
    return PL_OK;
}

static pl_rc tell_open_failure(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err)
{
    static const struct pl_walk_ops after = { tar_next,     tar_read,  tar_finish,
                                              tar_position, tar_watch, tar_close };
    (void)out;
    w->ops = &after;
    return broken((struct tar_walk *)w, err);
}

static const struct pl_walk_ops failed_open_ops = {
    tell_open_failure, tar_read, tar_finish, tar_position, tar_watch, tar_close,
};

pl_rc pl_walk_tar(const struct pl_stream *stream, const struct pl_limits *limits,
                  struct pl_walk **out, struct pl_err *err)
{
    struct tar_walk *t = calloc(1, sizeof(*t));
    if (!t)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    t->base = (struct pl_walk){ .ops = &tar_ops, .limits = limits };
    pl_rc rc = pl_ring_start(stream, limits, &t->ring, err);
    pl_walk_prepare();
    if (utf8)
        t->outer = uselocale(utf8);
    if (!rc)
        rc = open_archive(t, err);
    if (rc) {
        tar_close(&t->base);
        return rc;
    }
    if (t->over)
        t->base.ops = &failed_open_ops;
    *out = &t->base;
    return PL_OK;
}
