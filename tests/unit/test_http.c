/* What of HTTP needs no server: URLs, headers, waiting, what a status says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/http_internal.h"

static void loopback(void **state)
{
    (void)state;
    static const char *const yes[] = { "localhost", "LocalHost:5000", "127.0.0.1", "127.9.9.9:80",
                                       "[::1]",     "[::1]:5000",     "::1",       "a.localhost" };
    static const char *const no[] = { "",          "128.0.0.1", "localhost.test", "1270.0.0.1",
                                      "[::2]",     "0.0.0.0",   "127.0.0.1.test", "[::1",
                                      "xlocalhost" };
    for (size_t i = 0; i < PL_COUNT(yes); i++)
        if (!pl_http_is_loopback(pl_span_str(yes[i])))
            fail_msg("%s is loopback", yes[i]);
    for (size_t i = 0; i < PL_COUNT(no); i++)
        if (pl_http_is_loopback(pl_span_str(no[i])))
            fail_msg("%s is not loopback", no[i]);
}

static void origins(void **state)
{
    (void)state;
    assert_true(pl_http_same_origin("https://a.test/x", "https://A.test:443/y?z"));
    assert_true(pl_http_same_origin("http://a.test", "http://a.test:80/"));
    assert_false(pl_http_same_origin("https://a.test/", "http://a.test/"));
    assert_false(pl_http_same_origin("https://a.test/", "https://a.test:444/"));
    assert_false(pl_http_same_origin("https://a.test/", "https://b.test/"));
    assert_false(pl_http_same_origin("https://a.test/", "nonsense"));
}

static void resolved(const char *base, const char *location, const char *want)
{
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    pl_rc rc = pl_http_resolve(base, location, &out, &err);
    if (!want && rc == PL_EFORMAT)
        return;
    if (rc || !want)
        fail_msg("%s: %s", location, rc ? err.msg : "was taken");
    assert_string_equal(out.ptr, want);
}

static void locations(void **state)
{
    (void)state;
    resolved("https://a.test/v2/x", "/y?z=1", "https://a.test/y?z=1");
    resolved("https://a.test/v2/x", "y", "https://a.test/v2/y");
    resolved("https://a.test/v2/x", "https://b.test/z?a=b%3D", "https://b.test/z?a=b%3D");
    resolved("https://a.test/", "https://u:p@b.test/", "https://b.test/");
    resolved("https://a.test/", "//b.test/x", "https://b.test/x");
    resolved("https://a.test/", "file:///etc/passwd", NULL);
    resolved("https://a.test/", "ftp://b.test/", NULL);
    resolved("https://a.test/", "javascript:alert(1)", NULL);
    resolved("https://a.test/", "gopher://b.test/", NULL);
}

static void texts_without_secrets(void **state)
{
    (void)state;
    char text[256];
    pl_http_url_text("https://u:p@a.test/x?sig=secret#f", text, sizeof(text));
    assert_string_equal(text, "https://a.test/x");
    pl_http_url_text("nonsense://", text, sizeof(text));
    assert_null(strstr(text, "secret"));
}

static void queries(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf url = { 0 };
    pl_buf_add(&url, PL_LIT("https://a.test/t"));
    pl_http_query_add(&url, "a", PL_LIT("x y&z"));
    pl_http_query_add(&url, "b", PL_LIT("\xff-_.~"));
    assert_true(pl_span_eq(pl_buf_span(&url), PL_LIT("https://a.test/t?a=x%20y%26z&b=%FF-_.~")));
}

static void listed_hosts(void **state)
{
    (void)state;
    assert_true(pl_http_host_listed("x a.test y", "https://A.test/z"));
    assert_true(pl_http_host_listed("a.test:5000", "https://a.test:5000/z"));
    assert_false(pl_http_host_listed("a.test:5000", "https://a.test/z"));
    assert_false(pl_http_host_listed(NULL, "https://a.test/z"));
}

static void proxies(void **state)
{
    (void)state;
    static const char *const names[] = { "http_proxy", "HTTP_PROXY", "https_proxy",   "HTTPS_PROXY",
                                         "all_proxy",  "ALL_PROXY",  "REQUEST_METHOD" };
    for (size_t i = 0; i < PL_COUNT(names); i++)
        unsetenv(names[i]);
    struct pl_http h = { 0 };
    char proxy[100];
    setenv("HTTP_PROXY", "http://one.test", 1);
    setenv("https_proxy", "http://two.test", 1);
    pl_http_proxy_for(&h, "http://a.test/", proxy, sizeof(proxy));
    assert_string_equal(proxy, "http://one.test");
    pl_http_proxy_for(&h, "https://a.test/", proxy, sizeof(proxy));
    assert_string_equal(proxy, "http://two.test");
    pl_http_proxy_for(&h, "http://127.0.0.1:80/", proxy, sizeof(proxy));
    assert_string_equal(proxy, "");
    setenv("REQUEST_METHOD", "GET", 1); /* a CGI program: the client chose HTTP_PROXY */
    pl_http_proxy_for(&h, "http://a.test/", proxy, sizeof(proxy));
    assert_string_equal(proxy, "");
    unsetenv("REQUEST_METHOD");
    h.proxy = (char[]){ "http://three.test" };
    pl_http_proxy_for(&h, "https://a.test/", proxy, sizeof(proxy));
    assert_string_equal(proxy, "http://three.test");
}

static struct pl_http_response answer(long status, const char *head, const char *body)
{
    struct pl_http_response r = { .status = status };
    pl_buf_add(&r.head, pl_span_str(head));
    pl_buf_add(&r.body, pl_span_str(body));
    return r;
}

static void headers(void **state)
{
    (void)state;
    PL_AUTO(http_response)
    struct pl_http_response r = answer(200, "A: 1\nno colon\na:  2 \nB:\nC: x:y\n", "");
    assert_true(pl_span_eq(pl_http_header(&r, "a", 0), PL_LIT("1")));
    assert_true(pl_span_eq(pl_http_header(&r, "A", 1), PL_LIT("2")));
    assert_int_equal(pl_http_header(&r, "a", 2).len, 0);
    assert_int_equal(pl_http_header(&r, "b", 0).len, 0);
    assert_true(pl_span_eq(pl_http_header(&r, "c", 0), PL_LIT("x:y")));
}

static long wait_of(const char *value)
{
    char head[100];
    snprintf(head, sizeof(head), "Retry-After: %s\n", value);
    PL_AUTO(http_response) struct pl_http_response r = answer(429, head, "");
    return pl_http_retry_after(&r);
}

static void retry_after(void **state)
{
    (void)state;
    char date[64];
    time_t then = time(NULL) + 100;
    struct tm t;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &t));
    assert_int_equal(wait_of("7"), 7);
    assert_int_equal(wait_of("0"), 0);
    assert_in_range(wait_of(date), 90, 100);
    assert_int_equal(wait_of("Mon, 02 Nov 2015 10:00:00 GMT"), 0);
    assert_int_equal(wait_of("soon"), -1);
    assert_int_equal(wait_of("-5"), -1);
    assert_int_equal(wait_of("99999999999999999999999"), -1);
    assert_int_equal(wait_of(""), -1);
}

static void says(long status, const char *body, pl_rc rc, const char *want)
{
    PL_AUTO(http_response) struct pl_http_response r = answer(status, "", body);
    struct pl_err err = { 0 };
    assert_int_equal(pl_http_status_error(&r, &err), rc);
    assert_string_equal(err.msg, want);
}

static void statuses(void **state)
{
    (void)state;
    says(404, "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"not known\"}]}", PL_EABSENT,
         "404 Not Found: BLOB_UNKNOWN: not known");
    says(401, "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}", PL_EAUTH,
         "401 Unauthorized: UNAUTHORIZED");
    says(403, "{\"details\":\"no \\u001b[31mway\"}", PL_EAUTH, "403 Forbidden: no [31mway");
    says(502, "<html>\n\n <b>bad\x1b</b>", PL_EIO, "502 Bad Gateway: <html> <b>bad </b>");
    says(500, "", PL_EIO, "500 Internal Server Error");
    says(299, "{\"errors\":[]}", PL_EIO, "299 unexpected status: {\"errors\":[]}");
    says(418, "{\"errors\":\"x", PL_EIO, "418 unexpected status: {\"errors\":\"x");
}

static void offline_asks_nobody(void **state)
{
    (void)state;
    PL_AUTO(http) struct pl_http *h = NULL;
    PL_AUTO(http_response) struct pl_http_response r = { 0 };
    struct pl_http_opts o = { .offline = true };
    struct pl_http_request q = { .url = "https://a.test/" };
    struct pl_err err = { 0 };
    assert_int_equal(pl_http_new(&o, &h, &err), PL_OK);
    assert_int_equal(pl_http_request(h, &q, &r, &err), PL_EIO);
    assert_non_null(strstr(err.msg, "--offline"));
    assert_int_equal(pl_http_cause(h), PL_HTTP_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback),
        cmocka_unit_test(origins),
        cmocka_unit_test(locations),
        cmocka_unit_test(texts_without_secrets),
        cmocka_unit_test(queries),
        cmocka_unit_test(listed_hosts),
        cmocka_unit_test(proxies),
        cmocka_unit_test(headers),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(statuses),
        cmocka_unit_test(offline_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
