/* The cache: what is put is got; what is damaged, foreign or too much is not. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan/cache.h"

static char dir[] = "/tmp/pl-cache-XXXXXX";
static char found[512];
static unsigned n_files;

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_F) {
        n_files++;
        snprintf(found, sizeof(found), "%s", path);
        assert_int_equal(st->st_mode & 0777, 0600);
    } else {
        assert_int_equal(st->st_mode & 0777, 0700);
    }
    return 0;
}

static int rub_out(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static unsigned count(void)
{
    n_files = 0;
    nftw(dir, look, 8, FTW_PHYS);
    return n_files;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/pl-cache-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    return nftw(dir, rub_out, 8, FTW_PHYS | FTW_DEPTH);
}

static struct pl_cache *open_cache(uint64_t max)
{
    struct pl_cache *c = NULL;
    struct pl_err err = { 0 };
    assert_int_equal(pl_cache_open(dir, max, &c, &err), PL_OK);
    return c;
}

static pl_digest digest_of(const char *text)
{
    pl_digest d;
    pl_sha256(pl_span_str(text), &d);
    return d;
}

static void put_then_get(void **state)
{
    (void)state;
    PL_AUTO(cache) struct pl_cache *c = open_cache(PL_CACHE_BYTES);
    PL_AUTO(cached) struct pl_cached got = { 0 };
    pl_digest layer = digest_of("layer"), key, other;
    pl_cache_key(PL_LIT("dpkg/1 apk/1"), &key);
    pl_cache_key(PL_LIT("dpkg/2 apk/1"), &other);
    assert_false(pl_cache_get(c, &layer, &key, &got));
    assert_int_equal(pl_cache_put(c, &layer, &key, PL_LIT("the report"), NULL), PL_OK);
    assert_int_equal(pl_cache_put(c, &layer, &key, PL_LIT("the report"), NULL), PL_OK);
    assert_true(pl_cache_get(c, &layer, &key, &got));
    assert_true(pl_span_eq(got.bytes, PL_LIT("the report")));
    assert_false(pl_cache_get(c, &layer, &other, &got));
    assert_int_equal(count(), 1);
}

static void a_layer_without_digest(void **state)
{
    (void)state;
    PL_AUTO(cache) struct pl_cache *c = open_cache(PL_CACHE_BYTES);
    struct pl_cached got = { 0 };
    pl_digest none = { 0 }, key = digest_of("key");
    assert_false(pl_cache_get(c, &none, &key, &got));
    assert_int_equal(pl_cache_put(c, &none, &key, PL_LIT("x"), NULL), PL_EUSAGE);
}

static void damage_is_absence(void **state)
{
    (void)state;
    PL_AUTO(cache) struct pl_cache *c = open_cache(PL_CACHE_BYTES);
    pl_digest layer = digest_of("layer"), key = digest_of("key");
    for (int how = 0; how < 4; how++) {
        struct pl_cached got = { 0 };
        assert_int_equal(pl_cache_put(c, &layer, &key, PL_LIT("the report"), NULL), PL_OK);
        assert_int_equal(count(), 1);
        int fd = open(found, O_RDWR);
        if (how == 0)
            assert_int_equal(ftruncate(fd, 0), 0);
        else if (how == 1)
            assert_int_equal(ftruncate(fd, 70), 0);
        else
            assert_int_equal(pwrite(fd, "!", 1, how == 2 ? 0 : 70), 1);
        close(fd);
        assert_false(pl_cache_get(c, &layer, &key, &got));
    }
    unlink(found);
    mkdir(found, 0700);
    struct pl_cached got = { 0 };
    assert_false(pl_cache_get(c, &layer, &key, &got));
}

static void the_least_used_goes(void **state)
{
    (void)state;
    static char report[10000];
    char name[16];
    struct pl_cache *c = open_cache(45000);
    pl_digest key = digest_of("key");
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "layer %d", i);
        pl_digest layer = digest_of(name);
        assert_int_equal(pl_cache_put(c, &layer, &key, pl_span_of(report, sizeof(report)), NULL),
                         PL_OK);
        count();
    }
    /* Age all of them, then use one again. */
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "layer %d", i);
        pl_digest layer = digest_of(name);
        char path[512];
        pl_span id = pl_digest_hex(&layer), by = pl_digest_hex(&key);
        snprintf(path, sizeof(path), "%s/%.2s/%.64s-%.32s", dir, id.ptr, id.ptr, by.ptr);
        struct timespec then[2] = { { .tv_sec = time(NULL) - 100000 + i },
                                    { .tv_sec = time(NULL) - 100000 + i } };
        assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
    }
    pl_digest first = digest_of("layer 0"), second = digest_of("layer 1");
    struct pl_cached got = { 0 };
    assert_true(pl_cache_get(c, &first, &key, &got));
    pl_cached_done(&got);
    pl_cache_close(c);
    assert_int_equal(count(), 4);
    c = open_cache(45000);
    assert_true(pl_cache_get(c, &first, &key, &got));
    pl_cached_done(&got);
    assert_false(pl_cache_get(c, &second, &key, &got));
    pl_cache_close(c);
}

static void a_folder_that_is_none(void **state)
{
    (void)state;
    struct pl_cache *c = NULL;
    struct pl_err err = { 0 };
    assert_int_equal(pl_cache_open("/dev/null", 1, &c, &err), PL_EIO);
    assert_int_equal(pl_cache_open("/nowhere/at/all", 1, &c, &err), PL_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_then_get, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_layer_without_digest, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(damage_is_absence, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(the_least_used_goes, make_dir, drop_dir),
        cmocka_unit_test(a_folder_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
