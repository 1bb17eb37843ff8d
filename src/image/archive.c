/* archive.c - the index of an outer archive, and its entries as streams. */
#include "image/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/map.h"

enum {
    MAX_HOPS = 40,        /* links to follow, as Linux does for paths */
    MAX_RESTARTS = 64,    /* a layer behind the feeder's place means inflating from the start */
    PIPE_BYTES = 1 << 20, /* the kernel's usual most for one pipe */
};

struct entry {
    char type;
    bool captured;
    pl_span name, link, bytes;
    uint64_t size, offset; /* offset: in the file, of a plain archive */
};

struct feeder {
    struct pl_child child;
    int control;
    uint64_t next; /* entries from here on can be asked for */
    struct feeder *older;
};

struct reply_node {
    struct pl_feed_reply reply;
    struct reply_node *next;
};

struct archive_files {
    struct pl_files base;
    const struct pl_limits *limits;
    struct pl_limits own_limits;
    struct pl_buf answer; /* all names and documents point into it */
    struct entry *entries;
    size_t n_entries;
    struct pl_map by_name;
    bool plain;
    int fd; /* of a file */
    uint64_t file_size;
    struct pl_opener *opener;
    struct feeder *feeders; /* newest first */
    unsigned n_feeders;
    struct reply_node *replies;
};

/* ---- parsing the index ---- */

/* "./a//b/../c" is cleaned in place; false when it leads outside or is nothing. */
static bool clean(pl_span *name)
{
    char *to = (char *)name->ptr, *start = to;
    pl_span in = *name, part;
    while (pl_span_split(&in, '/', &part)) {
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")))
            continue;
        if (pl_span_eq(part, PL_LIT("..")))
            return false;
        if (to != start)
            *to++ = '/';
        memmove(to, part.ptr, part.len);
        to += part.len;
    }
    name->len = (size_t)(to - start);
    return name->len > 0;
}

static bool parse_entry(pl_span *in, struct entry *e)
{
    uint64_t type, at, captured;
    if (!pl_span_varint(in, &type) || !pl_span_varint(in, &e->size) || !pl_span_varint(in, &at) ||
        !pl_span_text(in, &e->name) || !pl_span_text(in, &e->link) ||
        !pl_span_varint(in, &captured) || (captured && !pl_span_text(in, &e->bytes)))
        return false;
    e->type = type < 128 ? (char)type : 'o';
    e->captured = captured;
    e->offset = at ? at - 1 : UINT64_MAX;
    return !captured || e->bytes.len == e->size;
}

static pl_rc add_entry(struct archive_files *f, size_t *room, const struct entry *e,
                       struct pl_err *err)
{
    if (f->n_entries == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct entry *list = reallocarray(f->entries, more, sizeof(*list));
        if (!list)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        f->entries = list;
        *room = more;
    }
    f->entries[f->n_entries++] = *e;
    return PL_OK;
}

/* The last entry of a name wins, as when unpacking. Values are numbers from 1. */
static pl_rc make_names(struct archive_files *f, struct pl_err *err)
{
    for (size_t i = 0; i < f->n_entries; i++) {
        struct entry *e = &f->entries[i];
        if (!clean(&e->name) || e->type == 'd')
            continue;
        void **value = pl_map_at(&f->by_name, e->name);
        if (!value)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        *value = e;
    }
    return PL_OK;
}

static pl_rc parse_end(struct archive_files *f, pl_span *in, struct pl_err *err)
{
    uint64_t rc;
    pl_span why;
    if (!pl_span_varint(in, &rc) || rc > PL_EUSAGE || !pl_span_text(in, &why))
        return pl_fail(err, PL_EFORMAT, "the archive's index is broken");
    f->base.damage = (pl_rc)rc;
    snprintf(f->base.damage_text, sizeof(f->base.damage_text), "%.*s", PL_FMT(why));
    if (rc && f->n_entries == 0)
        return pl_fail(err, f->base.damage, "%s", f->base.damage_text);
    return PL_OK;
}

static pl_rc parse_index(struct archive_files *f, struct pl_err *err)
{
    pl_span in = pl_buf_span(&f->answer);
    size_t room = 0;
    uint8_t tag;
    uint64_t plain;
    bool ended = false;
    pl_rc rc = PL_OK;
    while (!rc && !ended && pl_span_u8(&in, &tag)) {
        struct entry e = { 0 };
        if (tag == 'H' && pl_span_varint(&in, &plain))
            f->plain = plain;
        else if (tag == 'E' && f->n_entries < f->limits->archive_entries && parse_entry(&in, &e))
            rc = add_entry(f, &room, &e, err);
        else if (tag == 'X')
            rc = parse_end(f, &in, err), ended = true;
        else
            rc = pl_fail(err, PL_EFORMAT, "the archive's index is broken");
    }
    if (!rc && !ended)
        rc = pl_fail(err, PL_EFORMAT, "the archive's index ends early");
    return rc ? rc : make_names(f, err);
}

/* ---- finding ---- */

/* A symbolic link counts from its own folder, a hard link from the top. */
static bool link_target(const struct entry *e, char *buf, size_t size, pl_span *out)
{
    pl_span dir = e->type == 'l' && !pl_span_starts(e->link, PL_LIT("/")) ? pl_span_dirname(e->name)
                                                                          : PL_SPAN_NONE;
    if (dir.len + e->link.len + 2 > size)
        return false;
    size_t used = 0;
    memcpy(buf, dir.ptr ? dir.ptr : "", dir.len);
    used = dir.len;
    pl_span in = e->link, part;
    while (pl_span_split(&in, '/', &part)) {
        if (part.len == 0 || pl_span_eq(part, PL_LIT(".")))
            continue;
        if (pl_span_eq(part, PL_LIT(".."))) {
            if (used == 0)
                return false; /* out of the archive */
            used = pl_span_dirname(pl_span_of(buf, used)).len;
            continue;
        }
        if (used)
            buf[used++] = '/';
        memcpy(buf + used, part.ptr, part.len);
        used += part.len;
    }
    *out = pl_span_of(buf, used);
    return used > 0;
}

static pl_rc find(struct pl_files *files, pl_span name, struct pl_file *out, struct pl_err *err)
{
    struct archive_files *f = (struct archive_files *)files;
    char copy[4096], buf[8192];
    pl_span at = pl_span_of(copy, name.len);
    const struct entry *e = NULL;
    if (name.len == 0 || name.len > sizeof(copy))
        return pl_fail(err, PL_EABSENT, "no such file in the archive");
    memcpy(copy, name.ptr, name.len);
    if (clean(&at))
        e = pl_map_get(&f->by_name, at);
    for (int hops = 0; e && (e->type == 'l' || e->type == 'h'); hops++) {
        if (hops == MAX_HOPS || !link_target(e, buf, sizeof(buf), &at))
            return pl_fail(err, PL_EABSENT, "%.*s: a link that leads nowhere in the archive",
                           PL_FMT(name));
        e = pl_map_get(&f->by_name, at);
    }
    if (!e || e->type != 'f')
        return pl_fail(err, PL_EABSENT, "%.*s: %s", PL_FMT(name),
                       e ? "not a plain file in the archive" : "not in the archive");
    *out = (struct pl_file){ .name = e->name, .size = e->size, .at = (uint64_t)(e - f->entries) };
    if (f->plain)
        out->truncated = e->offset > f->file_size || e->size > f->file_size - e->offset;
    else /* damage ended the index in the middle of its last entry */
        out->truncated = f->base.damage && out->at + 1 == f->n_entries && !e->captured;
    return PL_OK;
}

const char *pl_archive_name(const struct pl_files *files, size_t i)
{
    const struct archive_files *f = (const struct archive_files *)files;
    static char name[512];
    if (files->is_directory || i >= f->n_entries)
        return NULL;
    snprintf(name, sizeof(name), "%.*s", PL_FMT(f->entries[i].name));
    return name;
}

/* ---- reading ---- */

static pl_rc read_entry(struct pl_files *files, const struct pl_file *file, char *buf,
                        struct pl_err *err)
{
    struct archive_files *f = (struct archive_files *)files;
    const struct entry *e = &f->entries[file->at];
    if (e->captured) {
        if (e->bytes.len)
            memcpy(buf, e->bytes.ptr, e->bytes.len);
        return PL_OK;
    }
    if (!f->plain)
        return pl_fail(err, e->size > f->limits->config_bytes ? PL_ELIMIT : PL_EFORMAT,
                       "%.*s is not a JSON document", PL_FMT(e->name));
    for (uint64_t done = 0; done < e->size;) {
        ssize_t n = pread(f->fd, buf + done, (size_t)(e->size - done), (off_t)(e->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return pl_fail_errno(err, PL_EIO, n < 0 ? errno : EIO, "%.*s", PL_FMT(e->name));
        done += (uint64_t)n;
    }
    return PL_OK;
}

/* What the index kept is given from memory. */
static pl_rc open_captured(const struct entry *e, struct pl_stream *out, struct pl_err *err)
{
    PL_AUTO(fd) int fd = memfd_create("entry", MFD_CLOEXEC);
    pl_span left = e->bytes;
    while (fd >= 0 && left.len) {
        ssize_t n = write(fd, left.ptr, left.len);
        if (n < 0 && errno != EINTR)
            return pl_fail_errno(err, PL_EIO, errno, "cannot keep a small layer in memory");
        left = pl_span_from(left, n > 0 ? (size_t)n : 0);
    }
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot keep a small layer in memory");
    *out = (struct pl_stream){ .fd = pl_take_fd(&fd), .seekable = true, .length = e->size };
    return PL_OK;
}

struct feed_job {
    struct pl_archive_input in;
    const struct pl_limits *limits;
    int control;
};

static pl_rc run_feed(void *ctx, int answer_fd, struct pl_err *err)
{
    struct feed_job *job = ctx;
    (void)answer_fd;
    return pl_archive_feed(&job->in, job->limits, job->control, err);
}

static pl_rc open_input(struct archive_files *f, struct pl_archive_input *in, int *owned,
                        struct pl_err *err)
{
    *owned = -1;
    if (!f->opener) {
        *in = (struct pl_archive_input){ .fd = f->fd, .seekable = true, .size = f->file_size };
        return PL_OK;
    }
    pl_rc rc = f->opener->open(f->opener, owned, err);
    if (!rc)
        *in = (struct pl_archive_input){ .fd = *owned };
    return rc;
}

static pl_rc start_feeder(struct archive_files *f, struct pl_err *err)
{
    struct feed_job job = { .limits = f->limits };
    int pair[2];
    PL_AUTO(fd) int owned = -1;
    if (f->n_feeders > MAX_RESTARTS)
        return pl_fail(err, PL_ELIMIT,
                       "the compressed archive would be inflated more than %d times", MAX_RESTARTS);
    pl_rc rc = open_input(f, &job.in, &owned, err);
    if (rc)
        return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot start the archive reader");
    PL_AUTO(fd) int ours = pair[0];
    PL_AUTO(fd) int theirs = pair[1];
    PL_AUTO(free) void *room = calloc(1, sizeof(struct feeder));
    struct feeder *feeder = room;
    if (!feeder)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    job.control = theirs;
    (void)fcntl(theirs, F_SETFL, O_NONBLOCK); /* so that its replies never wait for us */
    const int keep[] = { job.in.fd, theirs };
    struct pl_child_opts o = { .name = "archive reader",
                               .tree_fd = -1,
                               .keep_fds = keep,
                               .n_keep_fds = PL_COUNT(keep),
                               .descriptors = true,
                               .cpu_s = f->limits->child_cpu_s,
                               .memory_bytes = f->limits->child_memory_bytes };
    rc = pl_child_start(&o, run_feed, &job, &feeder->child, err);
    if (rc)
        return rc;
    feeder->control = pl_take_fd(&ours);
    feeder->older = f->feeders;
    f->feeders = pl_take(room);
    f->n_feeders++;
    return PL_OK;
}

static pl_rc ask(struct feeder *feeder, uint64_t entry, int fd, struct pl_err *err)
{
    struct pl_feed_request request = { .entry = entry };
    char room[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { .iov_base = &request, .iov_len = sizeof(request) };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    if (sendmsg(feeder->control, &m, MSG_NOSIGNAL) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "the archive reader ended");
    feeder->next = entry + 1;
    return PL_OK;
}

static pl_rc open_fed(struct archive_files *f, const struct pl_file *file, struct pl_stream *out,
                      struct pl_err *err)
{
    int ends[2];
    pl_rc rc = PL_OK;
    if (!f->feeders || file->at < f->feeders->next)
        rc = start_feeder(f, err);
    if (rc)
        return rc;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot make a pipe");
    PL_AUTO(fd) int from = ends[0];
    PL_AUTO(fd) int to = ends[1];
    (void)fcntl(to, F_SETPIPE_SZ, PIPE_BYTES); /* only speed is lost when refused */
    rc = ask(f->feeders, file->at, to, err);
    if (!rc)
        *out = (struct pl_stream){ .fd = pl_take_fd(&from), .length = UINT64_MAX };
    return rc;
}

static pl_rc open_entry(struct pl_files *files, const struct pl_file *file, struct pl_stream *out,
                        struct pl_err *err)
{
    struct archive_files *f = (struct archive_files *)files;
    const struct entry *e = &f->entries[file->at];
    if (e->captured)
        return open_captured(e, out, err);
    if (!f->plain)
        return open_fed(f, file, out, err);
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%.*s", PL_FMT(e->name));
    *out = (struct pl_stream){ .fd = fd, .seekable = true, .offset = e->offset, .length = e->size };
    return PL_OK;
}

pl_rc pl_files_whole(struct pl_files *files, struct pl_stream *out, struct pl_err *err)
{
    struct archive_files *f = (struct archive_files *)files;
    if (files->is_directory || f->fd < 0)
        return pl_fail(err, PL_EUSAGE, "not a file");
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot open the archive");
    *out = (struct pl_stream){ .fd = fd, .seekable = true, .length = f->file_size };
    return PL_OK;
}

/* Collect the feeders' replies, so that they may be asked for in any order. */
static void drain(struct archive_files *f)
{
    struct pl_feed_reply reply;
    for (struct feeder *feeder = f->feeders; feeder; feeder = feeder->older)
        while (recv(feeder->control, &reply, sizeof(reply), MSG_DONTWAIT) ==
               (ssize_t)sizeof(reply)) {
            struct reply_node *node = reply.rc ? calloc(1, sizeof(*node)) : NULL;
            if (!node)
                continue;
            reply.msg[sizeof(reply.msg) - 1] = '\0';
            *node = (struct reply_node){ .reply = reply, .next = f->replies };
            f->replies = node;
        }
}

static pl_rc entry_status(struct pl_files *files, const struct pl_file *file, struct pl_err *err)
{
    struct archive_files *f = (struct archive_files *)files;
    if (f->plain)
        return PL_OK;
    drain(f);
    if (f->opener && f->opener->status && f->replies) {
        pl_rc rc = f->opener->status(f->opener, err);
        if (rc)
            return rc;
    }
    for (const struct reply_node *n = f->replies; n; n = n->next)
        if (n->reply.entry == file->at)
            return pl_fail(
                err, n->reply.rc > 0 && n->reply.rc <= PL_EUSAGE ? (pl_rc)n->reply.rc : PL_EIO,
                "%s", n->reply.msg);
    struct pollfd p = { .fd = f->feeders ? f->feeders->control : -1 };
    if (f->feeders && poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR))) {
        pl_rc rc = f->feeders->child.pid > 0 ? pl_child_wait(&f->feeders->child, err) : PL_OK;
        return rc ? rc : pl_fail(err, PL_EIO, "the archive reader ended early");
    }
    return PL_OK;
}

static void close_archive(struct pl_files *files)
{
    struct archive_files *f = (struct archive_files *)files;
    while (f->feeders) {
        struct feeder *feeder = f->feeders;
        f->feeders = feeder->older;
        pl_close_fd(feeder->control);
        pl_child_kill(&feeder->child);
        free(feeder);
    }
    while (f->replies) {
        struct reply_node *node = f->replies;
        f->replies = node->next;
        free(node);
    }
    if (f->opener)
        f->opener->close(f->opener);
    pl_close_fd(f->fd);
    pl_map_done(&f->by_name);
    pl_buf_done(&f->answer);
    free(f->entries);
    free(f);
}

static const struct pl_files_ops archive_ops = { .find = find,
                                                 .read = read_entry,
                                                 .open = open_entry,
                                                 .status = entry_status,
                                                 .close = close_archive };

/* ---- opening ---- */

static pl_rc new_archive(const struct pl_limits *limits, struct archive_files **out,
                         struct pl_err *err)
{
    struct archive_files *f = calloc(1, sizeof(*f));
    if (!f)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    f->base.ops = &archive_ops;
    f->fd = -1;
    f->own_limits = *limits;
    f->limits = &f->own_limits;
    *out = f;
    return PL_OK;
}

pl_rc pl_archive_index_parse(pl_span answer, const struct pl_limits *limits, struct pl_files **out,
                             struct pl_err *err)
{
    struct archive_files *f;
    pl_rc rc = new_archive(limits, &f, err);
    if (rc)
        return rc;
    pl_buf_add(&f->answer, answer);
    rc = f->answer.failed ? pl_fail(err, PL_ENOMEM, "out of memory") : parse_index(f, err);
    if (rc)
        close_archive(&f->base);
    else
        *out = &f->base;
    return rc;
}

struct index_job {
    struct pl_archive_input in;
    const struct pl_limits *limits;
};

static pl_rc run_index(void *ctx, int answer_fd, struct pl_err *err)
{
    struct index_job *job = ctx;
    struct pl_buf answer = { 0 };
    pl_archive_index(&job->in, job->limits, answer_fd, &answer);
    bool failed = answer.failed;
    pl_buf_done(&answer);
    return failed ? pl_fail(err, PL_ENOMEM, "out of memory") : PL_OK;
}

/* The answer pipe does not block: wait, read, until its end. */
static pl_rc read_answer(struct archive_files *f, int fd, struct pl_err *err)
{
    f->answer.ceiling = f->limits->layer_report_bytes;
    for (;;) {
        if (!pl_buf_reserve(&f->answer, 64 << 10))
            return pl_fail(err, PL_ELIMIT, "the archive's index is larger than %zu bytes",
                           f->answer.ceiling);
        ssize_t n = read(fd, f->answer.ptr + f->answer.len, 64 << 10);
        if (n == 0)
            return PL_OK;
        if (n > 0)
            f->answer.len += (size_t)n;
        else if (errno == EAGAIN)
            (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
        else if (errno != EINTR)
            return pl_fail_errno(err, PL_EIO, errno, "cannot read the archive's index");
    }
}

static pl_rc make_index(struct archive_files *f, struct pl_err *err)
{
    struct index_job job = { .limits = f->limits };
    struct pl_child child;
    PL_AUTO(fd) int owned = -1;
    pl_rc rc = open_input(f, &job.in, &owned, err);
    if (rc)
        return rc;
    struct pl_child_opts o = { .name = "archive reader",
                               .tree_fd = -1,
                               .keep_fds = &job.in.fd,
                               .n_keep_fds = 1,
                               .cpu_s = f->limits->child_cpu_s,
                               .memory_bytes = f->limits->child_memory_bytes };
    rc = pl_child_start(&o, run_index, &job, &child, err);
    if (rc)
        return rc;
    rc = read_answer(f, child.out, err);
    if (rc)
        pl_child_kill(&child);
    else
        rc = pl_child_wait(&child, err);
    if (!rc)
        rc = parse_index(f, err);
    f->base.ordered = !f->plain;
    /* An engine that fell silent is why its archive ends early. */
    if ((rc || f->base.damage) && f->opener && f->opener->status) {
        pl_rc why = f->opener->status(f->opener, err);
        rc = why ? why : rc;
    }
    return rc;
}

pl_rc pl_archive_file(int *fd, const struct pl_limits *limits, struct pl_files **out,
                      struct pl_err *err)
{
    struct archive_files *f;
    struct stat st;
    if (fstat(*fd, &st) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot read");
    if (st.st_size == 0)
        return pl_fail(err, PL_EFORMAT, "is empty");
    pl_rc rc = new_archive(limits, &f, err);
    if (rc)
        return rc;
    f->fd = *fd;
    f->file_size = (uint64_t)st.st_size;
    rc = make_index(f, err);
    if (rc) {
        f->fd = -1; /* still the caller's */
        close_archive(&f->base);
        return rc;
    }
    *fd = -1;
    *out = &f->base;
    return PL_OK;
}

pl_rc pl_archive_stream(struct pl_opener *opener, const struct pl_limits *limits,
                        struct pl_files **out, struct pl_err *err)
{
    struct archive_files *f;
    pl_rc rc = new_archive(limits, &f, err);
    if (rc)
        return rc;
    f->opener = opener;
    rc = make_index(f, err);
    if (rc) {
        f->opener = NULL;
        close_archive(&f->base);
        return rc;
    }
    *out = &f->base;
    return PL_OK;
}
