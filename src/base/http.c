#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/http_internal.h"

/* Real servers send about 1 KiB of headers; object stores a few. */
enum { HEAD_BYTES = 64 << 10, URL_BYTES = 64 << 10, ERROR_BYTES = 64 << 10 };
/* A transfer that brings less than this in stall_s is dead, not slow. */
enum { PULSE_BYTES = 1024 };

int64_t pl_http_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool copy(char **to, const char *from)
{
    if (!from)
        return true;
    *to = strdup(from);
    return *to != NULL;
}

pl_rc pl_http_new(const struct pl_http_opts *o, struct pl_http **out, struct pl_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return pl_fail(err, PL_EIO, "the HTTP library does not start");
    PL_AUTO(http) struct pl_http *h = calloc(1, sizeof(*h));
    if (!h || !(h->curl = curl_easy_init()))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    const char *ca = o->ca_file ? o->ca_file : getenv("SSL_CERT_FILE");
    const char *no_proxy = o->no_proxy;
    if (!no_proxy)
        no_proxy = getenv("no_proxy") ? getenv("no_proxy") : getenv("NO_PROXY");
    if (!copy(&h->proxy, o->proxy) || !copy(&h->no_proxy, no_proxy ? no_proxy : "") ||
        !copy(&h->ca_file, ca && *ca ? ca : NULL) || !copy(&h->client_cert, o->client_cert) ||
        !copy(&h->client_key, o->client_key) || !copy(&h->insecure_hosts, o->insecure_hosts))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    h->insecure = o->insecure;
    h->offline = o->offline;
    h->limits = o->limits ? *o->limits : PL_LIMITS;
    h->log = o->log;
    h->deadline_ms = o->timeout_s ? pl_http_now_ms() + (int64_t)o->timeout_s * 1000 : 0;
    *out = pl_take(h);
    return PL_OK;
}

void pl_http_free(struct pl_http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    free(h->proxy);
    free(h->no_proxy);
    free(h->ca_file);
    free(h->client_cert);
    free(h->client_key);
    free(h->insecure_hosts);
    free(h);
}

enum pl_http_cause pl_http_cause(const struct pl_http *h) { return h->cause; }

void pl_http_response_done(struct pl_http_response *r)
{
    pl_buf_done(&r->head);
    pl_buf_done(&r->body);
    pl_buf_done(&r->url);
    *r = (struct pl_http_response){ 0 };
}

pl_span pl_http_header(const struct pl_http_response *r, const char *name, unsigned nth)
{
    pl_span rest = pl_buf_span(&r->head), line;
    while (pl_span_line(&rest, &line)) {
        size_t colon = pl_span_chr(line, ':');
        if (colon != SIZE_MAX &&
            pl_span_eq_nocase(pl_span_sub(line, 0, colon), pl_span_str(name)) && nth-- == 0)
            return pl_span_trim(pl_span_from(line, colon + 1));
    }
    return PL_SPAN_NONE;
}

/* ---- one message ---- */

struct message {
    struct pl_http *h;
    const struct pl_http_request *q;
    struct pl_http_response *r;
    struct pl_err why; /* of our own refusal; rc 0: none */
    int64_t pulse_ms;  /* begin of the present stall window */
    size_t pulse_bytes;
    bool silent, head_ended;
    bool enough; /* an error page is not read to its end */
};

static size_t on_header(char *bytes, size_t one, size_t n, void *ctx)
{
    struct message *m = ctx;
    pl_span line = pl_span_of(bytes, one * n);
    m->pulse_ms = pl_http_now_ms();
    if (pl_span_starts(line, PL_LIT("HTTP/"))) {
        m->r->head.len = 0; /* "100 Continue" and the proxy's answer went before */
        m->head_ended = false;
    } else if (!m->head_ended) {
        pl_span text = pl_span_trim(line);
        if (text.len == 0)
            m->head_ended = true; /* what follows the body (trailers) is no header */
        pl_buf_add(&m->r->head, text);
        pl_buf_char(&m->r->head, '\n');
    }
    if (!m->r->head.failed)
        return line.len;
    pl_fail(&m->why, PL_ELIMIT, "more than %d KiB of headers", HEAD_BYTES >> 10);
    return 0;
}

static bool to_sink(const struct message *m)
{
    return m->q->sink && m->r->status >= 200 && m->r->status < 300;
}

static bool keep(struct message *m, pl_span bytes)
{
    bool wanted = m->r->status >= 200 && m->r->status < 300;
    size_t max = wanted ? m->q->max_body : ERROR_BYTES;
    if (bytes.len > max - m->r->body.len) {
        if (wanted)
            pl_fail(&m->why, PL_ELIMIT, "the answer is larger than %zu bytes", max);
        m->enough = !wanted;
        return false;
    }
    pl_buf_add(&m->r->body, bytes);
    if (m->r->body.failed)
        pl_fail(&m->why, PL_ENOMEM, "out of memory");
    return !m->r->body.failed;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
    struct message *m = ctx;
    pl_span s = pl_span_of(bytes, one * n);
    if (m->r->status == 0)
        curl_easy_getinfo(m->h->curl, CURLINFO_RESPONSE_CODE, &m->r->status);
    bool fine;
    if (to_sink(m)) {
        int64_t before = pl_http_now_ms();
        fine = m->q->sink(m->q->sink_ctx, s, &m->why) == PL_OK;
        m->r->received += fine ? s.len : 0;
        m->pulse_ms += pl_http_now_ms() - before; /* a slow reader is not a silent server */
    } else {
        fine = keep(m, s);
    }
    m->pulse_bytes += s.len;
    if (m->pulse_bytes >= PULSE_BYTES) {
        m->pulse_bytes = 0;
        m->pulse_ms = pl_http_now_ms();
    }
    return fine ? s.len : s.len + 1;
}

/* libcurl calls this at least once a second. */
static int on_tick(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    struct message *m = ctx;
    int64_t now = pl_http_now_ms();
    if (now - m->pulse_ms > (int64_t)m->h->limits.stall_s * 1000) {
        pl_fail(&m->why, PL_EIO, "the server said nothing for %u s", m->h->limits.stall_s);
        m->silent = true;
    } else if (m->h->deadline_ms && now > m->h->deadline_ms) {
        pl_fail(&m->why, PL_EIO, "time is up (--timeout)");
        m->silent = true;
    }
    return m->silent;
}

static pl_rc headers(const struct pl_http_request *q, bool with_authorization,
                     struct curl_slist **out, struct pl_err *err)
{
    char line[256];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool fine = list != NULL;
#define ADD(text) (fine = fine && curl_slist_append(list, text) != NULL)
    for (size_t i = 0; i < q->n_headers; i++)
        ADD(q->headers[i]);
    if (!q->decode)
        ADD("Accept-Encoding: identity");
    if (q->range_from) {
        snprintf(line, sizeof(line), "Range: bytes=%llu-", (unsigned long long)q->range_from);
        ADD(line);
        if (q->if_range && q->if_range[0]) {
            snprintf(line, sizeof(line), "If-Range: %s", q->if_range);
            ADD(line);
        }
    }
    if (q->content_type) {
        snprintf(line, sizeof(line), "Content-Type: %s", q->content_type);
        ADD(line);
    }
    if (q->authorization && with_authorization) {
        struct pl_buf b = { 0 };
        pl_buf_printf(&b, "Authorization: %s", q->authorization);
        if (!b.failed)
            ADD(b.ptr);
        fine = fine && !b.failed;
        pl_buf_done(&b);
    }
#undef ADD
    if (!fine) {
        curl_slist_free_all(list);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    *out = list;
    return PL_OK;
}

static void set_method(CURL *c, const struct pl_http_request *q)
{
    if (q->body.ptr) {
        curl_easy_setopt(c, CURLOPT_POST, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.ptr);
    } else if (q->method && !strcmp(q->method, "HEAD")) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    }
    if (q->method && strcmp(q->method, "HEAD") != 0)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_security(struct pl_http *h, const char *url)
{
    CURL *c = h->curl;
    bool trusting = h->insecure || pl_http_host_listed(h->insecure_hosts, url);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, trusting ? 0L : 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, trusting ? 0L : 2L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (h->ca_file)
        curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
    if (h->client_cert) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, h->client_cert);
        curl_easy_setopt(c, CURLOPT_SSLKEY, h->client_key ? h->client_key : h->client_cert);
    }
}

static void set_up(struct message *m, const char *url, struct curl_slist *list)
{
    struct pl_http *h = m->h;
    CURL *c = h->curl;
    char proxy[1024];
    curl_easy_reset(c); /* keeps connections, sessions and the DNS cache */
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    /* One transfer at a time has no use for HTTP/2's streams and windows. */
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "plimsoll/" PL_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)h->limits.connect_s);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, m->q->sink ? 512L << 10 : 16L << 10);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, m);
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, m);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, m);
    if (m->q->decode)
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    else
        curl_easy_setopt(c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    if (!m->q->sink) /* a document that drips in must end some time */
        curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)h->limits.stall_s * 5);
    pl_http_proxy_for(h, url, proxy, sizeof(proxy));
    curl_easy_setopt(c, CURLOPT_PROXY, proxy);
    curl_easy_setopt(c, CURLOPT_NOPROXY, h->no_proxy);
    set_method(c, m->q);
    set_security(h, url);
}

static enum pl_http_cause cause_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return PL_HTTP_CONNECT;
    case CURLE_SSL_CONNECT_ERROR: return PL_HTTP_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM: return PL_HTTP_CERT;
    case CURLE_OPERATION_TIMEDOUT: return PL_HTTP_SILENT;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2: return PL_HTTP_CUT;
    default: return PL_HTTP_REFUSED;
    }
}

static pl_rc failed(struct message *m, CURLcode code, const char *detail, struct pl_err *err)
{
    struct pl_http *h = m->h;
    if (m->why.rc) {
        h->cause = m->silent ? PL_HTTP_SILENT : PL_HTTP_REFUSED;
        if (err)
            *err = m->why;
        return m->why.rc;
    }
    h->cause = cause_of(code);
    if (code == CURLE_OUT_OF_MEMORY)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (h->cause == PL_HTTP_CERT)
        return pl_fail(err, PL_EIO,
                       "its certificate is not trusted (%s): give its authority in SSL_CERT_FILE, "
                       "or accept it unverified with --insecure",
                       detail[0] ? detail : curl_easy_strerror(code));
    return pl_fail(err, PL_EIO, "%s", detail[0] ? detail : curl_easy_strerror(code));
}

static pl_rc one_message(struct pl_http *h, const struct pl_http_request *q, const char *url,
                         bool with_authorization, struct pl_http_response *r, struct pl_err *err)
{
    PL_AUTO(slist) struct curl_slist *list = NULL;
    char detail[CURL_ERROR_SIZE] = "";
    struct message m = { .h = h, .q = q, .r = r, .pulse_ms = pl_http_now_ms() };
    pl_rc rc = headers(q, with_authorization, &list, err);
    if (rc)
        return rc;
    r->head = (struct pl_buf){ .ptr = r->head.ptr, .room = r->head.room, .ceiling = HEAD_BYTES };
    r->body.len = 0;
    r->status = 0;
    set_up(&m, url, list);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(h->curl);
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &r->status);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK && r->status == 0)
        code = CURLE_WEIRD_SERVER_REPLY;
    return code == CURLE_OK || m.enough ? PL_OK : failed(&m, code, detail, err);
}

/* ---- redirects ---- */

static bool is_redirect(const struct pl_http_response *r)
{
    long s = r->status;
    return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
           pl_http_header(r, "location", 0).len > 0;
}

/* Where the answer sends us, or why not. r->url becomes the new place. */
static pl_rc follow(struct pl_http *h, const struct pl_http_request *q, struct pl_buf *seen,
                    struct pl_http_response *r, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf next = { .ceiling = URL_BYTES }, location = { .ceiling = URL_BYTES };
    pl_buf_add(&location, pl_http_header(r, "location", 0));
    pl_buf_char(&location, '\0');
    if (location.failed)
        return pl_fail(err, PL_ELIMIT, "it redirects to a URL of more than 64 KiB");
    pl_rc rc = pl_http_resolve(r->url.ptr, location.ptr, &next, err);
    if (rc)
        return rc;
    char text[256];
    pl_http_url_text(next.ptr, text, sizeof(text));
    if (!h->insecure && !strncmp(r->url.ptr, "https:", 6) && !strncmp(next.ptr, "http:", 5))
        return pl_fail(err, PL_EIO,
                       "it redirects from https to %s: refused, --insecure would allow it", text);
    pl_span rest = pl_buf_span(seen), whole = pl_buf_span(&next), url;
    while (pl_span_split(&rest, '\0', &url))
        if (pl_span_eq(url, pl_span_sub(whole, 0, whole.len - 1)))
            return pl_fail(err, PL_EIO, "it redirects in a circle, back to %s", text);
    pl_buf_add(seen, whole);
    r->same_origin = r->same_origin && pl_http_same_origin(q->url, next.ptr);
    r->url.len = 0;
    pl_buf_add(&r->url, whole);
    return seen->failed || r->url.failed ? pl_fail(err, PL_ENOMEM, "out of memory") : PL_OK;
}

pl_rc pl_http_exchange(struct pl_http *h, const struct pl_http_request *q,
                       struct pl_http_response *out, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf seen = { .ceiling = 1 << 20 };
    out->same_origin = true;
    out->received = 0;
    out->status = 0;
    out->url.len = 0;
    h->cause = PL_HTTP_REFUSED;
    pl_buf_add(&out->url, pl_span_of(q->url, strlen(q->url) + 1));
    pl_buf_add(&seen, pl_buf_span(&out->url));
    if (out->url.failed || seen.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (h->offline)
        return pl_fail(err, PL_EIO, "not asked: --offline forbids the network");
    for (unsigned n = 0;; n++) {
        pl_rc rc = one_message(h, q, out->url.ptr, out->same_origin, out, err);
        if (rc)
            return rc;
        if (q->no_follow || !is_redirect(out))
            break;
        if (n >= h->limits.max_redirects)
            return pl_fail(err, PL_EIO, "it redirects more than %u times", h->limits.max_redirects);
        rc = follow(h, q, &seen, out, err);
        if (rc)
            return rc;
    }
    h->cause = PL_HTTP_FINE;
    return PL_OK;
}
