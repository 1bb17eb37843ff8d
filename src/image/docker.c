/* docker.c - images in a registry: docker://REFERENCE.
 *
 * Manifest and configuration are fetched by the caller's process. Each layer that is opened gets a
 * process of its own that downloads into a pipe, so that layers come in parallel and a slow one
 * holds up nobody. How a download ended is told over a second pipe.
 * Spec: OCI distribution-spec; image-spec manifest.md, image-index.md. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/registry_client.h"
#include "image/source.h"
#include "model/report.h"

enum { PIPE_BYTES = 1 << 20 /* the most that an unprivileged process may have */ };

struct fetcher {
    pid_t pid;     /* 0: none */
    int status_fd; /* its last words */
};

struct docker {
    struct pl_source source;
    struct pl_registry registry;
    const struct pl_limits *limits;
    struct fetcher *fetchers; /* one place per layer */
};

/* ---- the downloading process ---- */

/* It parses what a server sends and holds credentials: let it at least write no file. */
static void drop_file_writes(void)
{
    struct rlimit none = { 0, 0 };
    struct landlock_ruleset_attr attr = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                             LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                             LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
                             LANDLOCK_ACCESS_FS_EXECUTE,
    };
    setrlimit(RLIMIT_FSIZE, &none);
    setrlimit(RLIMIT_CORE, &none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (fd < 0) /* a kernel without it; the limits above still hold */
        return;
    syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
}

/* Other layers' pipes must not stay open here: their readers would wait for an end that never
 * comes. */
static void close_others(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;
    if (low > 3)
        close_range(3, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0U, 0);
}

_Noreturn static void be_fetcher(struct docker *d, const struct pl_layer *l, int data, int status,
                                 pid_t parent)
{
    struct pl_err err = { 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    close_others(data, status);
    drop_file_writes();
    pl_rc rc =
        pl_registry_download(&d->registry, &l->digest, l->size ? l->size : UINT64_MAX, data, &err);
    err.rc = rc;
    if (write(status, &err, sizeof(err)) < 0) /* nobody listens: then nobody needs to know */
        _exit(1);
    close(data); /* after the words, so that who sees the end can read why */
    _exit(rc ? 1 : 0);
}

static void end_fetcher(struct fetcher *f)
{
    int status;
    if (f->pid <= 0)
        return;
    kill(f->pid, SIGKILL);
    while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
        ;
    pl_close_fd(f->status_fd);
    *f = (struct fetcher){ .status_fd = -1 };
}

static pl_rc layer_open(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err)
{
    struct docker *d = (struct docker *)s;
    if (index >= s->image->n_layers || !pl_digest_set(&s->image->layers[index].digest))
        return pl_fail(err, PL_EUSAGE, "there is no layer %u to be read", index);
    struct fetcher *f = &d->fetchers[index];
    int data[2], status[2];
    end_fetcher(f);
    if (pipe2(data, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "pipe");
    PL_AUTO(fd) int data_r = data[0];
    PL_AUTO(fd) int data_w = data[1];
    if (pipe2(status, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "pipe");
    PL_AUTO(fd) int status_r = status[0];
    PL_AUTO(fd) int status_w = status[1];
    (void)fcntl(data_w, F_SETPIPE_SZ, PIPE_BYTES); /* smaller is slower, no more */
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return pl_fail_errno(err, PL_EIO, errno, "fork");
    if (pid == 0)
        be_fetcher(d, &s->image->layers[index], data_w, status_w, parent);
    *f = (struct fetcher){ .pid = pid, .status_fd = pl_take_fd(&status_r) };
    *out = (struct pl_stream){ .fd = pl_take_fd(&data_r), .length = UINT64_MAX };
    return PL_OK;
}

static pl_rc layer_status(struct pl_source *s, unsigned index, struct pl_err *err)
{
    struct docker *d = (struct docker *)s;
    struct pl_err said = { 0 };
    if (index >= s->image->n_layers || d->fetchers[index].pid <= 0)
        return PL_OK;
    struct pollfd p = { .fd = d->fetchers[index].status_fd, .events = POLLIN };
    if (poll(&p, 1, 100) <= 0) /* still at work: the reader stopped, not the download */
        return PL_OK;
    ssize_t n = read(p.fd, &said, sizeof(said));
    if (n == 0)
        return pl_fail(err, PL_EIO, "the download crashed");
    if (n != (ssize_t)sizeof(said) || said.rc == PL_OK)
        return PL_OK;
    said.msg[sizeof(said.msg) - 1] = '\0';
    return pl_fail(err, said.rc, "%s", said.msg);
}

static void close_docker(struct pl_source *s)
{
    struct docker *d = (struct docker *)s;
    for (size_t i = 0; d->fetchers && s->image && i < s->image->n_layers; i++)
        end_fetcher(&d->fetchers[i]);
    free(d->fetchers);
    pl_registry_done(&d->registry);
    free(d);
}
static void close_half(struct docker *d) { close_docker(&d->source); }
PL_AUTO_DEFINE(docker, struct docker *, close_half)

static const struct pl_source_ops ops = { .layer_open = layer_open,
                                          .layer_status = layer_status,
                                          .close = close_docker };

/* ---- opening ---- */

static pl_rc not_a_manifest(const struct pl_registry_document *doc, struct pl_err *err)
{
    char start[201];
    size_t n = 0;
    pl_span s = pl_span_sub(pl_span_trim(doc->bytes), 0, 200);
    for (size_t i = 0; i < s.len; i++)
        start[n++] = s.ptr[i] >= ' ' && s.ptr[i] < 0x7f ? s.ptr[i] : ' ';
    start[n] = '\0';
    return pl_fail(err, PL_EFORMAT, "the answer (%.*s) is no image manifest: %s",
                   doc->media_type.len ? (int)doc->media_type.len : 7,
                   doc->media_type.len ? doc->media_type.ptr : "no type", start);
}

/* From the named document through indexes down to an image manifest. */
static pl_rc find_manifest(struct docker *d, const char *platform, struct pl_registry_document *out,
                           struct pl_err *err)
{
    struct pl_registry_document doc;
    struct pl_registry *r = &d->registry;
    pl_rc rc = pl_registry_manifest(r, pl_reference_target(&r->reference), &doc, err);
    for (size_t depth = 0; !rc; depth++) {
        const char *kind = pl_document_kind(doc.media_type, doc.bytes);
        if (kind && !strcmp(kind, "schema1"))
            return pl_fail(err, PL_EFORMAT,
                           "the registry has this image in the retired manifest form (schema 1) "
                           "only: push it anew with a present-day client, or copy it with \"skopeo "
                           "copy --format v2s2\"");
        if (kind && !strcmp(kind, "manifest")) {
            *out = doc;
            return PL_OK;
        }
        if (!kind || strcmp(kind, "index") != 0)
            return not_a_manifest(&doc, err);
        struct pl_descriptor child;
        if (depth >= d->limits->index_depth)
            return pl_fail(err, PL_ELIMIT, "index within index, more than %zu deep",
                           d->limits->index_depth);
        rc = pl_index_choose(doc.bytes, platform, r->auth.arena, &child, err);
        if (!rc)
            rc = pl_registry_manifest(r, child.digest.text, &doc, err);
        if (!rc && child.size && child.size != doc.bytes.len)
            rc = pl_fail(err, PL_EDIGEST, "manifest %s has %zu bytes, its index says %llu",
                         child.digest.text, doc.bytes.len, (unsigned long long)child.size);
    }
    return rc;
}

static bool is_foreign(const struct pl_layer *l)
{
    return pl_span_find(l->media_type, PL_LIT("foreign")) != SIZE_MAX ||
           pl_span_find(l->media_type, PL_LIT("nondistributable")) != SIZE_MAX;
}

/* Windows base layers live at the maker's addresses, which we do not ask: an image would choose
 * whom we connect to. Many registries hold a copy all the same. */
static pl_rc look_for_foreign(struct docker *d, struct pl_image *image, struct pl_err *err)
{
    for (size_t i = 0; i < image->n_layers; i++) {
        struct pl_layer *l = &image->layers[i];
        PL_AUTO(http_response) struct pl_http_response a = { 0 };
        if (l->empty || !is_foreign(l) || !pl_digest_set(&l->digest))
            continue;
        pl_rc rc =
            pl_registry_ask(&d->registry, "HEAD", "blobs", l->digest.text, NULL, 0, 0, &a, err);
        if (rc && pl_http_cause(d->registry.http) != PL_HTTP_FINE)
            return rc;
        l->unreadable = !rc && a.status == 200 ? NULL : "foreign";
    }
    return PL_OK;
}

static pl_rc read_image(struct docker *d, const char *rest, const struct pl_source_opts *o,
                        struct pl_err *err)
{
    struct pl_registry_document manifest = { 0 };
    pl_digest config_digest = { 0 };
    pl_span config = { 0 };
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    if (!image || !pl_arena_copy(o->arena, pl_span_str(rest), &image->reference))
        return pl_fail(err, PL_ELIMIT, "out of room for the image");
    image->transport = PL_LIT("docker");
    image->gaps = PL_VEC(struct pl_gap);
    pl_rc rc = find_manifest(d, o->platform, &manifest, err);
    if (rc)
        return rc;
    image->digest = manifest.digest;
    image->manifest_json = manifest.bytes;
    rc = pl_manifest_parse(manifest.bytes, manifest.media_type, d->limits, o->arena, image,
                           &config_digest, err);
    if (!rc)
        rc = look_for_foreign(d, image, err); /* the next step makes gaps of what is unreadable */
    if (!rc && pl_digest_set(&config_digest)) {
        rc = pl_registry_blob(&d->registry, &config_digest, d->limits->config_bytes, &config, err);
        if (!rc)
            rc = pl_config_parse(config, d->limits, o->arena, image, err);
        if (rc) {
            pl_wrap(err, "configuration %s", config_digest.text);
            return rc;
        }
    }
    d->source.image = image;
    return rc;
}

static pl_rc open_docker(const char *rest, const struct pl_source_opts *o, struct pl_source **out,
                         struct pl_err *err)
{
    struct pl_reference reference;
    PL_AUTO(docker) struct docker *d = calloc(1, sizeof(*d));
    if (!d)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (!strncmp(rest, "//", 2))
        rest += 2;
    d->source.ops = &ops;
    d->source.rootfs_fd = -1;
    d->limits = o->limits ? o->limits : &PL_LIMITS;
    struct pl_registry_opts ro = { .authfile = o->authfile,
                                   .insecure = o->insecure,
                                   .timeout_s = o->timeout_s,
                                   .limits = d->limits,
                                   .log = o->log,
                                   .arena = o->arena };
    pl_rc rc = pl_reference_parse(pl_span_str(rest), &reference, err);
    if (!rc)
        rc = pl_registry_init(&d->registry, &reference, &ro, err);
    if (!rc)
        rc = read_image(d, rest, o, err);
    if (rc)
        return rc;
    d->fetchers = calloc(d->source.image->n_layers + 1, sizeof(*d->fetchers));
    if (!d->fetchers)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    *out = &pl_take(d)->source;
    return PL_OK;
}

const struct pl_transport pl_transport_docker = {
    .name = "docker",
    .what = "an image in a registry",
    .syntax = "docker://REFERENCE",
    .spec = "OCI distribution-spec 1.1",
    .open = open_docker,
};
