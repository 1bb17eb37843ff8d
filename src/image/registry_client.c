#include "image/registry_client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* /etc/docker/certs.d/HOST:PORT/{*.crt, *.cert + *.key}: authorities and our certificate, as
 * docker and podman read them. */
static void certificates(struct pl_http_opts *o, const char *domain, struct pl_arena *a)
{
    static const char *const places[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };
    for (size_t i = 0; i < PL_COUNT(places) && !o->ca_file && !o->client_cert; i++) {
        char *dir = pl_arena_printf(a, "%s/%s", places[i], domain);
        DIR *d = dir ? opendir(dir) : NULL;
        struct dirent *e;
        while (d && (e = readdir(d))) {
            pl_span name = pl_span_str(e->d_name);
            if (pl_span_ends(name, PL_LIT(".crt")) && !o->ca_file)
                o->ca_file = pl_arena_printf(a, "%s/%s", dir, e->d_name);
            if (pl_span_ends(name, PL_LIT(".cert")) && !o->client_cert) {
                o->client_cert = pl_arena_printf(a, "%s/%s", dir, e->d_name);
                o->client_key =
                    pl_arena_printf(a, "%s/%.*s.key", dir, (int)(name.len - 5), name.ptr);
            }
        }
        if (d)
            closedir(d);
    }
}

pl_rc pl_registry_init(struct pl_registry *r, const struct pl_reference *reference,
                       const struct pl_registry_opts *o, struct pl_err *err)
{
    *r = (struct pl_registry){ .reference = *reference };
    r->http_opts = (struct pl_http_opts){ .insecure = o->insecure,
                                          .timeout_s = o->timeout_s,
                                          .limits = o->limits ? o->limits : &PL_LIMITS,
                                          .log = o->log };
    r->deadline_ms = o->timeout_s ? now_ms() + (int64_t)o->timeout_s * 1000 : 0;
    certificates(&r->http_opts, reference->domain, o->arena);
    pl_rc rc = pl_credentials_find(reference, o->authfile, o->arena, o->log, &r->credentials, err);
    if (!rc)
        rc = pl_http_new(&r->http_opts, &r->http, err);
    if (rc)
        return rc;
    snprintf(r->url, sizeof(r->url), "https://%s", reference->host);
    r->auth = (struct pl_registry_auth){ .arena = o->arena,
                                         .credentials = &r->credentials,
                                         .registry_url = r->url,
                                         .repository = r->reference.repository,
                                         .insecure = o->insecure };
    return PL_OK;
}

void pl_registry_done(struct pl_registry *r)
{
    pl_http_free(r->http);
    r->http = NULL;
}

static bool may_be_plain(const struct pl_registry *r)
{
    return r->http_opts.insecure || pl_http_is_loopback(pl_span_str(r->reference.host));
}

static pl_rc send_one(struct pl_registry *r, struct pl_http_request *q, const char *path,
                      struct pl_http_response *out, struct pl_err *err)
{
    char url[1200];
    snprintf(url, sizeof(url), "%s%s", r->url, path);
    q->url = url;
    q->authorization = r->auth.authorization;
    return pl_http_request(r->http, q, out, err);
}

/* The first contact decides between https and http. */
static pl_rc send_first(struct pl_registry *r, struct pl_http_request *q, const char *path,
                        struct pl_http_response *out, struct pl_err *err)
{
    struct pl_err why = { 0 };
    pl_rc rc = send_one(r, q, path, out, &why);
    enum pl_http_cause cause = pl_http_cause(r->http);
    bool no_tls = cause == PL_HTTP_TLS || cause == PL_HTTP_CUT;
    if (rc && (no_tls || cause == PL_HTTP_CONNECT)) {
        if (may_be_plain(r)) {
            snprintf(r->url, sizeof(r->url), "http://%s", r->reference.host);
            struct pl_err plain = { 0 };
            rc = send_one(r, q, path, out, &plain);
            if (rc && pl_http_cause(r->http) != PL_HTTP_CONNECT)
                why = plain;
        } else if (no_tls) {
            pl_wrap(&why, "it does not answer in TLS (if it speaks plain HTTP, --insecure accepts "
                          "that)");
        }
    }
    if (rc && err)
        *err = why;
    r->settled = rc == PL_OK;
    return rc;
}

static bool wants_login(const struct pl_http_response *a)
{
    if (!a->same_origin) /* another host's challenge is not the registry's */
        return false;
    return a->status == 401 ||
           (a->status == 403 && pl_span_find(pl_http_header(a, "www-authenticate", 0),
                                             PL_LIT("insufficient_scope")) != SIZE_MAX);
}

pl_rc pl_registry_ask(struct pl_registry *r, const char *method, const char *kind, const char *what,
                      const char *const *headers, size_t n_headers, size_t max_body,
                      struct pl_http_response *out, struct pl_err *err)
{
    char path[800];
    snprintf(path, sizeof(path), "/v2/%s/%s/%s", r->reference.repository, kind, what);
    struct pl_http_request q = { .method = method,
                                 .headers = headers,
                                 .n_headers = n_headers,
                                 .max_body = max_body,
                                 .decode = true };
    r->auth.n_refused = 0;
    for (;;) {
        pl_rc rc = pl_registry_renew(&r->auth, r->http, err);
        if (!rc)
            rc = r->settled ? send_one(r, &q, path, out, err) : send_first(r, &q, path, out, err);
        if (!rc && wants_login(out)) {
            rc = pl_registry_login(&r->auth, r->http, out, err);
            if (!rc)
                continue;
        }
        if (rc)
            pl_wrap(err, "%s", r->url);
        return rc;
    }
}

/* ---- documents ---- */

static const char *const ACCEPT[] = {
    "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json",
};

static pl_rc hash(pl_span algorithm, pl_span bytes, pl_digest *out, struct pl_err *err)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    pl_rc rc = pl_hasher_new(algorithm, &h, err);
    if (rc)
        return rc;
    pl_hasher_add(h, bytes);
    pl_hasher_finish(h, out);
    return PL_OK;
}

static pl_rc hold_against(const pl_digest *want, pl_span bytes, const char *whose,
                          struct pl_err *err)
{
    pl_digest is;
    pl_rc rc = hash(pl_digest_algorithm(want), bytes, &is, err);
    if (!rc && !pl_digest_eq(want, &is))
        rc = pl_fail(err, PL_EDIGEST, "the bytes are not those that %s %s names: they hash to %s",
                     whose, want->text, is.text);
    return rc;
}

static pl_rc status_failure(const struct pl_registry *r, const struct pl_http_response *a,
                            struct pl_err *err)
{
    pl_rc rc = pl_http_status_error(a, err);
    if (!a->same_origin) {
        char text[256];
        pl_http_url_text(a->url.ptr, text, sizeof(text));
        pl_wrap(err, "%s, redirected to %s", r->url, text);
    } else {
        pl_wrap(err, "%s", r->url);
    }
    return rc;
}

pl_rc pl_registry_manifest(struct pl_registry *r, const char *what,
                           struct pl_registry_document *out, struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response a = { 0 };
    struct pl_registry_document doc = { 0 };
    pl_digest named = { 0 }, said = { 0 };
    pl_rc rc = pl_registry_ask(r, NULL, "manifests", what, ACCEPT, PL_COUNT(ACCEPT),
                               r->http_opts.limits->manifest_bytes, &a, err);
    if (!rc && a.status != 200)
        rc = status_failure(r, &a, err);
    if (rc) {
        pl_wrap(err, "manifest %s", what);
        return rc;
    }
    pl_span type = pl_http_header(&a, "content-type", 0), bytes = pl_buf_span(&a.body);
    type = pl_span_trim(pl_span_sub(type, 0, pl_span_chr(type, ';')));
    if (!pl_digest_parse(pl_span_str(what), &named, NULL)) {
        doc.digest = named;
        rc = hold_against(&named, bytes, "digest", err);
    } else {
        rc = hash(PL_LIT("sha256"), bytes, &doc.digest, err);
    }
    if (!rc && !pl_digest_parse(pl_http_header(&a, "docker-content-digest", 0), &said, NULL))
        rc = hold_against(&said, bytes, "the registry's Docker-Content-Digest", err);
    if (rc) {
        pl_wrap(err, "%s: manifest %s", r->url, what);
        return rc;
    }
    if (!pl_arena_copy(r->auth.arena, bytes, &doc.bytes) ||
        !pl_arena_copy(r->auth.arena, type, &doc.media_type))
        return pl_fail(err, PL_ELIMIT, "out of room for the manifest");
    *out = doc;
    return PL_OK;
}

pl_rc pl_registry_blob(struct pl_registry *r, const pl_digest *digest, size_t max_body,
                       pl_span *out, struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response a = { 0 };
    pl_rc rc = pl_registry_ask(r, NULL, "blobs", digest->text, NULL, 0, max_body, &a, err);
    if (!rc && a.status != 200)
        rc = status_failure(r, &a, err);
    if (!rc)
        rc = hold_against(digest, pl_buf_span(&a.body), "digest", err);
    if (!rc && !pl_arena_copy(r->auth.arena, pl_buf_span(&a.body), out))
        rc = pl_fail(err, PL_ELIMIT, "out of room for it");
    return rc;
}

/* ---- layers ---- */

struct pipe_sink {
    struct pl_registry *r;
    struct pl_http *http;
    int fd;
};

static pl_rc write_all(void *ctx, pl_span bytes, struct pl_err *err)
{
    struct pipe_sink *s = ctx;
    while (bytes.len) {
        ssize_t n = write(s->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pl_fail_errno(err, PL_EIO, errno, "the reader is gone");
        bytes = pl_span_from(bytes, (size_t)n);
    }
    return PL_OK;
}

static pl_rc log_in_again(void *ctx, const struct pl_http_response *refused,
                          struct pl_http_request *q, struct pl_err *err)
{
    struct pipe_sink *s = ctx;
    pl_rc rc = pl_registry_login(&s->r->auth, s->http, refused, err);
    q->authorization = s->r->auth.authorization;
    return rc;
}

pl_rc pl_registry_download(struct pl_registry *r, const pl_digest *digest, uint64_t size, int to_fd,
                           struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response a = { 0 };
    PL_AUTO(http) struct pl_http *http = NULL;
    struct pl_http_opts o = r->http_opts;
    char url[1200];
    int64_t left = r->deadline_ms - now_ms();
    if (r->deadline_ms)
        o.timeout_s = left > 1000 ? (unsigned)(left / 1000) : 1;
    o.log = NULL;
    pl_rc rc = pl_http_new(&o, &http, err);
    if (!rc)
        rc = pl_registry_renew(&r->auth, http, err);
    if (rc)
        return rc;
    r->auth.n_refused = 0;
    snprintf(url, sizeof(url), "%s/v2/%s/blobs/%s", r->url, r->reference.repository, digest->text);
    struct pipe_sink sink = { .r = r, .http = http, .fd = to_fd };
    struct pl_http_request q = { .url = url, .authorization = r->auth.authorization };
    struct pl_http_download d = { .write = write_all,
                                  .authorize = log_in_again,
                                  .ctx = &sink,
                                  .size = size,
                                  .max = o.limits->layer_bytes };
    rc = pl_http_download(http, &q, &d, &a, err);
    if (rc)
        pl_wrap(err, "%s", r->url);
    return rc;
}
