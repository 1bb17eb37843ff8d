/* http.h - HTTP and HTTPS for everybody: one bounded exchange, or one download that outlives cuts.
 *
 * The server is not trusted: bodies and headers have ceilings, a server that says nothing fails
 * after stall_s, redirects are followed here (never by the library) so that credentials stay with
 * the origin they were given for, and only http: and https: are spoken. One handle serves one
 * thread; connections are kept open between its exchanges. A forked process makes its own handle.
 * Spec: RFC 9110 (semantics, ranges, conditions), RFC 9112 (HTTP/1.1), RFC 3986 (URLs). */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/span.h"

struct pl_http_opts {
    const char *proxy; /* NULL: https_proxy, http_proxy, all_proxy of the environment; "": none */
    const char *no_proxy; /* NULL: no_proxy of the environment */
    const char *ca_file;  /* further authorities (PEM); NULL: SSL_CERT_FILE, else the system's */
    const char *client_cert, *client_key; /* PEM files, both or none */
    const char *insecure_hosts; /* "host host:port ...": these may have unverified certificates */
    bool insecure;              /* as if every host was listed there; https may lead to http */
    bool offline;               /* every exchange fails with a sentence that says why */
    unsigned timeout_s;         /* for all exchanges of this handle together; 0: none */
    const struct pl_limits *limits; /* connect_s, stall_s, max_redirects; NULL: PL_LIMITS */
    const struct pl_log *log;
};

struct pl_http;
pl_rc pl_http_new(const struct pl_http_opts *o, struct pl_http **out,
                  struct pl_err *err) PL_CHECKED;
void pl_http_free(struct pl_http *h);
PL_AUTO_DEFINE(http, struct pl_http *, pl_http_free)

/* Why the last exchange gave no response: what the caller may do next depends on it. */
enum pl_http_cause {
    PL_HTTP_FINE,
    PL_HTTP_CONNECT, /* no such host, refused, unreachable */
    PL_HTTP_TLS,     /* the peer speaks no TLS, or none that we speak */
    PL_HTTP_CERT,    /* its certificate is not to be trusted */
    PL_HTTP_SILENT,  /* timeout or stall */
    PL_HTTP_CUT,     /* the connection ended within a message */
    PL_HTTP_REFUSED, /* by our own rules: redirects, ceilings, offline, the sink said no */
};
enum pl_http_cause pl_http_cause(const struct pl_http *h);

struct pl_http_request {
    const char *method; /* NULL: GET (or POST with a body) */
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *authorization; /* its value; sent to the origin of url only, never after a redirect
                                  to another host, port or scheme */
    pl_span body;
    const char *content_type;
    size_t max_body;     /* ceiling of what is kept in memory */
    bool decode;         /* let Content-Encoding be undone (JSON documents; never blobs) */
    bool no_follow;      /* give 3xx to the caller */
    uint64_t range_from; /* with > 0: "Range: bytes=N-" */
    const char *if_range;
    /* Body bytes of 2xx answers go here instead of into memory; called with the response's head
     * already complete. */
    pl_rc (*sink)(void *ctx, pl_span bytes, struct pl_err *err);
    void *sink_ctx;
};

struct pl_http_response {
    long status;
    struct pl_buf head; /* header lines of the last answer, "name: value\n" */
    struct pl_buf body;
    struct pl_buf url; /* where it came from, after redirects; NUL-ended */
    bool same_origin;  /* no redirect led to another scheme, host or port */
    uint64_t received; /* body bytes that went to the sink */
};
void pl_http_response_done(struct pl_http_response *r);
static inline PL_UNUSED void pl_auto_http_response(struct pl_http_response *r)
{
    pl_http_response_done(r);
}
/* The nth header of that name (from 0); empty when absent. */
pl_span pl_http_header(const struct pl_http_response *r, const char *name, unsigned nth);
/* Seconds that Retry-After asks for, as a number or a date; -1 when it is absent or odd. */
long pl_http_retry_after(const struct pl_http_response *r);

/* One exchange, with redirects, without retries. PL_OK for any status: the caller looks. out must
 * be zeroed or used before; it is emptied first. On failure pl_http_cause() says more; what the
 * sink has taken by then counts (out->received). */
pl_rc pl_http_exchange(struct pl_http *h, const struct pl_http_request *q,
                       struct pl_http_response *out, struct pl_err *err) PL_CHECKED;
/* The same, tried again with growing pauses after cuts, refused connections, 429 and 5xx; waits as
 * Retry-After says when that ends in time. Requests without a sink only. */
pl_rc pl_http_request(struct pl_http *h, const struct pl_http_request *q,
                      struct pl_http_response *out, struct pl_err *err) PL_CHECKED;
/* A failure made of a status that is not wanted: "404 Not Found: BLOB_UNKNOWN: ..." with the first
 * 200 printable bytes of a body that is no JSON. 401, 403: PL_EAUTH; 404, 410: PL_EABSENT; else
 * PL_EIO. */
pl_rc pl_http_status_error(const struct pl_http_response *r, struct pl_err *err);

struct pl_http_download {
    pl_rc (*write)(void *ctx, pl_span bytes, struct pl_err *err);
    /* Begin again at byte 0 (the file changed, or the server knows no ranges). NULL: bytes that
     * are there already are skipped instead: for contents that cannot change. */
    pl_rc (*restart)(void *ctx, struct pl_err *err);
    /* On 401: change the request's authorization and answer PL_OK to be asked again; NULL: none. */
    pl_rc (*authorize)(void *ctx, const struct pl_http_response *r, struct pl_http_request *q,
                       struct pl_err *err);
    void *ctx;
    uint64_t have;      /* bytes that the receiver has; kept up to date */
    uint64_t size;      /* of the whole; UINT64_MAX: unknown */
    uint64_t max;       /* ceiling */
    char if_range[256]; /* validator of what `have` came from; renewed from each answer */
};
/* Download q->url (its sink, range fields are ours). PL_OK: whole, or out->status is 304
 * (conditions go into q->headers). Cuts are resumed with Range; a redirect target that answers 403
 * or 404 is asked for anew at q->url; 429 and 5xx wait. Gives up after 5 failures in a row without
 * progress. */
pl_rc pl_http_download(struct pl_http *h, struct pl_http_request *q, struct pl_http_download *d,
                       struct pl_http_response *out, struct pl_err *err) PL_CHECKED;

/* A URL without user, password, query and fragment, for messages. */
void pl_http_url_text(const char *url, char *out, size_t size);
/* "127.0.0.1", "::1", "[::1]", "localhost", "x.localhost"; with or without ":port". */
bool pl_http_is_loopback(pl_span host);
/* Do two URLs have the same scheme, host and port? */
bool pl_http_same_origin(const char *a, const char *b);
/* Append to a URL's query, percent-encoded. */
void pl_http_query_add(struct pl_buf *url, const char *name, pl_span value);
