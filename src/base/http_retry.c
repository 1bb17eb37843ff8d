/* What outlives a bad moment: retries, waiting as told, downloads that resume. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/http_internal.h"
#include "base/json.h"

enum {
    TRIES = 5,       /* failures in a row without progress */
    ALL_TRIES = 200, /* of one download, whatever its progress */
    LONGEST_WAIT_S = 300,
};

long pl_http_retry_after(const struct pl_http_response *r)
{
    pl_span v = pl_http_header(r, "retry-after", 0);
    uint64_t seconds;
    char text[64];
    if (v.len == 0 || v.len >= sizeof(text))
        return -1;
    if (pl_span_decimal(v, 1000000000, &seconds))
        return (long)seconds;
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    time_t at = curl_getdate(text, NULL);
    if (at == -1)
        return -1;
    time_t now = time(NULL);
    return at > now ? (long)(at - now) : 0;
}

static const char *status_text(long status)
{
    static const struct {
        long status;
        const char *text;
    } known[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 407, "Proxy Login Required" },
        { 410, "Gone" },
        { 416, "Range Not Satisfiable" },
        { 429, "Too Many Requests" },
        { 451, "Unavailable For Legal Reasons" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };
    for (size_t i = 0; i < PL_COUNT(known); i++)
        if (known[i].status == status)
            return known[i].text;
    return status >= 300 && status < 400 ? "Redirect" : "unexpected status";
}

/* Printable ASCII of text, runs of anything else folded into one blank. */
static void printable(pl_span text, char *out, size_t size)
{
    size_t n = 0;
    text = pl_span_sub(pl_span_trim(text), 0, 200);
    for (size_t i = 0; i < text.len && n + 1 < size; i++) {
        char c = text.ptr[i] > ' ' && text.ptr[i] < 0x7f ? text.ptr[i] : ' ';
        if (c != ' ' || (n && out[n - 1] != ' '))
            out[n++] = c;
    }
    out[n] = '\0';
}

/* {"errors":[{"code","message"}]} of registries (distribution-spec, "Error Codes"), {"error"},
 * {"details"} or {"message"} of token servers. */
static bool json_reason(pl_span body, char *out, size_t size)
{
    PL_AUTO(json) json_t *root = NULL;
    char code[64], message[201];
    if (body.len == 0 || (body.ptr[0] != '{' && body.ptr[0] != ' ') ||
        pl_json_parse(body, &root, NULL))
        return false;
    const json_t *first = json_array_get(pl_json_array(root, "errors"), 0);
    pl_span what = pl_json_text(first, "message");
    if (!first) {
        static const char *const keys[] = { "details", "message", "error_description", "error" };
        for (size_t i = 0; i < PL_COUNT(keys) && what.len == 0; i++)
            what = pl_json_text(root, keys[i]);
    }
    printable(pl_span_sub(pl_json_text(first, "code"), 0, sizeof(code) - 1), code, sizeof(code));
    printable(what, message, sizeof(message));
    if (!code[0] && !message[0])
        return false;
    snprintf(out, size, "%s%s%s", code, code[0] && message[0] ? ": " : "", message);
    return true;
}

pl_rc pl_http_status_error(const struct pl_http_response *r, struct pl_err *err)
{
    char reason[300] = "";
    pl_rc rc = r->status == 401 || r->status == 403   ? PL_EAUTH
               : r->status == 404 || r->status == 410 ? PL_EABSENT
                                                      : PL_EIO;
    if (!json_reason(pl_buf_span(&r->body), reason, sizeof(reason)))
        printable(pl_buf_span(&r->body), reason, sizeof(reason));
    long wait = pl_http_retry_after(r);
    char later[64] = "";
    if (wait > 0)
        snprintf(later, sizeof(later), " (it asks to come back in %ld s)", wait);
    return pl_fail(err, rc, "%ld %s%s%s%s", r->status, status_text(r->status), later,
                   reason[0] ? ": " : "", reason);
}

static bool passing(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

/* Wait before try number n (from 1). False when the time would be up, or the server asks for more
 * patience than a person has. */
static bool pause_before(const struct pl_http *h, unsigned n, const struct pl_http_response *r)
{
    int64_t ms = 250LL << (n < 6 ? n - 1 : 5);
    long asked = r ? pl_http_retry_after(r) : -1;
    if (asked > LONGEST_WAIT_S)
        return false;
    if (asked >= 0)
        ms = asked ? asked * 1000 : 100;
    if (h->deadline_ms && pl_http_now_ms() + ms >= h->deadline_ms)
        return false;
    if (asked > 2)
        pl_log(h->log, PL_LOG_INFO, "the server asks to wait %ld s", asked);
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
    return true;
}

pl_rc pl_http_request(struct pl_http *h, const struct pl_http_request *q,
                      struct pl_http_response *out, struct pl_err *err)
{
    for (unsigned n = 1;; n++) {
        pl_rc rc = pl_http_exchange(h, q, out, err);
        bool again = rc ? h->cause == PL_HTTP_CUT : passing(out->status);
        if (!again || n >= TRIES - 1 || !pause_before(h, n, rc ? NULL : out))
            return rc;
    }
}

/* ---- downloads ---- */

struct download {
    struct pl_http_download *d;
    struct pl_http_response *r;
    uint64_t skip; /* bytes of this answer that the receiver has already */
    bool begun;
};

/* "bytes 5-9/10" */
static bool content_range(pl_span v, uint64_t *from, uint64_t *total)
{
    pl_span first, rest = v;
    *total = UINT64_MAX;
    if (!pl_span_skip_lit(&rest, PL_LIT("bytes ")) || !pl_span_split(&rest, '-', &first) ||
        !pl_span_decimal(first, UINT64_MAX - 1, from))
        return false;
    size_t slash = pl_span_chr(rest, '/');
    if (slash != SIZE_MAX)
        (void)pl_span_decimal(pl_span_from(rest, slash + 1), UINT64_MAX - 1, total);
    return true;
}

static void note_validator(struct pl_http_download *d, const struct pl_http_response *r)
{
    pl_span v = pl_http_header(r, "etag", 0);
    if (v.len == 0 || pl_span_starts(v, PL_LIT("W/"))) /* weak ones are no use for ranges */
        v = pl_http_header(r, "last-modified", 0);
    if (v.len >= sizeof(d->if_range))
        v.len = 0;
    if (v.len)
        memcpy(d->if_range, v.ptr, v.len);
    d->if_range[v.len] = '\0';
}

/* The head of a 2xx answer is here: where do its bytes belong? */
static pl_rc begin(struct download *w, struct pl_err *err)
{
    struct pl_http_download *d = w->d;
    uint64_t from = 0, total = UINT64_MAX, length;
    w->begun = true;
    if (w->r->status == 206) {
        if (!content_range(pl_http_header(w->r, "content-range", 0), &from, &total) ||
            from > d->have)
            return pl_fail(err, PL_EFORMAT, "the server sent another range than was asked for");
    } else if (pl_span_decimal(pl_http_header(w->r, "content-length", 0), UINT64_MAX - 1,
                               &length)) {
        total = length;
    }
    if (d->size != UINT64_MAX && total != UINT64_MAX && total != d->size)
        return pl_fail(err, PL_EDIGEST, "the server has %llu bytes of it, expected are %llu",
                       (unsigned long long)total, (unsigned long long)d->size);
    if (total != UINT64_MAX && total > d->max)
        return pl_fail(err, PL_ELIMIT, "it has %llu bytes, over the limit of %llu",
                       (unsigned long long)total, (unsigned long long)d->max);
    if (w->r->status != 206 && d->have && d->restart) {
        pl_rc rc = d->restart(d->ctx, err);
        if (rc)
            return rc;
        d->have = 0;
    }
    if (w->r->status != 206)
        note_validator(d, w->r);
    w->skip = d->have - from;
    return PL_OK;
}

static pl_rc take(void *ctx, pl_span bytes, struct pl_err *err)
{
    struct download *w = ctx;
    pl_rc rc = w->begun ? PL_OK : begin(w, err);
    if (rc)
        return rc;
    size_t skip = bytes.len < w->skip ? bytes.len : (size_t)w->skip;
    w->skip -= skip;
    bytes = pl_span_from(bytes, skip);
    if (bytes.len == 0)
        return PL_OK;
    uint64_t room = (w->d->size != UINT64_MAX ? w->d->size : w->d->max) - w->d->have;
    if (bytes.len > room)
        return pl_fail(err, w->d->size != UINT64_MAX ? PL_EDIGEST : PL_ELIMIT,
                       "the server sends more than the %llu bytes that are expected",
                       (unsigned long long)w->d->have + room);
    rc = w->d->write(w->d->ctx, bytes, err);
    if (!rc)
        w->d->have += bytes.len;
    return rc;
}

enum verdict { DONE, FAILED, AGAIN, AGAIN_AFTER_PAUSE };

static enum verdict after_failure(const struct pl_http *h, bool progress, unsigned fails)
{
    switch (h->cause) {
    case PL_HTTP_CUT: return AGAIN_AFTER_PAUSE;
    case PL_HTTP_CONNECT: return progress || fails < 2 ? AGAIN_AFTER_PAUSE : FAILED;
    case PL_HTTP_SILENT: return progress ? AGAIN : FAILED;
    default: return FAILED;
    }
}

static enum verdict after_answer(struct download *w, struct pl_http_request *q, unsigned *logins,
                                 pl_rc *rc, struct pl_err *err)
{
    struct pl_http_download *d = w->d;
    long status = w->r->status;
    if (status == 304)
        return DONE;
    if (status == 200 || status == 206) {
        if (!w->begun && (*rc = begin(w, err)))
            return FAILED;
        if (d->size == UINT64_MAX || d->have == d->size)
            return DONE;
        *rc = pl_fail(err, PL_EIO, "the server stopped after %llu of %llu bytes",
                      (unsigned long long)d->have, (unsigned long long)d->size);
        return AGAIN_AFTER_PAUSE;
    }
    *rc = pl_http_status_error(w->r, err);
    if (status == 416 && d->have && d->restart) {
        if ((*rc = d->restart(d->ctx, err)))
            return FAILED;
        d->have = 0;
        return AGAIN_AFTER_PAUSE;
    }
    if (status == 401 && w->r->same_origin && d->authorize && (*logins)++ < 2) {
        if ((*rc = d->authorize(d->ctx, w->r, q, err)))
            return FAILED;
        return AGAIN;
    }
    if (!w->r->same_origin && status >= 400 && status < 500 && status != 429)
        return AGAIN_AFTER_PAUSE; /* signed addresses live minutes only; q->url gives a new one */
    return passing(status) ? AGAIN_AFTER_PAUSE : FAILED;
}

pl_rc pl_http_download(struct pl_http *h, struct pl_http_request *q, struct pl_http_download *d,
                       struct pl_http_response *out, struct pl_err *err)
{
    unsigned fails = 0, logins = 0;
    struct pl_err why = { 0 };
    if (d->size != UINT64_MAX && d->size > d->max)
        return pl_fail(err, PL_ELIMIT, "it has %llu bytes, over the limit of %llu",
                       (unsigned long long)d->size, (unsigned long long)d->max);
    for (unsigned n = 0;; n++) {
        struct download w = { .d = d, .r = out };
        uint64_t had = d->have;
        q->sink = take;
        /* cppcheck-suppress autoVariables ; q is used within this call alone */
        q->sink_ctx = &w;
        q->range_from = d->have;
        q->if_range = d->restart ? d->if_range : NULL;
        if (q->range_from && q->if_range && !q->if_range[0])
            q->range_from = 0; /* nothing says that the server's file is still the same */
        pl_rc rc = pl_http_exchange(h, q, out, &why);
        bool progress = d->have > had;
        fails = progress ? 1 : fails + 1;
        logins = progress ? 0 : logins;
        enum verdict v =
            rc ? after_failure(h, progress, fails) : after_answer(&w, q, &logins, &rc, &why);
        if (v == DONE)
            return PL_OK;
        if (v == FAILED || fails >= TRIES || n >= ALL_TRIES ||
            (v == AGAIN_AFTER_PAUSE && !pause_before(h, fails, rc ? NULL : out))) {
            if (err)
                *err = why;
            return rc ? rc : PL_EIO;
        }
    }
}
