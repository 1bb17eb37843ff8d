/* spool.c - a stream that cannot be positioned is kept in a file that has no name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/archive.h"

enum { COPY_BYTES = 256 << 10 };

/* O_TMPFILE is refused by some network and overlay file systems: then a name is made and removed.
 */
static int nameless_file(const char *dir)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    snprintf(path, sizeof(path), "%s/plimsoll-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int open_spool(const struct pl_source_opts *o, const char **where)
{
    const char *dirs[] = { o->cache_dir, getenv("TMPDIR"), "/var/tmp", "/tmp" };
    int fd = -1;
    for (size_t i = 0; i < PL_COUNT(dirs) && fd < 0; i++)
        if (dirs[i] && *dirs[i]) {
            *where = dirs[i];
            fd = nameless_file(dirs[i]);
        }
    return fd;
}

static pl_rc write_all(int fd, const char *bytes, size_t n, const char *where, struct pl_err *err)
{
    while (n) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return pl_fail_errno(err, PL_EIO, put < 0 ? errno : ENOSPC,
                                 "cannot keep it in %s (TMPDIR chooses another place)", where);
        bytes += put;
        n -= (size_t)put;
    }
    return PL_OK;
}

pl_rc pl_spool(int from, const struct pl_source_opts *o, int *out, struct pl_err *err)
{
    const char *where = "/tmp";
    PL_AUTO(fd) int fd = open_spool(o, &where);
    PL_AUTO(text) char *buf = malloc(COPY_BYTES);
    uint64_t total = 0;
    if (fd < 0 || !buf)
        return pl_fail_errno(err, PL_EIO, errno, "cannot keep it in %s", where);
    for (;;) {
        ssize_t n = read(from, buf, COPY_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot read");
        if (n == 0)
            break;
        total += (uint64_t)n;
        if (total > o->limits->spool_bytes)
            return pl_fail(err, PL_ELIMIT, "is longer than %llu bytes",
                           (unsigned long long)o->limits->spool_bytes);
        pl_rc rc = write_all(fd, buf, (size_t)n, where, err);
        if (rc)
            return rc;
    }
    *out = pl_take_fd(&fd);
    return PL_OK;
}
