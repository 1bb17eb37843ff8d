#include "base/child.h"
#include "base/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"

/* Written by a process that parses hostile bytes: the parent believes none of it. */
struct pl_child_note {
    _Atomic unsigned sandbox;
    _Atomic bool failed;
    struct pl_err err;
};

enum { EXIT_SAID = 1, MAX_KEPT = 16, STACK_BYTES = 8 << 20 };

/* ---- the child's side ---- */

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static bool kept(const int *keep, size_t n, int fd)
{
    for (size_t i = 0; i < n; i++)
        if (keep[i] == fd)
            return true;
    return false;
}

/* Standard streams that nobody asked for lead nowhere; sanitizers speak on standard error. */
static void quiet_standard_streams(const int *keep, size_t n)
{
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd <= (SANITIZED ? 1 : 2); fd++)
        if (fd != null && !kept(keep, n, fd))
            dup2(null, fd);
    if (null > 2)
        close(null);
}

static void close_others(const struct pl_child_opts *o, int answer)
{
    int keep[MAX_KEPT + 5] = { 0, 1, 2, answer };
    size_t n = 4;
    if (o->tree_fd >= 0)
        keep[n++] = o->tree_fd;
    for (size_t i = 0; i < o->n_keep_fds && i < MAX_KEPT; i++)
        keep[n++] = o->keep_fds[i];
    quiet_standard_streams(keep + 3, n - 3);
    qsort(keep, n, sizeof(keep[0]), by_number);
    for (size_t i = 0; i < n; i++) {
        unsigned from = (unsigned)keep[i] + 1;
        unsigned to = i + 1 < n ? (unsigned)keep[i + 1] : ~0u;
        if (i + 1 == n)
            close_range(from, ~0u, 0);
        else if (to > from)
            close_range(from, to - 1, 0);
    }
}

/* What RLIMIT_DATA counts already: private writable memory, proc(5) statm, sixth number. */
static uint64_t data_bytes_now(void)
{
    PL_AUTO(file) FILE *f = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes it */
    if (!f || fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
        return 64 * PL_MIB;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void set_limit(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
    struct rlimit now, want = { .rlim_cur = soft, .rlim_max = hard };
    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && want.rlim_max > now.rlim_max)
        want.rlim_max = now.rlim_max;
    if (want.rlim_cur > want.rlim_max)
        want.rlim_cur = want.rlim_max;
    setrlimit(what, &want);
}

static void set_limits(const struct pl_child_opts *o)
{
    set_limit(RLIMIT_CORE, 0, 0);
    set_limit(RLIMIT_STACK, STACK_BYTES, STACK_BYTES);
    if (o->cpu_s) /* SIGXCPU at the soft limit tells why; SIGKILL a second later makes sure */
        set_limit(RLIMIT_CPU, o->cpu_s, (uint64_t)o->cpu_s + 1);
    if (o->memory_bytes) {
        uint64_t ceiling = data_bytes_now() + o->memory_bytes;
        set_limit(RLIMIT_DATA, ceiling, ceiling);
    }
    set_limit(RLIMIT_FSIZE, 0, 0);
}

static void default_signals(void)
{
    static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGXCPU, SIGCHLD, SIGUSR1, SIGUSR2 };
    sigset_t none;
    for (size_t i = 0; i < PL_COUNT(numbers); i++)
        signal(numbers[i], SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static struct pl_sandbox_opts sandbox_of(const struct pl_child_opts *o)
{
    return (struct pl_sandbox_opts){ .tree_fd = o->tree_fd,
                                     .threads = o->threads,
                                     .descriptors = o->descriptors };
}

static _Noreturn void run_child(const struct pl_child_opts *o, pl_child_fn fn, void *ctx,
                                int answer, struct pl_child_note *note, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
    default_signals();
    close_others(o, answer);
    mallopt(M_ARENA_MAX, 1);
    set_limits(o);
    if (!SANITIZED)
        prctl(PR_SET_DUMPABLE, 0);
    struct pl_sandbox_opts sandbox = sandbox_of(o);
    note->sandbox = pl_sandbox_enter(&sandbox);

    struct pl_err err = { 0 };
    pl_rc rc = fn(ctx, answer, &err);
    if (!rc)
        _exit(0);
    err.rc = rc;
    note->err = err;
    note->failed = true;
    _exit(EXIT_SAID);
}

/* ---- the parent's side ---- */

static void forget(struct pl_child *c)
{
    if (c->note)
        munmap(c->note, sizeof(*c->note));
    c->note = NULL;
    pl_close_fd(c->out);
    c->out = -1;
    c->pid = 0;
}

static pl_rc launch(const struct pl_child_opts *o, pl_child_fn fn, void *ctx, const int pipe_fds[2],
                    struct pl_child_note *note, struct pl_child *out, struct pl_err *err)
{
    struct pl_sandbox_opts sandbox = sandbox_of(o);
    pl_sandbox_prepare(&sandbox);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(o, fn, ctx, pipe_fds[1], note, parent);
    if (pid < 0)
        return pl_fail_errno(err, PL_EIO, errno, "%s: cannot start a process", o->name);
    *out = (struct pl_child){ .pid = pid,
                              .out = pipe_fds[0],
                              .note = note,
                              .memory_bytes = o->memory_bytes,
                              .cpu_s = o->cpu_s };
    snprintf(out->name, sizeof(out->name), "%s", o->name ? o->name : "child");
    return PL_OK;
}

pl_rc pl_child_start(const struct pl_child_opts *o, pl_child_fn fn, void *ctx, struct pl_child *out,
                     struct pl_err *err)
{
    int fds[2];
    if (o->n_keep_fds > MAX_KEPT)
        return pl_fail(err, PL_EUSAGE, "%s: too many descriptors to keep", o->name);
    struct pl_child_note *note =
        mmap(NULL, sizeof(*note), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (note == MAP_FAILED)
        return pl_fail_errno(err, PL_ENOMEM, errno, "%s: no memory", o->name);
    if (pipe2(fds, O_CLOEXEC) < 0) {
        pl_fail_errno(err, PL_EIO, errno, "%s: no pipe", o->name);
        munmap(note, sizeof(*note));
        return PL_EIO;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[0], F_SETPIPE_SZ, 1 << 20); /* fewer wake-ups; a refusal costs only those */
    pl_rc rc = launch(o, fn, ctx, fds, note, out, err);
    close(fds[1]);
    if (rc) {
        close(fds[0]);
        munmap(note, sizeof(*note));
    }
    return rc;
}

static pl_rc too_much_memory(const struct pl_child *c, struct pl_err *err)
{
    if (!c->memory_bytes)
        return pl_fail(err, PL_ENOMEM, "%s: out of memory", c->name);
    return pl_fail(err, PL_ELIMIT, "%s: needed more than %" PRIu64 " MiB", c->name,
                   c->memory_bytes / PL_MIB);
}

static pl_rc what_it_said(const struct pl_child *c, struct pl_err *err)
{
    struct pl_err said;
    memcpy(&said, &c->note->err, sizeof(said));
    said.msg[sizeof(said.msg) - 1] = '\0';
    if (said.rc == PL_ENOMEM)
        return too_much_memory(c, err);
    pl_rc rc = said.rc > PL_OK && said.rc <= PL_EUSAGE ? said.rc : PL_EIO;
    return pl_fail(err, rc, "%s", said.msg[0] ? said.msg : pl_rc_text(rc));
}

static pl_rc how_it_ended(const struct pl_child *c, int status, struct pl_err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return PL_OK;
    if (WIFEXITED(status)) {
        if (WEXITSTATUS(status) == EXIT_SAID && c->note->failed)
            return what_it_said(c, err);
        return pl_fail(err, PL_EIO, "%s: crashed (status %d)", c->name, WEXITSTATUS(status));
    }
    int sig = WTERMSIG(status);
    if (sig == SIGXCPU)
        return pl_fail(err, PL_ELIMIT, "%s: took more than %u s of CPU", c->name, c->cpu_s);
    return pl_fail(err, PL_EIO, "%s: crashed (signal %d)", c->name, sig);
}

pl_rc pl_child_wait(struct pl_child *c, struct pl_err *err)
{
    int status;
    pid_t got;
    if (c->pid <= 0)
        return pl_fail(err, PL_EUSAGE, "%s: already ended", c->name);
    pl_close_fd(pl_take_fd(&c->out)); /* one that still writes is told so */
    do
        got = waitpid(c->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    pl_rc rc = got < 0 ? pl_fail_errno(err, PL_EIO, errno, "%s: cannot be waited for", c->name)
                       : how_it_ended(c, status, err);
    forget(c);
    return rc;
}

void pl_child_kill(struct pl_child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        forget(c);
    }
}

unsigned pl_child_sandbox(const struct pl_child *c) { return c->note ? c->note->sandbox : 0; }
