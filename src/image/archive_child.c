/* archive_child.c - what reads a hostile tar archive: libarchive, in a child without rights.
 * Formats: POSIX.1-2017 pax (ustar, pax), GNU tar; gzip, zstd, xz and bzip2 around them. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/archive.h"

PL_AUTO_DEFINE(archive, struct archive *, archive_read_free)

enum { READ_SIZE = 256 << 10, SMALL_ENTRY = 4 << 10, FLUSH_SIZE = 64 << 10 };

/* ---- bytes for libarchive ---- */

struct reading {
    struct pl_archive_input *in;
    const struct pl_limits *limits;
    struct archive *a;
    uint64_t stored; /* bytes handed over so far */
    char buf[READ_SIZE];
};

static la_ssize_t give(struct archive *a, void *ctx, const void **bytes)
{
    struct reading *r = ctx;
    ssize_t n;
    do
        n = r->in->seekable ? pread(r->in->fd, r->buf, sizeof(r->buf), (off_t)r->in->at)
                            : read(r->in->fd, r->buf, sizeof(r->buf));
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(a, errno, "cannot read");
        return ARCHIVE_FATAL;
    }
    r->in->at += (uint64_t)n;
    r->stored += (uint64_t)n;
    *bytes = r->buf;
    return n;
}

static la_int64_t skip(struct archive *a, void *ctx, la_int64_t want)
{
    struct reading *r = ctx;
    (void)a;
    if (!r->in->seekable || r->in->at >= r->in->size || want <= 0)
        return 0;
    uint64_t n = r->in->size - r->in->at;
    if (n > (uint64_t)want)
        n = (uint64_t)want;
    r->in->at += n;
    r->stored += n;
    return (la_int64_t)n;
}

static pl_rc open_archive(struct reading *r, struct archive **out, struct pl_err *err)
{
    PL_AUTO(archive) struct archive *a = archive_read_new();
    if (!a)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_format_tar(a);
    archive_read_set_read_callback(a, give);
    archive_read_set_skip_callback(a, skip);
    archive_read_set_callback_data(a, r);
    int status = archive_read_open1(a);
    if (status < ARCHIVE_WARN)
        return pl_fail(err, PL_EFORMAT,
                       "not a tar archive, plain or compressed by gzip, zstd, xz or bzip2 (%s)",
                       archive_error_string(a) ? archive_error_string(a) : "unknown bytes");
    r->a = a;
    *out = pl_take(a);
    return PL_OK;
}

static bool is_plain(struct archive *a) { return archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE; }

/* A bomb inflates without end from few bytes; looked at between blocks. */
static pl_rc check_expansion(struct reading *r, struct pl_err *err)
{
    la_int64_t inflated = archive_filter_bytes(r->a, 0);
    if (inflated > 0 && (uint64_t)inflated > r->limits->expansion_from &&
        (uint64_t)inflated / r->limits->expansion > r->stored)
        return pl_fail(err, PL_ELIMIT, "inflates to more than %llu times its size",
                       (unsigned long long)r->limits->expansion);
    if (inflated > 0 && (uint64_t)inflated > r->limits->layer_bytes)
        return pl_fail(err, PL_ELIMIT, "inflates to more than %llu bytes",
                       (unsigned long long)r->limits->layer_bytes);
    return PL_OK;
}

static pl_rc archive_failure(struct archive *a, struct pl_err *err)
{
    const char *why = archive_error_string(a);
    bool system = archive_errno(a) == ENOMEM;
    return pl_fail(err, system ? PL_ENOMEM : PL_EFORMAT, "tar: %s", why ? why : "broken");
}

/* The next header. *more false at the end. Odd names and the like (ARCHIVE_WARN) are an entry. */
static pl_rc next_entry(struct reading *r, struct archive_entry **entry, bool *more,
                        struct pl_err *err)
{
    int status;
    int retries = 0;
    do
        status = archive_read_next_header(r->a, entry);
    while (status == ARCHIVE_RETRY && ++retries < 100);
    *more = status != ARCHIVE_EOF;
    if (status != ARCHIVE_EOF && status < ARCHIVE_WARN) {
        if (archive_format(r->a) == 0)
            return pl_fail(err, PL_EFORMAT,
                           "not a tar archive, plain or compressed by gzip, zstd, xz or bzip2");
        return archive_failure(r->a, err);
    }
    return PL_OK;
}

/* The next block of an entry's bytes; empty at its end. */
static pl_rc next_block(struct reading *r, pl_span *out, struct pl_err *err)
{
    const void *bytes;
    size_t n;
    la_int64_t at;
    int status = archive_read_data_block(r->a, &bytes, &n, &at);
    *out = status == ARCHIVE_EOF ? PL_SPAN_NONE : pl_span_of(bytes, n);
    if (status != ARCHIVE_EOF && status < ARCHIVE_WARN)
        return archive_failure(r->a, err);
    return check_expansion(r, err);
}

/* ---- the index ---- */

/* The answer: 'H' plain, then for each entry 'E' type size at+1 name link captured [bytes], then
 * 'X' rc text. Numbers are varints; text as pl_buf_text() writes it. */
struct indexing {
    struct reading r;
    int fd;
    struct pl_buf *answer;
    uint64_t n, captured;
    bool plain;
};

static void flush(struct indexing *x, bool all)
{
    size_t done = 0;
    if (x->fd < 0 || (!all && x->answer->len < FLUSH_SIZE))
        return;
    while (done < x->answer->len) {
        ssize_t n = write(x->fd, x->answer->ptr + done, x->answer->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody listens any more */
        done += (size_t)n;
    }
    x->answer->len = 0;
}

static char entry_type(struct archive_entry *e)
{
    if (archive_entry_hardlink(e))
        return 'h';
    switch (archive_entry_filetype(e)) {
    case AE_IFREG: return archive_entry_sparse_count(e) > 0 ? 's' : 'f';
    case AE_IFLNK: return 'l';
    case AE_IFDIR: return 'd';
    default: return 'o';
    }
}

/* Of a compressed archive only what may be a JSON document is kept, and what is tiny: the layer
 * that holds nothing is 1 KiB, and some images name it fifty times. */
static bool wants_bytes(const struct indexing *x, uint64_t size, pl_span first)
{
    size_t i = 0;
    while (i < first.len && strchr(" \t\r\n", first.ptr[i]) && first.ptr[i])
        i++;
    bool json = i < first.len && (first.ptr[i] == '{' || first.ptr[i] == '[');
    return (json || size <= SMALL_ENTRY) && size <= x->r.limits->config_bytes &&
           x->captured + size <= 4 * (uint64_t)x->r.limits->config_bytes;
}

static pl_rc read_contents(struct indexing *x, uint64_t size, struct pl_err *err)
{
    pl_span block;
    struct pl_buf kept = { .ceiling = (size_t)x->r.limits->config_bytes + 1 };
    pl_rc rc = next_block(&x->r, &block, err);
    bool keep = !rc && wants_bytes(x, size, block);
    while (!rc && block.len) {
        if (keep)
            pl_buf_add(&kept, block);
        rc = next_block(&x->r, &block, err);
    }
    keep = keep && !rc && !kept.failed && kept.len == size;
    pl_buf_varint(x->answer, keep);
    if (keep) {
        pl_buf_text(x->answer, pl_buf_span(&kept));
        x->captured += size;
    }
    pl_buf_done(&kept);
    return rc;
}

static pl_rc index_entry(struct indexing *x, struct archive_entry *e, struct pl_err *err)
{
    char type = entry_type(e);
    const char *link = type == 'h'   ? archive_entry_hardlink(e)
                       : type == 'l' ? archive_entry_symlink(e)
                                     : NULL;
    la_int64_t size = archive_entry_size(e), at = archive_filter_bytes(x->r.a, 0);
    pl_buf_char(x->answer, 'E');
    pl_buf_varint(x->answer, (uint64_t)type);
    pl_buf_varint(x->answer, type == 'f' && size > 0 ? (uint64_t)size : 0);
    pl_buf_varint(x->answer, x->plain && at >= 0 ? (uint64_t)at + 1 : 0);
    pl_buf_text(x->answer, pl_span_str(archive_entry_pathname(e)));
    pl_buf_text(x->answer, pl_span_str(link));
    if (type == 'f' && !x->plain)
        return read_contents(x, size > 0 ? (uint64_t)size : 0, err);
    pl_buf_varint(x->answer, 0);
    return PL_OK;
}

static pl_rc index_all(struct indexing *x, struct pl_err *err)
{
    PL_AUTO(archive) struct archive *a = NULL;
    struct archive_entry *e;
    bool more;
    pl_rc rc = open_archive(&x->r, &a, err);
    for (;;) {
        if (!rc)
            rc = next_entry(&x->r, &e, &more, err);
        if (rc || !more)
            return rc;
        if (x->n++ == 0) {
            x->plain = x->r.in->seekable && is_plain(a);
            pl_buf_char(x->answer, 'H');
            pl_buf_varint(x->answer, x->plain);
        }
        if (x->n > x->r.limits->archive_entries)
            return pl_fail(err, PL_ELIMIT, "more than %zu entries", x->r.limits->archive_entries);
        rc = index_entry(x, e, err);
        if (!rc)
            rc = check_expansion(&x->r, err);
        flush(x, false);
    }
}

void pl_archive_index(struct pl_archive_input *in, const struct pl_limits *limits, int answer_fd,
                      struct pl_buf *answer)
{
    struct pl_err err = { 0 };
    struct indexing *x = calloc(1, sizeof(*x));
    pl_rc rc = PL_ENOMEM;
    if (x) {
        *x = (struct indexing){ .r = { .in = in, .limits = limits },
                                .fd = answer_fd,
                                .answer = answer };
        rc = index_all(x, &err);
    }
    pl_buf_char(answer, 'X');
    pl_buf_varint(answer, (uint64_t)rc);
    pl_buf_text(answer, pl_span_str(err.msg));
    if (x)
        flush(x, true);
    free(x);
}

/* ---- the feeder ---- */

static bool receive(int control, struct pl_feed_request *request, int *fd)
{
    char room[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { .iov_base = request, .iov_len = sizeof(*request) };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
    };
    ssize_t n;
    while ((n = recvmsg(control, &m, MSG_CMSG_CLOEXEC)) < 0) {
        if (errno == EAGAIN)
            (void)poll(&(struct pollfd){ .fd = control, .events = POLLIN }, 1, -1);
        else if (errno != EINTR)
            return false;
    }
    struct cmsghdr *c = n == (ssize_t)sizeof(*request) ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
        return false;
    memcpy(fd, CMSG_DATA(c), sizeof(int));
    return true;
}

/* Does not block: replies that nobody collects are dropped. */
static void reply(int control, uint64_t entry, pl_rc rc, const struct pl_err *err)
{
    struct pl_feed_reply r = { .entry = entry, .rc = (int32_t)rc };
    if (rc)
        memcpy(r.msg, err->msg, sizeof(r.msg) - 1);
    (void)!write(control, &r, sizeof(r));
}

struct feeding {
    struct reading r;
    uint64_t next; /* number of the entry that the next header is of */
};

/* Who stops reading early (a digest was wrong, a limit met) only ends this entry. */
static pl_rc copy_out(struct feeding *f, int fd, struct pl_err *err)
{
    pl_span block = { 0 };
    bool listening = true;
    pl_rc rc = PL_OK;
    while (!(rc = next_block(&f->r, &block, err)) && block.len) {
        while (listening && block.len) {
            ssize_t n = write(fd, block.ptr, block.len);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                listening = false;
            else
                block = pl_span_from(block, (size_t)n);
        }
        if (!listening)
            break;
    }
    return rc;
}

static pl_rc serve(struct feeding *f, uint64_t wanted, int fd, struct pl_err *err)
{
    struct archive_entry *e;
    bool more = true;
    pl_rc rc = PL_OK;
    pl_span block;
    while (!rc && f->next <= wanted) {
        rc = next_entry(&f->r, &e, &more, err);
        if (!rc && !more)
            rc = pl_fail(err, PL_EFORMAT, "the archive ends before this entry");
        if (rc || f->next++ == wanted)
            break;
        /* Inflating what nobody asked for is bounded too. */
        while (!(rc = next_block(&f->r, &block, err)) && block.len)
            ;
    }
    return rc ? rc : copy_out(f, fd, err);
}

pl_rc pl_archive_feed(struct pl_archive_input *in, const struct pl_limits *limits, int control,
                      struct pl_err *err)
{
    struct feeding *f = calloc(1, sizeof(*f));
    PL_AUTO(archive) struct archive *a = NULL;
    struct pl_feed_request request;
    struct pl_err why = { 0 };
    int fd;
    if (!f)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    f->r = (struct reading){ .in = in, .limits = limits };
    pl_rc rc = open_archive(&f->r, &a, &why);
    while (receive(control, &request, &fd)) {
        if (!rc)
            rc = serve(f, request.entry, fd, &why);
        reply(control, request.entry, rc, &why);
        close(fd); /* after the reply: who sees the end may ask why */
    }
    free(f);
    return PL_OK;
}
