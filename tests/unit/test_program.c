/* Programs by their own bytes: every rule of rules/programs/ on its own samples, and the limits of
 * what a hostile program can make us do. Real programs are in tests/e2e/programs.py. */
#include "analyze.h"

#include <zlib.h>

#include "base/rules.h"
#include "model/program_rules.h"

/* A path that a glob takes: what is open in it becomes something. */
static void path_of(pl_span glob, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < glob.len && n + 8 < room; i++) {
        if (glob.ptr[i] == '*' && i + 1 < glob.len && glob.ptr[i + 1] == '*') {
            n += (size_t)sprintf(out + n, "opt");
            i++;
        } else if (glob.ptr[i] == '*') {
            n += (size_t)sprintf(out + n, "x");
        } else {
            out[n++] = glob.ptr[i];
        }
    }
    out[n] = '\0';
}

static int n_wrong;

static void check_sample(const struct pl_program_rule *rule, const struct pl_program_sample *s)
{
    struct analysis a;
    PL_AUTO(buf) struct pl_buf bytes = { 0 };
    char path[256], want[256] = "", want_sure[300];
    analysis_init(&a);
    if (s->path.len)
        snprintf(path, sizeof(path), "%.*s", PL_FMT(s->path));
    else
        path_of(rule->files[0], path, sizeof(path));
    if (!rule->text && !rule->by_name)
        pl_buf_add(&bytes, PL_LIT("\177ELF\2\1\1 and so on\0"));
    pl_buf_add(&bytes, s->text);
    analyze(&a, path, pl_buf_span(&bytes), PL_SPAN_NONE);
    PL_AUTO(text) char *got = analysis_text(&a);
    snprintf(want, sizeof(want), "package %.*s %.*s %.*s", PL_FMT(rule->type),
             PL_FMT(rule->package), PL_FMT(s->version));
    snprintf(want_sure, sizeof(want_sure), "%s  in %s\n", want, path);
    bool wrong = s->version.len ? !strstr(got, want_sure) : strstr(got, want) != NULL;
    n_wrong += wrong;
    if (wrong)
        print_error("%s: %.*s on \"%.*s\" as %s: wanted \"%s\", got \"%s\"\n", rule->file,
                    PL_FMT(rule->name), PL_FMT(s->text), path,
                    s->version.len ? want_sure : "nothing", got);
    analysis_done(&a);
}

static void test_samples(void **state)
{
    size_t n;
    const char *why = "";
    const struct pl_program_rule *rules = pl_program_rules(&n, &why);
    (void)state;
    if (!rules)
        fail_msg("%s", why);
    assert_true(n > 100);
    for (size_t i = 0; i < n; i++) {
        if (rules[i].n_samples == 0)
            fail_msg("%s: %.*s has no samples", rules[i].file, PL_FMT(rules[i].name));
        for (size_t k = 0; k < rules[i].n_samples; k++)
            check_sample(&rules[i], &rules[i].samples[k]);
    }
    assert_int_equal(n_wrong, 0);
}

static void test_names_are_unique(void **state)
{
    size_t n;
    const struct pl_program_rule *r = pl_program_rules(&n, NULL);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (pl_span_eq(r[i].name, r[k].name))
                fail_msg("two rules are called %.*s", PL_FMT(r[i].name));
}

static void test_broken_rules(void **state)
{
    static const struct {
        const char *yaml, *why;
    } table[] = {
        { "- {files: [a], find: [{near: abc, version: d}]}", "name" },
        { "- {name: a, files: [a], find: [{near: ab, version: d}]}", "three bytes" },
        { "- {name: a, files: [a], find: [{near: abc}]}", "version is needed" },
        { "- {name: a, files: [a], find: abc}", "find is a list" },
        { "- {name: a, files: [a]}", "needs find" },
        { "- {name: a, files: [a], by_name: true}", "needs path" },
        { "- {name: a, fils: [a]}", "fils" },
        { "- {name: a, files: [a], cpe: [redis], find: [{near: abc, version: d}]}", "vendor" },
        { "name: a", "list" },
        { "- [", "r.yaml" },
    };
    (void)state;
    for (size_t i = 0; i < PL_COUNT(table); i++) {
        struct pl_arena arena;
        struct pl_vec rules = PL_VEC(struct pl_program_rule);
        struct pl_err err = { 0 };
        pl_arena_init(&arena, PL_MIB);
        assert_int_equal(
            pl_program_rules_parse("r.yaml", pl_span_str(table[i].yaml), &arena, &rules, &err),
            PL_EFORMAT);
        if (!strstr(err.msg, table[i].why))
            fail_msg("%s: said \"%s\"", table[i].yaml, err.msg);
        pl_arena_done(&arena);
    }
}

/* ---- large programs: the same found wherever the pieces break ---- */

static char *run(const char *path, pl_span bytes, size_t program_bytes)
{
    struct analysis a;
    struct pl_limits limits = PL_LIMITS;
    struct pl_arena tmp;
    struct pl_memory_blocks blocks;
    struct pl_err err = { 0 };
    extern const struct pl_analyzer pl_analyzer_program;
    limits.program_bytes = program_bytes;
    analysis_init(&a);
    pl_arena_init(&tmp, 256 * PL_MIB);
    const struct pl_input in = { .path = pl_span_str(path), .limits = &limits, .tmp = &tmp };
    pl_memory_blocks_init(&blocks, bytes, 70000);
    if (pl_analyzer_program.stream(&in, &blocks.blocks, a.sink, &err))
        fail_msg("%s", err.msg);
    char *text = analysis_text(&a);
    pl_arena_done(&tmp);
    analysis_done(&a);
    return text;
}

static void go_info(struct pl_buf *b, const char *toolchain, const char *modules)
{
    pl_buf_add(b, PL_LIT("\xff Go buildinf:\x08\x02"));
    for (int i = 0; i < 16; i++)
        pl_buf_char(b, 0);
    pl_buf_text(b, pl_span_str(toolchain));
    pl_buf_varint(b, strlen(modules) + 32);
    pl_buf_add(b, PL_LIT("\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"));
    pl_buf_add(b, pl_span_str(modules));
    pl_buf_add(b, PL_LIT("\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"));
}

#define MODULES                                                                                    \
    "path\texample.com/shop\nmod\texample.com/shop\t(devel)\t\n"                                   \
    "dep\tgolang.org/x/net\tv0.7.0\th1:x=\n"                                                       \
    "dep\tgithub.com/a/b\tv1.0.0\th1:y=\n=>\tgithub.com/fork/b\tv1.0.9\th1:z=\n"                   \
    "dep\texample.com/local\tv0.0.0\n=>\t./staging/local\t(devel)\t\n"                             \
    "build\t-ldflags=\"-s -X main.version=2.3.4 -X golang.org/x/net.Version=9.9.9\"\n"

static const char go_want[] = "package golang example.com/local (devel)  in opt/shop\n"
                              "package golang example.com/shop v2.3.4  in opt/shop\n"
                              "package golang github.com/fork/b v1.0.9  in opt/shop\n"
                              "package golang golang.org/x/net v0.7.0  in opt/shop\n"
                              "package golang stdlib 1.21.5  in opt/shop\n";

static void fill_to(struct pl_buf *b, size_t len)
{
    static const char zeros[4096];
    while (b->len < len)
        pl_buf_add(b, pl_span_of(zeros, len - b->len > 4096 ? 4096 : len - b->len));
}

static void test_go_anywhere(void **state)
{
    enum { LEAST = 3 << 20 };
    static const size_t places[] = { 16,      4096,          (1 << 20) - 16, 2097152, 3145728 - 16,
                                     3145728, 3145728 + 160, 4 << 20,        5242864, 6 << 20 };
    (void)state;
    for (size_t i = 0; i < PL_COUNT(places); i++) {
        PL_AUTO(buf) struct pl_buf b = { 0 };
        pl_buf_add(&b, PL_LIT("\177ELF"));
        fill_to(&b, places[i]);
        go_info(&b, "go1.21.5", MODULES);
        fill_to(&b, 7 << 20);
        PL_AUTO(text) char *whole = run("opt/shop", pl_buf_span(&b), 64 * PL_MIB);
        PL_AUTO(text) char *pieces = run("opt/shop", pl_buf_span(&b), LEAST);
        assert_string_equal(whole, go_want);
        assert_string_equal(pieces, go_want);
    }
}

static void test_go_not_aligned(void **state)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    (void)state;
    pl_buf_add(&b, PL_LIT("\177ELF, a reader of build information has the magic too"));
    fill_to(&b, 4097);
    go_info(&b, "go1.21.5", MODULES);
    PL_AUTO(text) char *got = run("opt/shop", pl_buf_span(&b), 64 * PL_MIB);
    assert_string_equal(got, "");
}

static void test_go_toolchains(void **state)
{
    static const struct {
        const char *toolchain, *want;
    } table[] = {
        { "go1.22.3", "stdlib 1.22.3 " },
        { "go1.20", "stdlib 1.20.0 " },
        { "go1.21rc2", "stdlib 1.21.0-rc.2 " },
        { "go1.18beta1", "stdlib 1.18.0-beta.1 " },
        { "go1.22.3 X:boringcrypto", "stdlib 1.22.3 " },
        { "go1.19.9-microsoft", "stdlib 1.19.9 " },
        { "devel go1.23-abcdef Thu", NULL },
        { "go", NULL },
        { "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < PL_COUNT(table); i++) {
        PL_AUTO(buf) struct pl_buf b = { 0 };
        pl_buf_add(&b, PL_LIT("\177ELF"));
        fill_to(&b, 32);
        go_info(&b, table[i].toolchain, "path\tx\n");
        PL_AUTO(text) char *got = run("opt/shop", pl_buf_span(&b), 64 * PL_MIB);
        if (table[i].want ? !strstr(got, table[i].want) : got[0] != '\0')
            fail_msg("%s: %s", table[i].toolchain, got);
    }
}

/* ---- the older layout: pointers, either class and byte order ---- */

static void number(struct pl_buf *b, uint64_t v, unsigned size, bool big)
{
    for (unsigned i = 0; i < size; i++)
        pl_buf_char(b, (char)(v >> 8 * (big ? size - 1 - i : i)));
}

static void old_go(struct pl_buf *b, unsigned word, bool big, bool relocated)
{
    const uint64_t base = 0x400000, info = 0x200, headers = 0x300, texts = 0x400;
    static const char modules[] = "path\tx\ndep\tgithub.com/old/dep\tv0.1.0\th1:=\n";
    pl_buf_add(b, PL_LIT("\177ELF"));
    pl_buf_char(b, word == 8 ? 2 : 1);
    pl_buf_char(b, big ? 2 : 1);
    fill_to(b, 16);
    number(b, 2, 2, big);
    number(b, 62, 2, big);
    number(b, 1, 4, big);
    number(b, base, word, big);
    number(b, 0x80, word, big); /* segments */
    number(b, 0, word, big);
    number(b, 0, 4, big);
    number(b, word == 8 ? 64 : 52, 2, big);
    number(b, word == 8 ? 56 : 32, 2, big);
    number(b, 1, 2, big);
    number(b, 0, 2, big);
    number(b, 0, 2, big);
    number(b, 0, 2, big);
    fill_to(b, 0x80);
    number(b, 1, 4, big);
    if (word == 8)
        number(b, 6, 4, big);
    number(b, 0, word, big);
    number(b, base, word, big);
    number(b, base, word, big);
    number(b, 0x1000, word, big);
    number(b, 0x1000, word, big);
    fill_to(b, info);
    pl_buf_add(b, PL_LIT("\xff Go buildinf:"));
    pl_buf_char(b, (char)word);
    pl_buf_char(b, big);
    number(b, base + headers, word, big);
    number(b, relocated ? 0 : base + headers + 2 * word, word, big);
    fill_to(b, headers);
    number(b, base + texts, word, big);
    number(b, 8, word, big);
    number(b, base + texts + 16, word, big);
    number(b, strlen(modules) + 32, word, big);
    fill_to(b, texts);
    pl_buf_add(b, PL_LIT("go1.16.5"));
    fill_to(b, texts + 16);
    pl_buf_add(b, PL_LIT("\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"));
    pl_buf_add(b, pl_span_str(modules));
    pl_buf_add(b, PL_LIT("\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"));
    fill_to(b, 0x1000);
}

static void test_go_pointers(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        PL_AUTO(buf) struct pl_buf b = { 0 };
        old_go(&b, i & 1 ? 8 : 4, i & 2, i & 4);
        PL_AUTO(text) char *got = run("opt/old", pl_buf_span(&b), 64 * PL_MIB);
        assert_string_equal(got, "package golang github.com/old/dep v0.1.0  in opt/old\n"
                                 "package golang stdlib 1.16.5  in opt/old\n");
    }
    PL_AUTO(buf) struct pl_buf large = { 0 };
    old_go(&large, 8, false, false);
    fill_to(&large, 4 << 20);
    PL_AUTO(text) char *got = run("opt/old", pl_buf_span(&large), 3 << 20);
    assert_non_null(strstr(got, "gap limit opt/old: Go build information of before Go 1.18"));
}

/* ---- Rust ---- */

static void rust(struct pl_buf *b, pl_span json, uint64_t lie)
{
    unsigned char packed[4096];
    uLongf n = sizeof(packed);
    assert_int_equal(compress(packed, &n, (const unsigned char *)json.ptr, json.len), Z_OK);
    pl_buf_add(b, PL_LIT("\177ELF\2\1\1"));
    fill_to(b, 40);
    number(b, 0x800, 8, false);
    fill_to(b, 58);
    number(b, 64, 2, false); /* size of a section's row, rows, which holds names */
    number(b, 2, 2, false);
    number(b, 0, 2, false);
    fill_to(b, 0x100);
    pl_buf_add(b, PL_LIT("\0.dep-v0\0"));
    fill_to(b, 0x200);
    pl_buf_add(b, pl_span_of(packed, n));
    fill_to(b, 0x800);
    for (int i = 0; i < 2; i++) {
        number(b, (uint64_t)i, 4, false);
        number(b, i ? 1 : 3, 4, false);
        number(b, 0, 8, false);
        number(b, 0, 8, false);
        number(b, i ? 0x200 + lie : 0x100, 8, false);
        number(b, i ? n : 9, 8, false);
        fill_to(b, b->len + 24);
    }
}

static void test_rust(void **state)
{
    static const char json[] =
        "{\"packages\":[{\"name\":\"shop\",\"version\":\"0.1.0\",\"source\":\"local\",\"root\":"
        "true},"
        "{\"name\":\"time\",\"version\":\"0.1.42\",\"source\":\"crates.io\"},"
        "{\"name\":\"cc\",\"version\":\"1.0.0\",\"kind\":\"build\"},{\"name\":7}]}";
    PL_AUTO(buf) struct pl_buf b = { 0 }, lied = { 0 };
    (void)state;
    rust(&b, pl_span_str(json), 0);
    PL_AUTO(text) char *got = run("opt/shop", pl_buf_span(&b), 64 * PL_MIB);
    assert_string_equal(got, "package cargo shop 0.1.0  in opt/shop\n"
                             "package cargo time 0.1.42  in opt/shop\n");
    rust(&lied, pl_span_str(json), 7);
    PL_AUTO(text) char *broken = run("opt/shop", pl_buf_span(&lied), 64 * PL_MIB);
    assert_non_null(strstr(broken, "gap broken opt/shop: .dep-v0"));
}

static void test_rust_panics(void **state)
{
    static const char text[] =
        "\177ELF /root/.cargo/registry/src/github.com-1ecc6299db9ec823/regex-1.5.4/src/lib.rs"
        "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/regex-1.5.4/src/exec.rs"
        "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/"
        "md-5-0.10.6-rc.1/src/lib.rs"
        "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/not a crate-1.0.0/x"
        "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/noversion/x"
        "/root/.cargo/registry/src/";
    (void)state;
    PL_AUTO(text) char *got = run("opt/shop", pl_span_str(text), 64 * PL_MIB);
    assert_string_equal(got, "package cargo md-5 0.10.6-rc.1  repository=panic paths in opt/shop\n"
                             "package cargo regex 1.5.4  repository=panic paths in opt/shop\n");
}

/* A file of nothing but hits ends in a gap, and soon. */
static void test_endless_hits(void **state)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    (void)state;
    pl_buf_add(&b, PL_LIT("\177ELF"));
    while (b.len < 2 * PL_MIB)
        pl_buf_add(&b, PL_LIT("nginx version: "));
    PL_AUTO(text) char *got = run("usr/sbin/nginx", pl_buf_span(&b), 64 * PL_MIB);
    assert_non_null(strstr(got, "gap limit usr/sbin/nginx: more than 20000 places"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_broken_rules),   cmocka_unit_test(test_go_anywhere),
        cmocka_unit_test(test_go_not_aligned), cmocka_unit_test(test_go_toolchains),
        cmocka_unit_test(test_go_pointers),    cmocka_unit_test(test_rust),
        cmocka_unit_test(test_rust_panics),    cmocka_unit_test(test_endless_hits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
