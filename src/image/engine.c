/* engine.c - asking a local container engine. Spec: Docker Engine API; dockerd(8) for the places
 * of its socket, podman-system-service(1) for podman's. */
#include "image/engine.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

PL_AUTO_DEFINE(curl, CURL *, curl_easy_cleanup)

/* ---- where ---- */

/* 0, or why not. */
static int try_socket(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    PL_AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof(a.sun_path))
        return ENAMETOOLONG;
    memcpy(a.sun_path, path, strlen(path));
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
        return errno;
    return 0;
}

static pl_rc socket_failure(const char *path, int why, struct pl_err *err)
{
    if (why == EACCES || why == EPERM)
        return pl_fail(err, PL_EAUTH,
                       "%s: permission denied; be root, or a member of the socket's group "
                       "(docker), or name another by DOCKER_HOST",
                       path);
    return pl_fail(err, PL_EABSENT,
                   "%s: %s; is the container engine running? DOCKER_HOST=unix:///PATH names "
                   "another socket",
                   path, why == ECONNREFUSED ? "nobody answers there" : "no such socket");
}

static pl_rc use_socket(const char *path, struct pl_engine *e, struct pl_err *err)
{
    int why = try_socket(path);
    if (why)
        return socket_failure(path, why, err);
    snprintf(e->socket, sizeof(e->socket), "%s", path);
    snprintf(e->url, sizeof(e->url), "http://docker");
    return PL_OK;
}

static pl_rc use_host(const char *host, struct pl_engine *e, struct pl_err *err)
{
    const char *certs = getenv("DOCKER_CERT_PATH"), *verify = getenv("DOCKER_TLS_VERIFY");
    if (!strncmp(host, "unix://", 7))
        return use_socket(host + 7, e, err);
    bool tls = (verify && *verify) || !strncmp(host, "https://", 8);
    const char *rest = strstr(host, "://");
    if (rest && strncmp(host, "tcp://", 6) != 0 && strncmp(host, "http://", 7) != 0 &&
        strncmp(host, "https://", 8) != 0)
        return pl_fail(err, PL_EUSAGE, "DOCKER_HOST=%s: only unix:// and tcp:// are spoken", host);
    rest = rest ? rest + 3 : host;
    snprintf(e->url, sizeof(e->url), "%s://%s", tls ? "https" : "http", rest);
    size_t n = strlen(e->url);
    if (n && e->url[n - 1] == '/')
        e->url[n - 1] = '\0';
    if (tls && certs && *certs)
        snprintf(e->cert_dir, sizeof(e->cert_dir), "%s", certs);
    return PL_OK;
}

static pl_rc use_usual_places(struct pl_engine *e, struct pl_err *err)
{
    char rootless[200], podman[200];
    const char *run = getenv("XDG_RUNTIME_DIR");
    snprintf(rootless, sizeof(rootless), "%s/docker.sock", run ? run : "");
    snprintf(podman, sizeof(podman), "%s/podman/podman.sock", run ? run : "");
    const char *places[] = { "/var/run/docker.sock", run ? rootless : NULL, run ? podman : NULL,
                             "/run/podman/podman.sock" };
    int worst = ENOENT;
    const char *at = places[0];
    for (size_t i = 0; i < PL_COUNT(places); i++) {
        int why = places[i] ? try_socket(places[i]) : ENOENT;
        if (why == 0)
            return use_socket(places[i], e, err);
        if (worst == ENOENT && why != ENOENT) {
            worst = why;
            at = places[i];
        }
    }
    return socket_failure(at, worst, err);
}

pl_rc pl_engine_find(const struct pl_source_opts *o, struct pl_engine *out, struct pl_err *err)
{
    struct pl_engine e = { .insecure = o->insecure,
                           .timeout_s = o->timeout_s,
                           .connect_s = o->limits->connect_s,
                           .stall_s = o->limits->stall_s };
    const char *host = getenv("DOCKER_HOST");
    pl_rc rc = host && *host ? use_host(host, &e, err) : use_usual_places(&e, err);
    if (!rc)
        *out = e;
    return rc;
}

/* ---- requests ---- */

enum { MESSAGE_BYTES = 2000 };

struct answer {
    CURL *curl;
    struct pl_buf *into; /* NULL: to fd */
    int fd;
    size_t max;
    bool too_long;
    int write_errno;
    struct pl_buf message; /* the body of a refusal */
};

static size_t take(char *bytes, size_t size, size_t n, void *ctx)
{
    struct answer *a = ctx;
    long status = 0;
    n *= size;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300) {
        size_t room = MESSAGE_BYTES - a->message.len;
        pl_buf_add(&a->message, pl_span_of(bytes, n < room ? n : room));
        return n;
    }
    if (a->into) {
        a->too_long = n > a->max - a->into->len;
        if (!a->too_long)
            pl_buf_add(a->into, pl_span_of(bytes, n));
        return a->too_long || a->into->failed ? 0 : n;
    }
    for (size_t done = 0; done < n;) {
        ssize_t put = write(a->fd, bytes + done, n - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            a->write_errno = errno;
            return 0;
        }
        done += (size_t)put;
    }
    return n;
}

static void set_tls(CURL *c, const struct pl_engine *e)
{
    char path[600];
    if (e->insecure) {
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!e->cert_dir[0])
        return;
    snprintf(path, sizeof(path), "%s/ca.pem", e->cert_dir);
    curl_easy_setopt(c, CURLOPT_CAINFO, path);
    snprintf(path, sizeof(path), "%s/cert.pem", e->cert_dir);
    curl_easy_setopt(c, CURLOPT_SSLCERT, path);
    snprintf(path, sizeof(path), "%s/key.pem", e->cert_dir);
    curl_easy_setopt(c, CURLOPT_SSLKEY, path);
}

/* {"message": "..."}: the engine's own words. */
static pl_rc refused(const struct answer *a, long status, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    pl_span words = { 0 };
    if (pl_json_parse(pl_buf_span(&a->message), &root, NULL) == PL_OK)
        words = pl_json_text(root, "message");
    if (words.len == 0)
        words = pl_json_text(root, "cause");
    pl_rc rc = status == 404 ? PL_EABSENT : status == 401 || status == 403 ? PL_EAUTH : PL_EIO;
    return pl_fail(err, rc, "the engine answers %ld%s%.*s", status, words.len ? ": " : "",
                   (int)(words.len < 300 ? words.len : 300), words.ptr ? words.ptr : "");
}

static pl_rc perform(const struct pl_engine *e, const char *path, struct answer *a, long stall_s,
                     struct pl_err *err)
{
    char url[2048], why[CURL_ERROR_SIZE] = "";
    PL_AUTO(curl) CURL *c = curl_easy_init();
    long status = 0;
    if (!c)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (snprintf(url, sizeof(url), "%s%s", e->url, path) >= (int)sizeof(url))
        return pl_fail(err, PL_EUSAGE, "the image's name is too long");
    a->curl = c;
    curl_easy_setopt(c, CURLOPT_URL, url);
    if (e->socket[0])
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, e->socket);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)e->connect_s);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall_s);
    if (a->into)
        curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)e->timeout_s);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "plimsoll/" PL_VERSION);
    set_tls(c, e);
    CURLcode code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (a->too_long)
        return pl_fail(err, PL_ELIMIT, "the engine's answer is longer than %zu bytes", a->max);
    if (code != CURLE_OK && a->write_errno)
        return pl_fail_errno(err, PL_EIO, a->write_errno, "cannot pass on the engine's archive");
    if (code != CURLE_OK)
        return pl_fail(err, PL_EIO, "the engine at %s: %s", e->socket[0] ? e->socket : e->url,
                       why[0] ? why : curl_easy_strerror(code));
    return status == 200 ? PL_OK : refused(a, status, err);
}

pl_rc pl_engine_get(const struct pl_engine *e, const char *path, size_t max, struct pl_buf *out,
                    struct pl_err *err)
{
    struct answer a = { .into = out, .max = max };
    pl_rc rc = perform(e, path, &a, (long)e->stall_s, err);
    pl_buf_done(&a.message);
    return rc;
}

/* ---- a stream ---- */

struct download {
    pid_t pid;
    int said; /* what the child says when it fails */
    struct download *older;
};

struct streaming {
    struct pl_opener base;
    struct pl_engine engine;
    char path[1024];
    struct download *downloads;
};

/* The engine prepares an archive before its first byte, for minutes when the image is large. */
enum { STALL_FACTOR = 10 };

static _Noreturn void run_download(const struct streaming *s, int to, int say, pid_t parent)
{
    struct pl_err err = { 0 };
    struct answer a = { .fd = to };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int low = to < say ? to : say, high = to < say ? say : to;
    if (low > 3)
        close_range(3, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0U, 0);
    pl_rc rc = perform(&s->engine, s->path, &a, (long)s->engine.stall_s * STALL_FACTOR, &err);
    if (rc && a.write_errno != EPIPE)
        (void)!write(say, &err, sizeof(err)); /* before the stream ends, so that who sees that
                                                  finds this */
    _exit(rc ? 1 : 0);
}

static pl_rc open_stream(struct pl_opener *o, int *fd, struct pl_err *err)
{
    struct streaming *s = (struct streaming *)o;
    int data[2], words[2];
    struct download *d = calloc(1, sizeof(*d));
    PL_AUTO(free) void *hold = d;
    if (!d)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (pipe2(data, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot make a pipe");
    PL_AUTO(fd) int from = data[0];
    PL_AUTO(fd) int to = data[1];
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot make a pipe");
    PL_AUTO(fd) int hear = words[0];
    PL_AUTO(fd) int say = words[1];
    (void)fcntl(to, F_SETPIPE_SZ, 1 << 20);
    pid_t parent = getpid();
    d->pid = fork();
    if (d->pid == 0)
        run_download(s, to, say, parent);
    if (d->pid < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot start a download");
    d->said = pl_take_fd(&hear);
    d->older = s->downloads;
    s->downloads = pl_take(hold);
    *fd = pl_take_fd(&from);
    return PL_OK;
}

static pl_rc stream_status(struct pl_opener *o, struct pl_err *err)
{
    struct streaming *s = (struct streaming *)o;
    struct pl_err said;
    for (struct download *d = s->downloads; d; d = d->older) {
        if (read(d->said, &said, sizeof(said)) != (ssize_t)sizeof(said))
            continue;
        said.msg[sizeof(said.msg) - 1] = '\0';
        return pl_fail(err, said.rc, "%s", said.msg);
    }
    return PL_OK;
}

static void close_streaming(struct pl_opener *o)
{
    struct streaming *s = (struct streaming *)o;
    while (s->downloads) {
        struct download *d = s->downloads;
        s->downloads = d->older;
        kill(d->pid, SIGKILL);
        while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        pl_close_fd(d->said);
        free(d);
    }
    free(s);
}

pl_rc pl_engine_stream(const struct pl_engine *e, const char *path, struct pl_opener **out,
                       struct pl_err *err)
{
    struct streaming *s = calloc(1, sizeof(*s));
    if (!s)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    s->base = (struct pl_opener){ .open = open_stream,
                                  .status = stream_status,
                                  .close = close_streaming };
    s->engine = *e;
    snprintf(s->path, sizeof(s->path), "%s", path);
    *out = &s->base;
    return PL_OK;
}
