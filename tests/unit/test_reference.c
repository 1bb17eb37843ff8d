/* References by docker's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "image/reference.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void check(const char *text, const char *domain, const char *host, const char *repository,
                  const char *target)
{
    struct pl_reference r;
    struct pl_err err = { 0 };
    if (pl_reference_parse(pl_span_str(text), &r, &err))
        fail_msg("%s: %s", text, err.msg);
    assert_string_equal(r.domain, domain);
    assert_string_equal(r.host, host);
    assert_string_equal(r.repository, repository);
    assert_string_equal(pl_reference_target(&r), target);
}

static void reads_what_docker_reads(void **state)
{
    (void)state;
    check("nginx", "docker.io", "registry-1.docker.io", "library/nginx", "latest");
    check("team/app:1", "docker.io", "registry-1.docker.io", "team/app", "1");
    check("docker.io/nginx", "docker.io", "registry-1.docker.io", "library/nginx", "latest");
    check("index.docker.io/a/b", "docker.io", "registry-1.docker.io", "a/b", "latest");
    check("localhost/app", "localhost", "localhost", "app", "latest");
    check("localhost:5000/app:x", "localhost:5000", "localhost:5000", "app", "x");
    check("reg.test/app", "reg.test", "reg.test", "app", "latest");
    check("REG/app", "REG", "REG", "app", "latest");
    check("[::1]:5000/a/b:1", "[::1]:5000", "[::1]:5000", "a/b", "1");
    check("127.0.0.1:80/a__b/c---d.e", "127.0.0.1:80", "127.0.0.1:80", "a__b/c---d.e", "latest");
    check("app:1@sha256:" HEX, "docker.io", "registry-1.docker.io", "library/app", "sha256:" HEX);
    check("r.test:1/a@sha256:" HEX, "r.test:1", "r.test:1", "a", "sha256:" HEX);
    check("a/b/c/d/e", "docker.io", "registry-1.docker.io", "a/b/c/d/e", "latest");
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "/",
        "@",
        "a/",
        "/a",
        "a//b",
        "A",
        "a/B",
        "reg.test/",
        "reg.test:99999/a",
        "reg.test:0/a",
        "reg.test:/a",
        "reg.test:x/a",
        "a..b",
        "a.-b",
        "a___b",
        "-a",
        "a-",
        ".a",
        "a:",
        "a:-x",
        "a:.x",
        "a:x/y:",
        "a@sha256:1",
        "a@md5:" HEX,
        "a@",
        HEX,
        "https://r.test/a",
        "docker://a",
        "r.test/a b",
        "r.test/a\nb",
        "[::1/a",
        "[]/a",
        "[::g]/a",
        "-r.test/a",
        "r..test/a",
        "r.test./a",
        "a:x@y@sha256:" HEX,
        "a\x80",
        "r.test/a?b",
        "r.test/a#b",
        "u:p@r.test/a",
    };
    for (size_t i = 0; i < PL_COUNT(bad); i++) {
        struct pl_reference r;
        struct pl_err err = { 0 };
        if (pl_reference_parse(pl_span_str(bad[i]), &r, &err) != PL_EUSAGE)
            fail_msg("\"%s\" was taken for %s/%s", bad[i], r.domain, r.repository);
        assert_true(strlen(err.msg) > 10);
    }
}

static void ends_are_bounded(void **state)
{
    (void)state;
    char text[400];
    struct pl_reference r;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pl_reference_parse(pl_span_of(text, 255 - 9 - 8), &r, NULL), PL_OK);
    assert_int_equal(pl_reference_parse(pl_span_of(text, 255 - 9 - 7), &r, NULL), PL_EUSAGE);
    text[1] = ':';
    assert_int_equal(pl_reference_parse(pl_span_of(text, 130), &r, NULL), PL_OK);
    assert_int_equal(pl_reference_parse(pl_span_of(text, 131), &r, NULL), PL_EUSAGE);
    assert_int_equal(pl_reference_parse(pl_span_of("a\0b", 3), &r, NULL), PL_EUSAGE);
}

static void is_written_whole(void **state)
{
    (void)state;
    struct pl_reference r;
    char text[PL_REFERENCE_TEXT];
    assert_int_equal(pl_reference_parse(PL_LIT("app:1@sha256:" HEX), &r, NULL), PL_OK);
    pl_reference_text(&r, text, sizeof(text));
    assert_string_equal(text, "docker.io/library/app:1@sha256:" HEX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_docker_reads),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(ends_are_bounded),
        cmocka_unit_test(is_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
