/* Challenges, and credentials as docker and podman keep them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "image/registry_auth.h"

static struct pl_arena arena;

static int begin(void **state)
{
    (void)state;
    pl_arena_init(&arena, PL_MIB);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pl_arena_done(&arena);
    return 0;
}

static struct pl_vec parse(const char *header)
{
    struct pl_vec v = PL_VEC(struct pl_challenge);
    assert_true(pl_challenges_parse(pl_span_str(header), &arena, &v));
    return v;
}

static void equal(pl_span s, const char *text)
{
    if (!pl_span_eq(s, pl_span_str(text)))
        fail_msg("\"%.*s\" is not \"%s\"", PL_FMT(s), text);
}

static void one_challenge(void **state)
{
    (void)state;
    struct pl_vec v = parse("Bearer realm=\"https://auth.test/token\",service=\"reg.test\","
                            "scope=\"repository:a/b:pull,push\",error=\"invalid_token\"");
    const struct pl_challenge *c = v.items;
    assert_int_equal(v.n, 1);
    equal(c->scheme, "Bearer");
    equal(c->realm, "https://auth.test/token");
    equal(c->service, "reg.test");
    equal(c->scope, "repository:a/b:pull,push");
    equal(c->error, "invalid_token");
}

static void several_in_one_header(void **state)
{
    (void)state;
    struct pl_vec v = parse("Negotiate YWJj==, Basic realm=\"a, \\\"b\\\" c\" , bearer Realm = "
                            "https://x/y?z , service=s");
    const struct pl_challenge *c = v.items;
    assert_int_equal(v.n, 3);
    equal(c[0].scheme, "Negotiate");
    equal(c[1].realm, "a, \"b\" c");
    equal(c[2].scheme, "bearer");
    equal(c[2].service, "s");
}

static void odd_headers(void **state)
{
    (void)state;
    assert_int_equal(parse("").n, 0);
    assert_int_equal(parse(" , ,\t,").n, 0);
    assert_int_equal(parse("realm=\"x\"").n, 0);
    struct pl_vec v = parse("Bearer realm=\"never ended");
    equal(((const struct pl_challenge *)v.items)->realm, "never ended");
    v = parse("Bearer realm=\"ends in \\");
    equal(((const struct pl_challenge *)v.items)->realm, "ends in \\");
    char many[4000] = "";
    for (int i = 0; i < 900; i++)
        strcat(many, "A, ");
    assert_int_equal(parse(many).n, 32);
}

static struct pl_credentials find(const char *json, const char *name, const char **helper)
{
    struct pl_reference r;
    struct pl_credentials c = { 0 };
    struct pl_err err = { 0 };
    const char *h = NULL;
    assert_int_equal(pl_reference_parse(pl_span_str(name), &r, &err), PL_OK);
    if (pl_docker_config_find(pl_span_str(json), &r, &arena, &c, &h, &err))
        fail_msg("%s", err.msg);
    if (helper)
        *helper = h;
    return c;
}

static void user_is(const char *json, const char *name, const char *user)
{
    struct pl_credentials c = find(json, name, NULL);
    if (!user)
        assert_null(c.user);
    else if (!c.user)
        fail_msg("%s: none found", name);
    else
        assert_string_equal(c.user, user);
}

/* base64 of a:pw, b:pw, c:pw */
#define A "{\"auth\":\"YTpwdw==\"}"
#define B "{\"auth\":\"Yjpwdw==\"}"
#define C "{\"auth\":\"Yzpwdw==\"}"

static void keys_from_host_to_repository(void **state)
{
    (void)state;
    const char *json = "{\"auths\":{\"reg.test:5000\":" A ",\"reg.test:5000/team\":" B
                       ",\"reg.test:5000/team/app\":" C "}}";
    user_is(json, "reg.test:5000/other", "a");
    user_is(json, "reg.test:5000/team/x", "b");
    user_is(json, "reg.test:5000/team/app:1", "c");
    user_is(json, "reg.test:5000/team/app/deep", "c");
    user_is(json, "reg.test:5000/teams/x", "a");
    user_is(json, "reg.test/team/app", NULL);
    user_is(json, "app", NULL);
}

static void keys_as_old_clients_wrote_them(void **state)
{
    (void)state;
    user_is("{\"auths\":{\"https://index.docker.io/v1/\":" A "}}", "nginx", "a");
    user_is("{\"auths\":{\"docker.io\":" A "}}", "team/app", "a");
    user_is("{\"auths\":{\"https://reg.test/v2/\":" A "}}", "reg.test/app", "a");
    user_is("{\"auths\":{\"http://reg.test:80\":" A "}}", "reg.test:80/app", "a");
    user_is("{\"auths\":{\"reg.test/v1/\":" A "}}", "reg.test/app", "a");
    user_is("{\"auths\":{\"https://reg.test\":" A ",\"reg.test\":" B "}}", "reg.test/app", "b");
    user_is("{\"reg.test\":" A "}", "reg.test/app", "a");
    user_is("{\"auths\":{\"\":" A ",\"/\":" B "}}", "reg.test/app", NULL);
}

static void values_of_every_kind(void **state)
{
    (void)state;
    struct pl_credentials c =
        find("{\"auths\":{\"r.test\":{\"auth\":\"YTpwOncAAA==\"}}}", "r.test/a", NULL);
    assert_string_equal(c.password, "p:w"); /* first colon splits, NULs at the end go */
    user_is("{\"auths\":{\"r.test\":{\"auth\":\"!!!!\"}}}", "r.test/a", NULL);
    user_is("{\"auths\":{\"r.test\":{\"auth\":\"YQ==\"}}}", "r.test/a", NULL);
    user_is("{\"auths\":{\"r.test\":{\"auth\":7}}}", "r.test/a", NULL);
    user_is("{\"auths\":{\"r.test\":[]}}", "r.test/a", NULL);
    user_is("{\"auths\":[]}", "r.test/a", NULL);
    user_is("{\"auths\":{\"r.test\":{\"username\":\"u\",\"password\":\"p\"}}}", "r.test/a", "u");
    c = find("{\"auths\":{\"r.test\":{\"identitytoken\":\"t\",\"registrytoken\":\"x\\ny\"}}}",
             "r.test/a", NULL);
    assert_string_equal(c.identity_token, "t");
    assert_null(c.registry_token); /* it would have made a header line */
}

static void helpers_go_first(void **state)
{
    (void)state;
    const char *helper;
    find("{\"credHelpers\":{\"r.test\":\"one\"},\"credsStore\":\"two\"}", "r.test/a", &helper);
    assert_string_equal(helper, "one");
    find("{\"credHelpers\":{\"r.test\":\"one\"},\"credsStore\":\"two\"}", "s.test/a", &helper);
    assert_string_equal(helper, "two");
    find("{\"auths\":{}}", "s.test/a", &helper);
    assert_null(helper);
}

static void helper_names_are_no_commands(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "a b", "a;b", "../a", "a/b", "$(id)", "-a", "a\n" };
    struct pl_credentials c;
    struct pl_err err;
    for (size_t i = 0; i < PL_COUNT(bad); i++)
        assert_int_equal(pl_credential_helper(bad[i], "r.test", &arena, &c, &err), PL_EFORMAT);
    assert_int_equal(pl_credential_helper("plimsoll-test-none", "r.test", &arena, &c, &err),
                     PL_EABSENT);
}

static void broken_documents(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "{", "[]", "7", "\"x\"", "{\"auths\":" };
    struct pl_reference r;
    struct pl_credentials c;
    const char *helper;
    assert_int_equal(pl_reference_parse(PL_LIT("a"), &r, NULL), PL_OK);
    for (size_t i = 0; i < PL_COUNT(bad); i++)
        assert_int_equal(pl_docker_config_find(pl_span_str(bad[i]), &r, &arena, &c, &helper, NULL),
                         PL_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_challenge, begin, end),
        cmocka_unit_test_setup_teardown(several_in_one_header, begin, end),
        cmocka_unit_test_setup_teardown(odd_headers, begin, end),
        cmocka_unit_test_setup_teardown(keys_from_host_to_repository, begin, end),
        cmocka_unit_test_setup_teardown(keys_as_old_clients_wrote_them, begin, end),
        cmocka_unit_test_setup_teardown(values_of_every_kind, begin, end),
        cmocka_unit_test_setup_teardown(helpers_go_first, begin, end),
        cmocka_unit_test_setup_teardown(helper_names_are_no_commands, begin, end),
        cmocka_unit_test_setup_teardown(broken_documents, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
