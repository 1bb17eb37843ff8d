/* registry_client.h - one repository of one OCI registry, as a reader sees it.
 *
 * https unless the host is loopback, or --insecure was said, and it speaks no TLS. Logging in
 * happens on the way, when the registry asks for it. Spec: OCI distribution-spec (end-2, end-3). */
#pragma once
#include "image/registry_auth.h"

struct pl_registry_opts {
    const char *authfile;
    bool insecure;
    unsigned timeout_s;
    const struct pl_limits *limits;
    const struct pl_log *log;
    struct pl_arena *arena; /* credentials, tokens */
};

struct pl_registry {
    struct pl_reference reference;
    struct pl_http_opts http_opts;
    struct pl_http *http;
    struct pl_credentials credentials;
    struct pl_registry_auth auth;
    char url[300];       /* "https://host[:port]" */
    bool settled;        /* it has answered there */
    int64_t deadline_ms; /* monotonic; 0: none */
};

pl_rc pl_registry_init(struct pl_registry *r, const struct pl_reference *reference,
                       const struct pl_registry_opts *o, struct pl_err *err) PL_CHECKED;
void pl_registry_done(struct pl_registry *r);

/* GET or HEAD of /v2/<repository>/<kind>/<what>; accept: header lines. PL_OK for any status. */
pl_rc pl_registry_ask(struct pl_registry *r, const char *method, const char *kind, const char *what,
                      const char *const *headers, size_t n_headers, size_t max_body,
                      struct pl_http_response *out, struct pl_err *err) PL_CHECKED;

struct pl_registry_document {
    pl_span bytes, media_type; /* in the registry's arena */
    pl_digest digest;          /* of bytes */
};
/* A manifest or index by tag or digest, held against its digest and the registry's. */
pl_rc pl_registry_manifest(struct pl_registry *r, const char *tag_or_digest,
                           struct pl_registry_document *out, struct pl_err *err) PL_CHECKED;
/* A small blob (a configuration) whole, held against its digest. */
pl_rc pl_registry_blob(struct pl_registry *r, const pl_digest *digest, size_t max_body,
                       pl_span *out, struct pl_err *err) PL_CHECKED;
/* Stream a blob into a descriptor, in a handle of its own (a forked process may call it). size
 * UINT64_MAX: not known. */
pl_rc pl_registry_download(struct pl_registry *r, const pl_digest *digest, uint64_t size, int to_fd,
                           struct pl_err *err) PL_CHECKED;
