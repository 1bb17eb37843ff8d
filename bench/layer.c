/* layer.c - the layer pass over the same files as limit.c, two at a time, with no analyzer: what
 * sandbox, tar and report cost above the limit. Prints the seconds, then a line per layer. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "scan/layer_pass.h"

enum { AT_ONCE = 2, MAX_LAYERS = 64 };

static size_t nothing(pl_span path, const struct pl_analyzer **out, size_t max)
{
    (void)path, (void)out, (void)max;
    return 0;
}

static struct pl_layer_pass passes[MAX_LAYERS];
static struct pl_layer_job jobs[MAX_LAYERS];
static bool running[MAX_LAYERS];

static bool start(int i, const char *path)
{
    struct pl_err err = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    jobs[i] = (struct pl_layer_job){
        .name = path,
        .stream = { .fd = fd, .seekable = true, .length = UINT64_MAX },
        .tree_fd = -1,
        .limits = &PL_LIMITS,
        .analyzers_for = nothing,
    };
    if (fd < 0 || pl_layer_pass_start(&jobs[i], &passes[i], &err)) {
        fprintf(stderr, "%s: %s\n", path, fd < 0 ? "cannot be opened" : err.msg);
        return false;
    }
    return running[i] = true;
}

/* Wait for any running pass; how many ended. */
static int wait_any(int n)
{
    struct pollfd p[MAX_LAYERS];
    int which[MAX_LAYERS], n_p = 0, ended = 0;
    for (int i = 0; i < n; i++)
        if (running[i]) {
            p[n_p] = (struct pollfd){ .fd = passes[i].child.out, .events = POLLIN };
            which[n_p++] = i;
        }
    poll(p, (nfds_t)n_p, -1);
    for (int k = 0; k < n_p; k++) {
        bool over = false;
        struct pl_err err = { 0 };
        struct pl_layer_pass *pass = &passes[which[k]];
        pl_rc rc = p[k].revents ? pl_layer_pass_read(pass, &over, &err) : PL_OK;
        if (!rc && over)
            rc = pl_layer_pass_finish(pass, &err);
        if (rc)
            fprintf(stderr, "%s\n", err.msg);
        if (over || rc) {
            running[which[k]] = false;
            ended++;
        }
    }
    return ended;
}

static void show(int i)
{
    struct pl_arena a;
    struct pl_layer_report r = { 0 };
    struct pl_err err = { 0 };
    pl_arena_init(&a, 1 << 30);
    if (pl_layer_report_decode(pl_buf_span(&passes[i].answer), &PL_LIMITS, &a, &r, &err))
        printf("%s: %s\n", jobs[i].name, err.msg);
    else
        printf("%s %s %s, %zu entries, %zu gaps, report of %zu bytes, sandbox: %s\n", jobs[i].name,
               r.totals.digest.text, r.totals.diff_id.text, r.n_entries, r.n_gaps,
               passes[i].answer.len, pl_sandbox_text(passes[i].sandbox));
    pl_arena_done(&a);
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    int n = argc - 1, started = 0, live = 0;
    if (n < 1 || n > MAX_LAYERS) {
        fputs("usage: layer LAYER.tar.gz...\n", stderr);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    while (started < n || live > 0) {
        while (live < AT_ONCE && started < n) {
            if (!start(started, argv[started + 1]))
                return 1;
            started++, live++;
        }
        live -= wait_any(started);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    for (int i = 0; i < n; i++)
        show(i);
    return 0;
}
