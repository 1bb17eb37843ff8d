/* Sources without a file system around them; tests/e2e/transports.py runs this program with targets
 * as arguments, and then it prints what they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>

#include "image/archive.h"
#include "probe.h"

struct fixture {
    struct pl_arena a;
    struct pl_limits limits;
    struct pl_source_opts o;
    struct pl_err err;
    char path[64];
    int fd;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .limits = PL_LIMITS };
    pl_arena_init(&f.a, 64 * PL_MIB);
    f.o = (struct pl_source_opts){ .limits = &f.limits, .arena = &f.a };
    f.fd = memfd_create("test", MFD_CLOEXEC);
    snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
    *state = &f;
    return f.fd < 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    pl_arena_done(&f->a);
    return 0;
}

/* One ustar entry (POSIX.1-2017, pax, "ustar Interchange Format"). */
static void add(struct fixture *f, const char *name, pl_span data, uint64_t claimed)
{
    char head[512] = "";
    unsigned sum = 0;
    snprintf(head, 100, "%s", name);
    snprintf(head + 100, 8, "%07o", 0644U);
    snprintf(head + 108, 8, "%07o", 0U);
    snprintf(head + 116, 8, "%07o", 0U);
    snprintf(head + 124, 12, "%011llo", (unsigned long long)claimed);
    snprintf(head + 136, 12, "%011o", 0U);
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(head); i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    assert_int_equal(write(f->fd, head, sizeof(head)), sizeof(head));
    char pad[512] = "";
    assert_int_equal(write(f->fd, data.ptr, data.len), data.len);
    size_t rest = (512 - data.len % 512) % 512;
    assert_int_equal(write(f->fd, pad, rest), rest);
}

static void add_image(struct fixture *f, const char *layers)
{
    char text[300];
    snprintf(text, sizeof(text), "[{\"Config\":\"c\",\"Layers\":[%s]}]", layers);
    add(f, "manifest.json", pl_span_str(text), strlen(text));
    add(f, "c", PL_LIT("{}"), 2);
}

static const struct pl_gap *only_gap(const struct pl_source *s)
{
    assert_int_equal(s->image->gaps.n, 1);
    return s->image->gaps.items;
}

static void offsets(void **state)
{
    struct fixture *f = *state;
    PL_AUTO(source) struct pl_source *s = NULL;
    struct pl_stream stream;
    char got[6] = "";
    add_image(f, "\"a\",\"b\"");
    add(f, "a", PL_LIT("first"), 5);
    add(f, "b", PL_LIT("second"), 6);
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_OK);
    assert_null(s->read_order);
    assert_int_equal(s->ops->layer_open(s, 1, &stream, &f->err), PL_OK);
    assert_true(stream.seekable);
    assert_int_equal(stream.offset, 7 * 512);
    assert_int_equal(stream.length, 6);
    assert_int_equal(pread(stream.fd, got, 6, (off_t)stream.offset), 6);
    assert_memory_equal(got, "second", 6);
    close(stream.fd);
    assert_int_equal(s->ops->layer_open(s, 2, &stream, &f->err), PL_EABSENT);
    assert_int_equal(s->ops->layer_open(s, UINT_MAX, &stream, &f->err), PL_EABSENT);
}

static void too_many_entries(void **state)
{
    struct fixture *f = *state;
    PL_AUTO(source) struct pl_source *s = NULL;
    f->limits.archive_entries = 3;
    add_image(f, "\"a\"");
    add(f, "a", PL_LIT("x"), 1);
    for (int i = 0; i < 10; i++)
        add(f, "more", PL_LIT(""), 0);
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_OK);
    assert_true(pl_span_eq(only_gap(s)->reason, PL_LIT("limit")));
}

static void a_terabyte(void **state)
{
    struct fixture *f = *state;
    PL_AUTO(source) struct pl_source *s = NULL;
    add_image(f, "\"a\"");
    add(f, "a", PL_LIT("x"), (uint64_t)1 << 32);
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_OK);
    assert_string_equal(s->image->layers[0].unreadable, "truncated");
}

static void a_huge_manifest(void **state)
{
    struct fixture *f = *state;
    struct pl_source *s = NULL;
    f->limits.config_bytes = 10;
    add_image(f, "\"a\"");
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_ELIMIT);
    assert_non_null(strstr(f->err.msg, "manifest.json has"));
}

static void no_archive(void **state)
{
    struct fixture *f = *state;
    struct pl_source *s = NULL;
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_EFORMAT);
    assert_non_null(strstr(f->err.msg, "is empty"));
    assert_int_equal(write(f->fd, "hello", 5), 5);
    assert_int_equal(pl_source_open(f->path, &f->o, &s, &f->err), PL_EFORMAT);
    assert_non_null(strstr(f->err.msg, "not a tar archive"));
    assert_int_equal(pl_source_open("/dev/null", &f->o, &s, &f->err), PL_EFORMAT);
    assert_int_equal(pl_source_open("oci:", &f->o, &s, &f->err), PL_EUSAGE);
    assert_int_equal(pl_source_open("rootfs:", &f->o, &s, &f->err), PL_EUSAGE);
    assert_int_equal(pl_source_open("docker-daemon:a b", &f->o, &s, &f->err), PL_EUSAGE);
    assert_int_equal(pl_source_open("docker-daemon:../x", &f->o, &s, &f->err), PL_EUSAGE);
}

static void spool(void **state)
{
    struct fixture *f = *state;
    int ends[2], out = -1;
    f->limits.spool_bytes = 10;
    f->o.cache_dir = "/nowhere/at/all"; /* the next place serves */
    for (size_t n = 10; n <= 11; n++) {
        char got[16];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "\x1f\x8b\x08 3456789a", n), n); /* begins as gzip does */
        close(ends[1]);
        pl_rc rc = pl_spool(ends[0], &f->o, &out, &f->err);
        close(ends[0]);
        assert_int_equal(rc, n == 10 ? PL_OK : PL_ELIMIT);
        if (n == 10)
            assert_int_equal(pread(out, got, sizeof(got), 0), 10);
    }
    close(out);
}

/* What a child that was taken over could send. */
static void broken_indexes(void **state)
{
    struct fixture *f = *state;
    static const pl_span answers[] = {
        { "", 0 },      { "H", 1 },         { "H\1", 2 },         { "E\146\5\0\1a", 6 },
        { "X\0\1", 3 }, { "Z", 1 },         { "X\143\0", 3 },     { "E\146\5\0\1a\0\1\3abc", 11 },
        { "X\3\0", 3 }, { "X\200\200", 3 }, { "EEEEEEEEEE", 10 },
    };
    struct pl_files *files = NULL;
    for (size_t i = 0; i < PL_COUNT(answers); i++)
        assert_int_equal(pl_archive_index_parse(answers[i], &f->limits, &files, &f->err),
                         PL_EFORMAT);
    assert_int_equal(pl_archive_index_parse(PL_LIT("X\0\0"), &f->limits, &files, &f->err), PL_OK);
    pl_files_close(files);
}

static int tests(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(offsets),         TEST(too_many_entries), TEST(a_terabyte),
        TEST(a_huge_manifest), TEST(no_archive),       TEST(spool),
        TEST(broken_indexes),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return tests();
    for (int i = 1; i < argc; i++)
        failed |= probe(argv[i], getenv("PLIMSOLL_TEST_PLATFORM"));
    return failed;
}
