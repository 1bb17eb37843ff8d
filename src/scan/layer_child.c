/* The layer pass in a process of its own. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/walk.h"
#include "scan/layer_pass.h"

enum { READ_BYTES = 64 << 10 };

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
    /* libarchive makes local times of those in zip entries; with a zone set, mktime() need not ask
     * for /etc/localtime each time, which the sandbox refuses anyway. */
    setenv("TZ", "UTC0", 1);
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
    for (size_t i = 0; i < job->n_rows; i++)
        if (job->rows[i]->prepare)
            job->rows[i]->prepare();
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
