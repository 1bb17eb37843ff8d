/* URLs as we need them; libcurl's own parser does the work (RFC 3986). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/http_internal.h"

static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    return curl_url_get(u, what, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool parse(CURLU *u, const char *url)
{
    return u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
}

void pl_http_url_text(const char *url, char *out, size_t size)
{
    PL_AUTO(curlu) CURLU *u = curl_url();
    PL_AUTO(curl_text) char *text = NULL;
    if (parse(u, url)) {
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(u, CURLUPART_QUERY, NULL, 0);
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        text = part(u, CURLUPART_URL, 0);
    }
    snprintf(out, size, "%.200s", text ? text : "(no URL)");
}

bool pl_http_is_loopback(pl_span host)
{
    char text[64];
    if (pl_span_starts(host, PL_LIT("["))) {
        size_t end = pl_span_chr(host, ']');
        host = pl_span_sub(host, 1, end == SIZE_MAX ? 0 : end - 1);
    } else {
        size_t colon = pl_span_chr(host, ':');
        if (colon != SIZE_MAX && colon == pl_span_rchr(host, ':'))
            host.len = colon;
    }
    if (pl_span_eq_nocase(host, PL_LIT("localhost")))
        return true;
    if (host.len > 10 && pl_span_eq_nocase(pl_span_from(host, host.len - 10), PL_LIT(".localhost")))
        return true;
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool pl_http_same_origin(const char *a, const char *b)
{
    PL_AUTO(curlu) CURLU *ua = curl_url();
    PL_AUTO(curlu) CURLU *ub = curl_url();
    if (!parse(ua, a) || !parse(ub, b))
        return false;
    static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
    for (size_t i = 0; i < PL_COUNT(parts); i++) {
        PL_AUTO(curl_text) char *x = part(ua, parts[i], CURLU_DEFAULT_PORT);
        PL_AUTO(curl_text) char *y = part(ub, parts[i], CURLU_DEFAULT_PORT);
        if (!x || !y || !pl_span_eq_nocase(pl_span_str(x), pl_span_str(y)))
            return false;
    }
    return true;
}

pl_rc pl_http_resolve(const char *base, const char *location, struct pl_buf *out,
                      struct pl_err *err)
{
    PL_AUTO(curlu) CURLU *u = curl_url();
    if (!parse(u, base) ||
        curl_url_set(u, CURLUPART_URL, location,
                     CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE | CURLU_ALLOW_SPACE) != CURLUE_OK)
        return pl_fail(err, PL_EFORMAT, "it redirects to \"%.100s\", which is no URL", location);
    PL_AUTO(curl_text) char *scheme = part(u, CURLUPART_SCHEME, 0);
    if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return pl_fail(err, PL_EFORMAT,
                       "it redirects to \"%.100s\": only http and https are followed", location);
    curl_url_set(u, CURLUPART_USER, NULL, 0);
    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    PL_AUTO(curl_text) char *url = part(u, CURLUPART_URL, 0);
    if (!url)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    out->len = 0;
    pl_buf_add(out, pl_span_of(url, strlen(url) + 1));
    return out->failed ? pl_fail(err, PL_EFORMAT, "it redirects to a URL of %zu bytes", strlen(url))
                       : PL_OK;
}

void pl_http_query_add(struct pl_buf *url, const char *name, pl_span value)
{
    static const char hex[] = "0123456789ABCDEF";
    pl_buf_char(url, pl_span_chr(pl_buf_span(url), '?') == SIZE_MAX ? '?' : '&');
    pl_buf_add(url, pl_span_str(name));
    pl_buf_char(url, '=');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            pl_buf_char(url, (char)c);
        } else {
            pl_buf_char(url, '%');
            pl_buf_char(url, hex[c >> 4]);
            pl_buf_char(url, hex[c & 15]);
        }
    }
}

static const char *env(const char *lower, const char *upper)
{
    const char *v = getenv(lower);
    if (!v || !*v)
        v = upper ? getenv(upper) : NULL;
    return v && *v ? v : NULL;
}

void pl_http_proxy_for(const struct pl_http *h, const char *url, char *out, size_t size)
{
    PL_AUTO(curlu) CURLU *u = curl_url();
    out[0] = '\0';
    if (!parse(u, url))
        return;
    PL_AUTO(curl_text) char *scheme = part(u, CURLUPART_SCHEME, 0);
    PL_AUTO(curl_text) char *host = part(u, CURLUPART_HOST, 0);
    /* Loopback is never asked of a proxy, as Go's net/http has it: docker users rely on it. */
    if (!scheme || !host || pl_http_is_loopback(pl_span_str(host)))
        return;
    const char *proxy = h->proxy;
    if (!proxy && !strcmp(scheme, "https"))
        proxy = env("https_proxy", "HTTPS_PROXY");
    /* In a CGI program HTTP_PROXY is a header of the client's ("httpoxy"). */
    if (!proxy && !strcmp(scheme, "http"))
        proxy = env("http_proxy", getenv("REQUEST_METHOD") ? NULL : "HTTP_PROXY");
    if (!proxy)
        proxy = env("all_proxy", "ALL_PROXY");
    if (proxy)
        snprintf(out, size, "%s", proxy);
}

bool pl_http_host_listed(const char *list, const char *url)
{
    PL_AUTO(curlu) CURLU *u = curl_url();
    if (!list || !parse(u, url))
        return false;
    PL_AUTO(curl_text) char *host = part(u, CURLUPART_HOST, 0);
    PL_AUTO(curl_text) char *port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!host || !port)
        return false;
    char with_port[300];
    snprintf(with_port, sizeof(with_port), "%.256s:%s", host, port);
    pl_span rest = pl_span_str(list), word;
    while (pl_span_word(&rest, &word))
        if (pl_span_eq_nocase(word, pl_span_str(host)) ||
            pl_span_eq_nocase(word, pl_span_str(with_port)))
            return true;
    return false;
}
