/* files.c - an image's files in a directory, and what directories and archives share. */
#include "image/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/archive.h"

enum { FIRST_BYTE_MS = 2000 }; /* for whoever is about to open a named pipe for writing */

struct directory {
    struct pl_files base;
    int fd;
};

/* Symbolic links may be followed as long as they stay below the top. Linux 5.6; where openat2() is
 * missing or filtered, the last part of the name must not be a link. */
static int open_below(int top, const char *name)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    int fd = (int)syscall(SYS_openat2, top, name, &how, sizeof(how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(top, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    return fd;
}

static bool leads_outside(pl_span name)
{
    pl_span part;
    if (name.len == 0 || name.ptr[0] == '/' || pl_span_chr(name, '\0') != SIZE_MAX)
        return true;
    while (pl_span_split(&name, '/', &part))
        if (pl_span_eq(part, PL_LIT("..")))
            return true;
    return false;
}

static pl_rc dir_open_fd(struct directory *d, pl_span name, int *out, struct stat *st,
                         struct pl_err *err)
{
    char path[4096];
    if (leads_outside(name) || name.len >= sizeof(path))
        return pl_fail(err, PL_EABSENT, "%.*s: not a name below the directory", PL_FMT(name));
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    PL_AUTO(fd) int fd = open_below(d->fd, path);
    if (fd < 0)
        return pl_fail_errno(err, errno == EACCES ? PL_EAUTH : PL_EABSENT, errno, "%s", path);
    if (fstat(fd, st) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", path);
    if (!S_ISREG(st->st_mode))
        return pl_fail(err, PL_EABSENT, "%s: not a regular file", path);
    *out = pl_take_fd(&fd);
    return PL_OK;
}

static pl_rc dir_find(struct pl_files *f, pl_span name, struct pl_file *out, struct pl_err *err)
{
    PL_AUTO(fd) int fd = -1;
    struct stat st;
    pl_rc rc = dir_open_fd((struct directory *)f, name, &fd, &st, err);
    if (!rc)
        *out = (struct pl_file){ .name = name, .size = (uint64_t)st.st_size };
    return rc;
}

static pl_rc dir_read(struct pl_files *f, const struct pl_file *file, char *buf, struct pl_err *err)
{
    PL_AUTO(fd) int fd = -1;
    struct stat st;
    pl_rc rc = dir_open_fd((struct directory *)f, file->name, &fd, &st, err);
    for (uint64_t done = 0; !rc && done < file->size;) {
        ssize_t n = read(fd, buf + done, (size_t)(file->size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return pl_fail_errno(err, PL_EIO, n < 0 ? errno : EIO, "%.*s", PL_FMT(file->name));
        done += (uint64_t)n;
    }
    return rc;
}

static pl_rc dir_open(struct pl_files *f, const struct pl_file *file, struct pl_stream *out,
                      struct pl_err *err)
{
    struct stat st;
    int fd;
    pl_rc rc = dir_open_fd((struct directory *)f, file->name, &fd, &st, err);
    if (!rc)
        *out = (struct pl_stream){ .fd = fd, .seekable = true, .length = (uint64_t)st.st_size };
    return rc;
}

static void dir_close(struct pl_files *f)
{
    pl_close_fd(((struct directory *)f)->fd);
    free(f);
}

static const struct pl_files_ops directory_ops = {
    .find = dir_find, .read = dir_read, .open = dir_open, .close = dir_close
};

pl_rc pl_files_directory(int *fd, struct pl_files **out, struct pl_err *err)
{
    struct directory *d = calloc(1, sizeof(*d));
    if (!d)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    d->base.ops = &directory_ops;
    d->base.is_directory = true;
    d->fd = pl_take_fd(fd);
    *out = &d->base;
    return PL_OK;
}

pl_rc pl_files_top(struct pl_files *f, int *out, struct pl_err *err)
{
    if (!f->is_directory)
        return pl_fail(err, PL_EUSAGE, "not a directory");
    int fd = fcntl(((struct directory *)f)->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot open the directory");
    *out = fd;
    return PL_OK;
}

pl_rc pl_files_open(const char *path, const struct pl_source_opts *o, struct pl_files **out,
                    struct pl_err *err)
{
    struct stat st;
    bool standard_input = !strcmp(path, "-");
    PL_AUTO(fd) int fd = -1;
    pl_rc rc = PL_OK;
    if (!standard_input && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return pl_fail_errno(err, errno == EACCES ? PL_EAUTH : PL_EABSENT, errno, "%s", path);
    if (fstat(standard_input ? STDIN_FILENO : fd, &st) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s", path);
    if (!standard_input && S_ISDIR(st.st_mode))
        return pl_files_directory(&fd, out, err);
    if (standard_input || S_ISFIFO(st.st_mode)) {
        int spooled = -1;
        if (fd >= 0)
            (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, FIRST_BYTE_MS);
        rc = pl_spool(standard_input ? STDIN_FILENO : fd, o, &spooled, err);
        pl_close_fd(fd);
        fd = spooled;
    } else if (!S_ISREG(st.st_mode)) {
        return pl_fail(err, PL_EFORMAT, "%s: neither a file nor a directory", path);
    }
    if (!rc)
        rc = pl_archive_file(&fd, o->limits, out, err);
    if (rc)
        (void)pl_wrap(err, "%s", standard_input ? "standard input" : path);
    return rc;
}

/* ---- documents ---- */

bool pl_files_have(struct pl_files *f, const char *name)
{
    struct pl_file file;
    return f->ops->find(f, pl_span_str(name), &file, NULL) == PL_OK;
}

pl_rc pl_files_document(struct pl_files *f, pl_span name, size_t max, struct pl_arena *a,
                        pl_span *out, struct pl_err *err)
{
    struct pl_file file;
    pl_rc rc = f->ops->find(f, name, &file, err);
    if (rc && f->damage) /* then that is why */
        return pl_fail(err, f->damage, "%.*s is not in it: %s", PL_FMT(name), f->damage_text);
    if (rc)
        return rc;
    if (file.size > max)
        return pl_fail(err, PL_ELIMIT, "%.*s has %llu bytes, more than %zu", PL_FMT(name),
                       (unsigned long long)file.size, max);
    if (file.truncated)
        return pl_fail(err, PL_EFORMAT, "%.*s is cut off: %s", PL_FMT(name), f->damage_text);
    char *bytes = pl_arena_alloc(a, (size_t)file.size + 1);
    if (!bytes)
        return pl_fail(err, PL_ELIMIT, "the image's description needs more memory than allowed");
    rc = f->ops->read(f, &file, bytes, err);
    if (!rc)
        *out = pl_span_of(bytes, (size_t)file.size);
    return rc;
}

pl_rc pl_check_digest(pl_span bytes, const pl_digest *want, struct pl_err *err)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    pl_digest have;
    pl_rc rc = pl_hasher_new(pl_digest_algorithm(want), &h, err);
    if (rc)
        return rc;
    pl_hasher_add(h, bytes);
    pl_hasher_finish(h, &have);
    if (!pl_digest_eq(&have, want))
        return pl_fail(err, PL_EDIGEST, "is %s, not the %s that was named", have.text, want->text);
    return PL_OK;
}

pl_rc pl_files_checked(struct pl_files *f, pl_span name, size_t max, const pl_digest *digest,
                       uint64_t size, struct pl_arena *a, pl_span *out, struct pl_err *err)
{
    pl_span bytes;
    pl_rc rc = pl_files_document(f, name, max, a, &bytes, err);
    if (rc)
        return rc;
    if (size && bytes.len != size)
        rc = pl_fail(err, PL_EDIGEST, "has %zu bytes, not the %llu that were named (%s)", bytes.len,
                     (unsigned long long)size, digest->text);
    else
        rc = pl_check_digest(bytes, digest, err);
    if (rc)
        (void)pl_wrap(err, "%.*s", PL_FMT(name));
    else
        *out = bytes;
    return rc;
}

pl_rc pl_split_path(const char *rest, struct pl_arena *a, const char **path, pl_span *ref,
                    struct pl_err *err)
{
    pl_span all = pl_span_str(rest);
    char *copy = pl_arena_str(a, all);
    struct stat st;
    if (!copy)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    size_t cut = all.len;
    while (cut && strcmp(copy, "-") && stat(copy, &st) < 0) {
        cut = pl_span_rchr(pl_span_sub(all, 0, cut), ':');
        if (cut == SIZE_MAX)
            cut = 0;
        copy[cut] = '\0';
    }
    if (cut == 0) {
        cut = pl_span_chr(all, ':');
        if (cut == SIZE_MAX)
            cut = all.len;
        return pl_fail(err, cut ? PL_EABSENT : PL_EUSAGE, "%s",
                       cut ? "no such file or directory" : "a path must follow the colon");
    }
    *path = copy;
    *ref = pl_span_from(all, cut + (cut < all.len));
    return PL_OK;
}
