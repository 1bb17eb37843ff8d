/* spool.c - a stream that cannot be positioned is kept in a file that has no name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "image/archive.h"
#include "image/inflate.h"

enum { COPY_BYTES = 256 << 10, TAR_BLOCK = 512, SUM_AT = 148, SUM_LEN = 8 };

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

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

/* Waits for whoever writes, no longer than the scan may take. A named pipe that nobody has opened
 * for writing (it does not block, see pl_files_open) reads as empty, where poll would wait. */
static pl_rc read_some(int from, char *buf, size_t size, int64_t deadline_ms, size_t *got,
                       struct pl_err *err)
{
    bool wait_first = !(fcntl(from, F_GETFL) & O_NONBLOCK);
    for (;; wait_first = true) {
        struct pollfd wait = { .fd = from, .events = POLLIN };
        int64_t left = deadline_ms ? deadline_ms - now_ms() : -1;
        if (deadline_ms && left <= 0)
            return pl_fail(err, PL_EIO, "did not end in time (--timeout)");
        int ready = wait_first ? poll(&wait, 1, left > INT_MAX ? INT_MAX : (int)left) : 1;
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        ssize_t n = read(from, buf, size);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "cannot read");
        *got = (size_t)n;
        return PL_OK;
    }
}

/* The sum of a header's bytes, its own field counted as spaces, stands in that field (POSIX ustar);
 * every tar since the seventh Unix has it. */
static bool tar_header(pl_span first)
{
    uint64_t sum = 0, want = 0;
    if (first.len < TAR_BLOCK)
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : (unsigned char)first.ptr[i];
    for (size_t i = SUM_AT; i < SUM_AT + SUM_LEN; i++) {
        char c = first.ptr[i];
        if (c >= '0' && c <= '7')
            want = want * 8 + (uint64_t)(c - '0');
        else if (c != ' ' && c != '\0')
            return false;
    }
    return sum == want;
}

/* What can be no archive is not kept: /dev/zero never ends, disks do. Tapes of nothing but zeros
 * hold nothing. */
static pl_rc check_start(pl_span first, struct pl_err *err)
{
    if (first.len == 0)
        return pl_fail(err, PL_EFORMAT, "is empty");
    if (pl_compression_of(first) == PL_PLAIN && !tar_header(first))
        return pl_fail(err, PL_EFORMAT,
                       "not a tar archive, plain or compressed by gzip, zstd, xz or bzip2");
    return PL_OK;
}

static pl_rc copy(int from, int to, char *buf, const char *where, const struct pl_source_opts *o,
                  struct pl_err *err)
{
    int64_t deadline_ms = o->timeout_s ? now_ms() + (int64_t)o->timeout_s * 1000 : 0;
    uint64_t total = 0;
    for (;;) {
        size_t got = 1, n = 0;
        pl_rc rc = PL_OK;
        while (!rc && got && n < TAR_BLOCK) { /* a slow writer may bring less at a time */
            rc = read_some(from, buf + n, COPY_BYTES - n, deadline_ms, &got, err);
            n += rc ? 0 : got;
        }
        if (!rc && total == 0)
            rc = check_start(pl_span_of(buf, n), err);
        if (rc || n == 0)
            return rc;
        total += n;
        if (total > o->limits->spool_bytes)
            return pl_fail(err, PL_ELIMIT, "is longer than %llu bytes",
                           (unsigned long long)o->limits->spool_bytes);
        rc = write_all(to, buf, n, where, err);
        if (rc)
            return rc;
    }
}

pl_rc pl_spool(int from, const struct pl_source_opts *o, int *out, struct pl_err *err)
{
    const char *where = "/tmp";
    PL_AUTO(fd) int fd = open_spool(o, &where);
    PL_AUTO(text) char *buf = malloc(COPY_BYTES);
    if (fd < 0 || !buf)
        return pl_fail_errno(err, PL_EIO, errno, "cannot keep it in %s", where);
    pl_rc rc = copy(from, fd, buf, where, o, err);
    if (!rc)
        *out = pl_take_fd(&fd);
    return rc;
}
