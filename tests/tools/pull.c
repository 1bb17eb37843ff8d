/* pull.c - open a target of the docker transport and read every layer, all at once, as a scan
 * does; print what came. Driven by tests/e2e/registry.py.
 *
 *   pull [--insecure] [--authfile F] [--timeout S] [--stall S] [--platform P] REFERENCE
 *
 * Exit 0: all layers whole and with the right digests; 3: the image did not open (one line on
 * standard error); 4: some layer did not come (one line each). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/source.h"

extern const struct pl_transport pl_transport_docker;

struct reading {
    struct pl_stream stream;
    struct pl_hasher *hasher;
    uint64_t bytes;
    bool open;
};

static void event(void *ctx, enum pl_level level, const char *text)
{
    (void)ctx;
    if (level != PL_LOG_DEBUG)
        fprintf(stderr, "log: %s\n", text);
}

static void read_some(struct reading *r)
{
    static char chunk[1 << 20];
    ssize_t n = read(r->stream.fd, chunk, sizeof(chunk));
    if (n > 0) {
        pl_hasher_add(r->hasher, pl_span_of(chunk, (size_t)n));
        r->bytes += (uint64_t)n;
    } else if (n == 0 || errno != EINTR) {
        close(r->stream.fd);
        r->open = false;
    }
}

static void read_all(struct reading *all, size_t n)
{
    struct pollfd *fds = calloc(n, sizeof(*fds));
    for (bool any = true; fds && any;) {
        any = false;
        for (size_t i = 0; i < n; i++) {
            fds[i] = (struct pollfd){ .fd = all[i].open ? all[i].stream.fd : -1, .events = POLLIN };
            any = any || all[i].open;
        }
        if (!any || poll(fds, n, -1) < 0)
            continue;
        for (size_t i = 0; i < n; i++)
            if (all[i].open && fds[i].revents)
                read_some(&all[i]);
    }
    free(fds);
}

static int check(struct pl_source *s, struct reading *all)
{
    int status = 0;
    struct pl_err err;
    for (unsigned i = 0; i < s->image->n_layers; i++) {
        const struct pl_layer *l = &s->image->layers[i];
        pl_digest is = { 0 };
        if (!all[i].hasher) {
            printf("layer %u %s\n", i, l->empty ? "empty" : l->unreadable ? l->unreadable : "?");
            continue;
        }
        pl_hasher_finish(all[i].hasher, &is);
        pl_hasher_free(all[i].hasher);
        bool good = pl_digest_eq(&is, &l->digest);
        printf("layer %u %s %llu\n", i, good ? "good" : "bad", (unsigned long long)all[i].bytes);
        if (good)
            continue;
        status = 4;
        if (s->ops->layer_status(s, i, &err))
            fprintf(stderr, "layer %s: %s\n", l->digest.text, err.msg);
        else
            fprintf(stderr, "layer %s: bytes hash to %s\n", l->digest.text, is.text);
    }
    return status;
}

/* Without pl_source_close(): that one knows every transport. */
static void end_source(struct pl_source *s) { s->ops->close(s); }
PL_AUTO_DEFINE(pulled, struct pl_source *, end_source)

static int pull(const char *target, struct pl_source_opts *o)
{
    PL_AUTO(pulled) struct pl_source *s = NULL;
    struct pl_err err = { 0 };
    if (pl_transport_docker.open(target, o, &s, &err)) {
        fprintf(stderr, "%s: %s\n", target, err.msg);
        return 3;
    }
    printf("image %s %s %.*s/%.*s\n", s->image->digest.text, s->image->image_id.text,
           PL_FMT(s->image->os), PL_FMT(s->image->architecture));
    struct reading *all = calloc(s->image->n_layers + 1, sizeof(*all));
    for (unsigned i = 0; all && i < s->image->n_layers; i++) {
        const struct pl_layer *l = &s->image->layers[i];
        if (l->empty || l->unreadable)
            continue;
        if (pl_hasher_new(PL_LIT("sha256"), &all[i].hasher, &err) ||
            s->ops->layer_open(s, i, &all[i].stream, &err)) {
            fprintf(stderr, "layer %u: %s\n", i, err.msg);
            exit(4);
        }
        all[i].open = true;
    }
    if (!all)
        return 4;
    read_all(all, s->image->n_layers);
    int status = check(s, all);
    free(all);
    return status;
}

int main(int argc, char **argv)
{
    struct pl_arena arena;
    struct pl_log log = { .event = event };
    struct pl_limits limits = PL_LIMITS;
    struct pl_source_opts o = { .limits = &limits, .log = &log, .arena = &arena };
    const char *target = NULL;
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--insecure"))
            o.insecure = true;
        else if (!strcmp(argv[i], "--authfile") && i++)
            o.authfile = next;
        else if (!strcmp(argv[i], "--timeout") && i++)
            o.timeout_s = (unsigned)atoi(next);
        else if (!strcmp(argv[i], "--stall") && i++)
            limits.stall_s = limits.connect_s = (unsigned)atoi(next);
        else if (!strcmp(argv[i], "--platform") && i++)
            o.platform = next;
        else
            target = argv[i];
    }
    if (!target)
        return 2;
    pl_arena_init(&arena, 64 * PL_MIB);
    int status = pull(target, &o);
    pl_arena_done(&arena);
    return status;
}
