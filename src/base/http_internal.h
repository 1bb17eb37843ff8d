/* http_internal.h - what http.c, http_url.c and http_retry.c share; nobody else includes it. */
#pragma once
#include <curl/curl.h>

#include "base/http.h"

struct pl_http {
    CURL *curl;
    char *proxy, *no_proxy, *ca_file, *client_cert, *client_key, *insecure_hosts;
    bool insecure, offline;
    struct pl_limits limits;
    const struct pl_log *log;
    int64_t deadline_ms; /* monotonic; 0: none */
    enum pl_http_cause cause;
};

int64_t pl_http_now_ms(void);
PL_AUTO_DEFINE(curlu, CURLU *, curl_url_cleanup)
PL_AUTO_DEFINE(curl_text, char *, curl_free)
PL_AUTO_DEFINE(slist, struct curl_slist *, curl_slist_free_all)

/* `location` seen from `base`; PL_EFORMAT when it is no http: or https: URL. User and password in
 * it are dropped: a server does not choose credentials for us. */
pl_rc pl_http_resolve(const char *base, const char *location, struct pl_buf *out,
                      struct pl_err *err);
/* The proxy for a URL, "" for none. */
void pl_http_proxy_for(const struct pl_http *h, const char *url, char *out, size_t size);
bool pl_http_host_listed(const char *list, const char *url);
