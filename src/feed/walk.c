/* walk.c - a feeds folder as a row of files: what is compressed comes inflated, what is an archive
 * comes member by member.
 *
 * libarchive tells by content: gzip, bzip2, xz, zstd around a plain file, around tar, or zip.
 * Members of one archive come in its own order, files of the folder in order of path. One level
 * of archive only: a zip inside a tar is a member that no reader knows. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "feed/feed.h"

PL_AUTO_DEFINE(dir, DIR *, closedir)
PL_AUTO_DEFINE(archive, struct archive *, archive_read_free)

enum {
    HEAD_BYTES = 64 << 10,
    BLOCK_BYTES = 256 << 10,
    PATHS_BYTES = 256 << 20, /* a folder of a million records needs 100 MiB */
    MAX_DEPTH = 32,
};

/* ---- one file, opened once or more ---- */

struct pass {
    struct archive *archive;
    struct archive_entry *entry;
    size_t next;   /* index of the member that the next header call gives */
    uint64_t read; /* bytes of all members so far */
};

struct open_file {
    struct pl_feed_file file; /* first: rewind() gets it back */
    struct pl_reader reader;
    const char *os_path;
    struct pass now, spare; /* spare stands before or at `now`, so that a rewind need not begin at
                               the front of a long archive each time */
    size_t member;
    char *head;
    size_t head_len, head_at;
};

static void pass_close(struct pass *p)
{
    if (p->archive)
        archive_read_free(p->archive);
    *p = (struct pass){ 0 };
}

static pl_rc archive_fail(struct archive *a, struct pl_err *err)
{
    int e = archive_errno(a);
    const char *why = archive_error_string(a);
    return pl_fail(err, e == ENOMEM ? PL_ENOMEM : PL_EFORMAT, "%s", why ? why : "broken archive");
}

static pl_rc pass_open(const char *path, struct pass *out, struct pl_err *err)
{
    PL_AUTO(archive) struct archive *a = archive_read_new();
    if (!a)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_lzma(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_raw(a);
    archive_read_support_format_empty(a);
    if (archive_read_open_filename(a, path, BLOCK_BYTES) != ARCHIVE_OK)
        return archive_fail(a, err);
    *out = (struct pass){ .archive = pl_take(a) };
    return PL_OK;
}

/* To the header of the next member; *more false at the end. ARCHIVE_WARN is an odd name. */
static pl_rc pass_next(struct pass *p, bool *more, struct pl_err *err)
{
    int rc;
    while ((rc = archive_read_next_header(p->archive, &p->entry)) == ARCHIVE_RETRY)
        continue;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN && rc != ARCHIVE_EOF)
        return archive_fail(p->archive, err);
    *more = rc != ARCHIVE_EOF;
    p->next++;
    return PL_OK;
}

static bool is_plain(struct archive *a)
{
    int format = archive_format(a) & ARCHIVE_FORMAT_BASE_MASK;
    return format == ARCHIVE_FORMAT_RAW || format == ARCHIVE_FORMAT_EMPTY;
}

static pl_rc read_member(struct open_file *f, void *buf, size_t size, size_t *got,
                         struct pl_err *err)
{
    ssize_t n;
    do
        n = archive_read_data(f->now.archive, buf, size);
    while (n == ARCHIVE_RETRY);
    if (n < 0 && n != ARCHIVE_WARN)
        return archive_fail(f->now.archive, err);
    f->now.read += n > 0 ? (uint64_t)n : 0;
    if (f->now.read > f->file.limits->feed_bytes)
        return pl_fail(err, PL_ELIMIT, "inflates to more than %llu bytes",
                       (unsigned long long)f->file.limits->feed_bytes);
    *got = n > 0 ? (size_t)n : 0;
    return PL_OK;
}

static pl_rc read_file(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    struct open_file *f = (struct open_file *)((char *)r - offsetof(struct open_file, reader));
    size_t left = f->head_len - f->head_at;
    if (left) {
        *got = size < left ? size : left;
        memcpy(buf, f->head + f->head_at, *got);
        f->head_at += *got;
        return PL_OK;
    }
    if (f->head_len < HEAD_BYTES) { /* the head was all there is */
        *got = 0;
        return PL_OK;
    }
    return read_member(f, buf, size, got, err);
}

static pl_rc read_head(struct open_file *f, struct pl_err *err)
{
    f->head_len = f->head_at = 0;
    while (f->head_len < HEAD_BYTES) {
        size_t got = 0;
        pl_rc rc = read_member(f, f->head + f->head_len, HEAD_BYTES - f->head_len, &got, err);
        if (rc)
            return rc;
        if (got == 0)
            break;
        f->head_len += got;
    }
    f->file.head = pl_span_of(f->head, f->head_len);
    return PL_OK;
}

static pl_rc rewind_file(struct pl_feed_file *file, struct pl_err *err)
{
    struct open_file *f = (struct open_file *)file;
    if (f->head_len < HEAD_BYTES) { /* a small file is in the head from end to end */
        f->head_at = 0;
        return PL_OK;
    }
    struct pass p = f->spare;
    f->spare = (struct pass){ 0 };
    if (p.archive && p.next > f->member)
        pass_close(&p);
    pl_rc rc = p.archive ? PL_OK : pass_open(f->os_path, &p, err);
    for (bool more = true; !rc && p.next <= f->member;) {
        rc = pass_next(&p, &more, err);
        if (!rc && !more)
            rc = pl_fail(err, PL_EIO, "the file changed while it was read");
    }
    if (rc) {
        pass_close(&p);
        return rc;
    }
    f->spare = f->now;
    f->now = p;
    return read_head(f, err);
}

/* ---- offering ---- */

struct walk {
    const struct pl_limits *limits;
    struct pl_advisory_sink *sink;
    pl_feed_fn fn;
    void *ctx;
};

static void skip(struct walk *w, const char *path, const char *why)
{
    w->sink->skip(w->sink, pl_span_str(path), why);
}

static pl_rc offer(struct walk *w, struct open_file *f, const char *path, struct pl_err *err)
{
    struct pl_err why = { 0 };
    f->file.path = path;
    if (read_head(f, &why)) {
        skip(w, path, why.msg);
        return PL_OK;
    }
    if (!pl_feed_sniff(&f->file)) {
        skip(w, path, f->head_len ? "no feed of a known format" : "empty");
        return PL_OK;
    }
    return w->fn(w->ctx, &f->file, err);
}

static pl_rc offer_members(struct walk *w, struct open_file *f, const char *path,
                           struct pl_err *err)
{
    struct pl_err why = { 0 };
    for (f->member = 0;; f->member++) {
        bool more = false;
        if (pass_next(&f->now, &more, &why)) {
            skip(w, path, why.msg);
            return PL_OK;
        }
        if (!more) {
            if (f->member == 0)
                skip(w, path, "empty");
            return PL_OK;
        }
        if (f->member >= w->limits->layer_entries) {
            skip(w, path, "the archive has too many members");
            return PL_OK;
        }
        pl_rc rc = PL_OK;
        if (is_plain(f->now.archive)) {
            rc = offer(w, f, path, err);
        } else if (archive_entry_filetype(f->now.entry) == AE_IFREG) {
            const char *name = archive_entry_pathname(f->now.entry);
            PL_AUTO(text) char *member = NULL;
            if (asprintf(&member, "%s!/%s", path, name ? name : "") < 0) {
                member = NULL;
                return pl_fail(err, PL_ENOMEM, "out of memory");
            }
            rc = offer(w, f, member, err);
        }
        if (rc)
            return rc;
        if (f->now.read > w->limits->feed_bytes) {
            skip(w, path, "the archive inflates to more than a feed may");
            return PL_OK;
        }
    }
}

static pl_rc offer_file(struct walk *w, const char *os_path, const char *path, struct pl_err *err)
{
    struct pl_err why = { 0 };
    struct open_file f = { .os_path = os_path };
    f.reader.read = read_file;
    f.file = (struct pl_feed_file){
        .path = path, .reader = &f.reader, .rewind = rewind_file, .limits = w->limits
    };
    PL_AUTO(text) char *head = malloc(HEAD_BYTES);
    if (!head)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    f.head = head;
    if (pass_open(os_path, &f.now, &why)) {
        skip(w, path, why.msg);
        return PL_OK;
    }
    pl_rc rc = offer_members(w, &f, path, err);
    pass_close(&f.now);
    pass_close(&f.spare);
    return rc;
}

/* ---- the folder ---- */

struct found {
    struct pl_arena arena;
    struct pl_vec dirs, files; /* char *: paths below the folder; dirs also hold the depth */
};

struct found_dir {
    const char *path;
    unsigned depth;
};

static pl_rc list_entry(struct walk *w, struct found *all, int at, const struct found_dir *dir,
                        const char *name, struct pl_err *err)
{
    /* Names that begin with a dot are the downloader's own notes, or an editor's. */
    if (name[0] == '.')
        return PL_OK;
    char *path = pl_arena_printf(&all->arena, "%s%s%s", dir->path, dir->path[0] ? "/" : "", name);
    struct stat st;
    if (!path)
        return pl_fail(err, PL_ELIMIT, "too many files");
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
        /* A link to a file is that file; a link to a folder could close a circle. */
        if (fstatat(at, name, &st, 0) != 0 || S_ISDIR(st.st_mode)) {
            skip(w, path, "a symbolic link to no file");
            return PL_OK;
        }
    }
    if (S_ISDIR(st.st_mode)) {
        if (dir->depth >= MAX_DEPTH) {
            skip(w, path, "nested too deep");
            return PL_OK;
        }
        struct found_dir *d = pl_vec_push(&all->arena, &all->dirs);
        if (!d)
            return pl_fail(err, PL_ELIMIT, "too many folders");
        *d = (struct found_dir){ path, dir->depth + 1 };
    } else if (S_ISREG(st.st_mode)) {
        const char **p = pl_vec_push(&all->arena, &all->files);
        if (!p)
            return pl_fail(err, PL_ELIMIT, "too many files");
        *p = path;
    }
    return PL_OK;
}

static pl_rc list_dir(struct walk *w, struct found *all, int root, const struct found_dir *dir,
                      struct pl_err *err)
{
    int fd = openat(root, dir->path[0] ? dir->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PL_AUTO(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        if (!dir->path[0])
            return pl_fail_errno(err, PL_EIO, errno, "cannot list");
        skip(w, dir->path, "cannot list the folder");
        return PL_OK;
    }
    for (struct dirent *e; (e = readdir(d));) {
        pl_rc rc = list_entry(w, all, dirfd(d), dir, e->d_name, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static pl_rc walk_found(struct walk *w, struct found *all, const char *dir, struct pl_err *err)
{
    const char **files = all->files.items;
    if (all->files.n)
        qsort(files, all->files.n, sizeof(*files), by_path);
    for (size_t i = 0; i < all->files.n; i++) {
        PL_AUTO(text) char *os_path = NULL;
        if (asprintf(&os_path, "%s/%s", dir, files[i]) < 0) {
            os_path = NULL;
            return pl_fail(err, PL_ENOMEM, "out of memory");
        }
        pl_rc rc = offer_file(w, os_path, files[i], err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

static pl_rc walk_dir(struct walk *w, const char *dir, struct pl_err *err)
{
    PL_AUTO(fd) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot open");
    struct found all = { .dirs = PL_VEC(struct found_dir), .files = PL_VEC(const char *) };
    pl_arena_init(&all.arena, PATHS_BYTES);
    struct found_dir at = { "", 0 };
    pl_rc rc = list_dir(w, &all, root, &at, err);
    while (!rc && all.dirs.n) {
        at = ((struct found_dir *)all.dirs.items)[--all.dirs.n];
        rc = list_dir(w, &all, root, &at, err);
    }
    if (!rc)
        rc = walk_found(w, &all, dir, err);
    pl_arena_done(&all.arena);
    return rc;
}

pl_rc pl_feed_walk(const char *dir, const struct pl_limits *limits, struct pl_advisory_sink *sink,
                   pl_feed_fn fn, void *ctx, struct pl_err *err)
{
    struct walk w = { .limits = limits, .sink = sink, .fn = fn, .ctx = ctx };
    struct stat st;
    if (stat(dir, &st) != 0) {
        pl_rc absent = errno == ENOENT ? PL_EABSENT : PL_EIO;
        return pl_fail_errno(err, absent, errno, "feeds %s", dir);
    }
    const char *base = strrchr(dir, '/');
    pl_rc rc = S_ISDIR(st.st_mode) ? walk_dir(&w, dir, err)
                                   : offer_file(&w, dir, base ? base + 1 : dir, err);
    /* The error is fn's own, or the folder's: both read better with its name. */
    return rc ? pl_wrap(err, "feeds %s", dir) : PL_OK;
}
