/* The tar walker: names, whiteouts, sparse files, and what hostile hands write. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/walk_impl.h"
#include "tar_maker.h"

static const char types[] = {
    [PL_FILE_REGULAR] = 'f',  [PL_FILE_DIR] = 'd',      [PL_FILE_SYMLINK] = 'l',
    [PL_FILE_HARDLINK] = 'h', [PL_FILE_CHAR] = 'c',     [PL_FILE_BLOCK] = 'b',
    [PL_FILE_FIFO] = 'p',     [PL_FILE_WHITEOUT] = 'w', [PL_FILE_OPAQUE] = 'o'
};

/* "f a/b 5|l x>y|" and so on; the flaw of an entry as "!reason". */
static pl_rc list(pl_span tar, const struct pl_limits *limits, struct pl_buf *out,
                  struct pl_layer_totals *totals, struct pl_err *err)
{
    struct pl_stream s = stream_of(tar);
    struct pl_walk *w = NULL;
    const struct pl_entry *e = NULL;
    const char *reason;
    pl_rc rc = pl_walk_tar(&s, limits, &w, err);
    while (!rc && !(rc = pl_walk_next(w, &e, err)) && e) {
        if (pl_walk_flaw(w, &reason))
            pl_buf_printf(out, "!%s|", reason);
        else
            pl_buf_printf(out, "%c %.*s%s%.*s|", types[e->type], PL_FMT(e->path),
                          e->link.len ? ">" : "", PL_FMT(e->link));
    }
    struct pl_layer_totals unused;
    pl_rc after = w ? pl_walk_finish(w, totals ? totals : &unused, rc ? NULL : err) : PL_OK;
    if (after)
        assert_int_equal(pl_walk_finish(w, totals ? totals : &unused, NULL), PL_OK);
    rc = rc ? rc : after;
    pl_walk_close(w);
    close(s.fd);
    pl_buf_char(out, '\0');
    return rc;
}

static void check(struct pl_buf *tar, const char *want)
{
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    struct pl_layer_totals totals = { 0 };
    pl_digest whole;
    tar_end(tar);
    pl_rc rc = list(pl_buf_span(tar), &PL_LIMITS, &out, &totals, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rc, PL_OK);
    assert_string_equal(out.ptr, want);
    pl_sha256(pl_buf_span(tar), &whole);
    assert_string_equal(totals.diff_id.text, whole.text);
    assert_string_equal(totals.digest.text, whole.text);
    assert_int_equal(totals.size, tar->len);
}

static void names_are_cleaned(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    tar_dir(&t, "./");
    tar_dir(&t, "./etc/");
    tar_file(&t, "/etc//passwd", PL_LIT("x"));
    tar_file(&t, "../../../etc/shadow", PL_LIT("x"));
    tar_file(&t, "a/./b/../c", PL_LIT("x"));
    tar_file(&t, "caf\xe9", PL_LIT("x"));
    tar_link(&t, '1', "hard", "./../etc/passwd");
    tar_link(&t, '2', "soft", "../../etc/passwd");
    tar_link(&t, '2', "loop", "loop");
    check(&t, "d etc|f etc/passwd|f etc/shadow|f a/c|f caf\xe9|h hard>etc/passwd|"
              "l soft>../../etc/passwd|l loop>loop|");
}

static void whiteouts(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    tar_file(&t, "a/.wh.b", PL_SPAN_NONE);
    tar_file(&t, ".wh.top", PL_SPAN_NONE);
    tar_file(&t, "d/.wh..wh..opq", PL_SPAN_NONE);
    tar_file(&t, ".wh..wh..opq", PL_SPAN_NONE);
    tar_file(&t, ".wh..wh.aufs", PL_SPAN_NONE);
    tar_file(&t, "x/.wh..", PL_SPAN_NONE);
    tar_file(&t, "x/.wh...", PL_SPAN_NONE);
    tar_put(&t, &(struct tar_header){ .name = "over/gone", .type = '3' });
    tar_put(&t, &(struct tar_header){ .name = "dev/null", .type = '3', .major = 1, .minor = 3 });
    tar_put(&t, &(struct tar_header){ .name = "dev/sda", .type = '4', .major = 8 });
    tar_put(&t, &(struct tar_header){ .name = "run/pipe", .type = '6' });
    check(&t, "w a/b|w top|o d|o |w over/gone|c dev/null|b dev/sda|p run/pipe|");
}

static void opaque_by_attribute(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    tar_pax(&t, "SCHILY.xattr.trusted.overlay.opaque", PL_LIT("y"));
    tar_dir(&t, "one/");
    tar_pax(&t, "SCHILY.xattr.user.overlay.opaque", PL_LIT("y"));
    tar_dir(&t, "two/");
    tar_pax(&t, "SCHILY.xattr.user.overlay.opaque", PL_LIT("n"));
    tar_dir(&t, "three/");
    check(&t, "d one|o one|d two|o two|d three|");
}

static void bookkeeping_is_left_out(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    tar_file(&t, ".prefetch.landmark", PL_LIT("\x0f"));
    tar_file(&t, ".no.prefetch.landmark", PL_LIT("\x0f"));
    tar_file(&t, "a", PL_LIT("x"));
    tar_file(&t, "stargz.index.json", PL_LIT("{}"));
    check(&t, "f a|");
}

static void long_names(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf name = { 0 };
    while (name.len < 4000)
        pl_buf_add(&name, PL_LIT("0123456789/"));
    pl_buf_char(&name, 'x');
    tar_long(&t, 'L', pl_buf_span(&name));
    tar_file(&t, "short", PL_LIT("x"));
    tar_pax(&t, "path", PL_LIT("na\xc3\xafve/\xff\xfe"));
    tar_file(&t, "other", PL_LIT("x"));
    while (name.len < 4200)
        pl_buf_add(&name, PL_LIT("/0123456789"));
    tar_long(&t, 'L', pl_buf_span(&name));
    tar_file(&t, "longer", PL_LIT("x"));
    tar_file(&t, "last", PL_LIT("x"));
    tar_end(&t);
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    assert_int_equal(list(pl_buf_span(&t), &PL_LIMITS, &out, NULL, &err), PL_OK);
    assert_non_null(strstr(out.ptr, "|!limit|f last|"));
    assert_non_null(strstr(out.ptr, "0123456789/x|"));
    assert_non_null(strstr(out.ptr, "|f na\xc3\xafve/"));
}

static pl_rc read_all(struct pl_walk *w, struct pl_buf *out)
{
    for (;;) {
        pl_span block;
        pl_rc rc = pl_walk_read(w, &block, NULL);
        if (rc || block.len == 0)
            return rc;
        pl_buf_add(out, block);
    }
}

static void bytes_come_through(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    for (unsigned i = 0; big.len < 3000000; i++)
        pl_buf_printf(&big, "%u,", i * 2654435761u);
    tar_file(&t, "skipped", pl_buf_span(&big));
    tar_file(&t, "big", pl_buf_span(&big));
    tar_file(&t, "small", PL_LIT("small"));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    struct pl_stream s = stream_of(pl_buf_span(&z));
    PL_AUTO(walk) struct pl_walk *w = NULL;
    const struct pl_entry *e;
    assert_int_equal(pl_walk_tar(&s, &PL_LIMITS, &w, NULL), PL_OK);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    PL_AUTO(buf) struct pl_buf got = { 0 };
    assert_int_equal(read_all(w, &got), PL_OK);
    assert_true(pl_span_eq(pl_buf_span(&got), pl_buf_span(&big)));
    got.len = 0;
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    assert_int_equal(read_all(w, &got), PL_OK);
    assert_true(pl_span_eq(pl_buf_span(&got), PL_LIT("small")));
    struct pl_layer_totals totals;
    pl_digest want;
    assert_int_equal(pl_walk_finish(w, &totals, NULL), PL_OK);
    pl_sha256(pl_buf_span(&z), &want);
    assert_string_equal(totals.digest.text, want.text);
    pl_sha256(pl_buf_span(&t), &want);
    assert_string_equal(totals.diff_id.text, want.text);
    assert_int_equal(totals.stored_size, z.len);
    assert_int_equal(pl_walk_position(w), z.len);
    close(s.fd);
}

/* PAX sparse 1.0 (GNU tar manual, "Storing Sparse Files"): a hole of 1 TB costs nothing to skip,
 * and its beginning is zeros. */
static void sparse_files(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf body = { 0 };
    pl_buf_add(&body, PL_LIT("1\n1000\n5\n"));
    while (body.len % 512)
        pl_buf_char(&body, '\0');
    pl_buf_add(&body, PL_LIT("hello"));
    for (int i = 0; i < 2; i++) {
        PL_AUTO(buf) struct pl_buf r = { 0 };
        pl_buf_printf(&r, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n");
        pl_buf_printf(&r, i ? "37 GNU.sparse.realsize=1099511627776\n"
                            : "28 GNU.sparse.realsize=2000\n");
        tar_put(&t, &(struct tar_header){ .name = "PaxHeaders/s", .type = 'x', .size = r.len });
        pl_buf_add(&t, pl_buf_span(&r));
        tar_pad(&t);
        tar_file(&t, i ? "huge" : "sparse", pl_buf_span(&body));
    }
    tar_file(&t, "last", PL_LIT("x"));
    tar_end(&t);
    struct pl_stream s = stream_of(pl_buf_span(&t));
    PL_AUTO(walk) struct pl_walk *w = NULL;
    PL_AUTO(buf) struct pl_buf got = { 0 };
    const struct pl_entry *e;
    assert_int_equal(pl_walk_tar(&s, &PL_LIMITS, &w, NULL), PL_OK);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    assert_int_equal(e->size, 2000);
    assert_int_equal(read_all(w, &got), PL_OK);
    assert_int_equal(got.len, 2000);
    assert_int_equal(got.ptr[999], 0);
    assert_int_equal(strncmp(got.ptr + 1000, "hello", 6), 0);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    assert_int_equal(e->size, (uint64_t)1 << 40);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    assert_true(pl_span_eq(e->path, PL_LIT("last")));
    close(s.fd);
}

static void flawed(struct pl_buf *t, pl_rc want, const char *words)
{
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    struct pl_layer_totals totals = { 0 };
    assert_int_equal(list(pl_buf_span(t), &PL_LIMITS, &out, &totals, &err), want);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
    assert_int_equal(strncmp(out.ptr, "f first|", 8), 0);
    assert_int_equal(totals.stored_size, t->len);
}

static void broken_tars(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    tar_file(&t, "first", PL_LIT("x"));
    tar_put(&t, &(struct tar_header){ .name = "cut", .size = 100000 });
    flawed(&t, PL_EFORMAT, "tar:");
    t.len = 1024;
    tar_put(&t, &(struct tar_header){ .name = "terabyte", .size = (uint64_t)1 << 40 });
    flawed(&t, PL_EFORMAT, "tar:");
    t.len = 1024;
    tar_file(&t, "bad", PL_LIT("x"));
    t.ptr[1024 + 5] ^= 1; /* its checksum */
    flawed(&t, PL_EFORMAT, "tar:");
    t.len = 1024;
    for (int i = 0; i < 20000; i++) /* names of names of names */
        tar_long(&t, 'L', PL_LIT("a"));
    tar_file(&t, "end", PL_LIT("x"));
    tar_end(&t);
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    pl_rc rc = list(pl_buf_span(&t), &PL_LIMITS, &out, NULL, &err);
    assert_true(rc == PL_OK || rc == PL_EFORMAT);
}

static void cut_gzip(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf big = { 0 };
    for (unsigned i = 0; big.len < 2000000; i++)
        pl_buf_printf(&big, "%u,", i * 2654435761u);
    tar_file(&t, "first", PL_LIT("x"));
    tar_file(&t, "second", pl_buf_span(&big));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    z.len = z.len / 2;
    flawed(&z, PL_EFORMAT, "gzip: cut off");
}

static void garbage_behind(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    tar_file(&t, "first", PL_LIT("x"));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 1);
    pl_buf_add(&z, PL_LIT("garbage"));
    struct pl_stream s = stream_of(pl_buf_span(&z));
    PL_AUTO(walk) struct pl_walk *w = NULL;
    const struct pl_entry *e;
    struct pl_layer_totals totals = { 0 };
    assert_int_equal(pl_walk_tar(&s, &PL_LIMITS, &w, &err), PL_OK);
    do
        assert_int_equal(pl_walk_next(w, &e, &err), PL_OK);
    while (e);
    assert_int_equal(pl_walk_finish(w, &totals, &err), PL_EFORMAT);
    assert_int_equal(pl_walk_finish(w, &totals, &err), PL_OK);
    assert_false(pl_digest_set(&totals.diff_id));
    assert_int_equal(totals.stored_size, z.len);
    close(s.fd);
}

static void no_tar_at_all(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_err err = { 0 };
    assert_int_equal(list(PL_SPAN_NONE, &PL_LIMITS, &out, NULL, &err), PL_OK);
    assert_string_equal(out.ptr, "");
    for (int i = 0; i < 100; i++)
        pl_buf_add(&t, PL_LIT("<html>not found</html>\n"));
    assert_int_equal(list(pl_buf_span(&t), &PL_LIMITS, &out, NULL, &err), PL_EFORMAT);
}

static void limits_hold(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf out = { 0 };
    struct pl_limits limits = PL_LIMITS;
    struct pl_err err = { 0 };
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        tar_file(&t, name, PL_SPAN_NONE);
    }
    tar_end(&t);
    limits.layer_entries = 50;
    assert_int_equal(list(pl_buf_span(&t), &limits, &out, NULL, &err), PL_ELIMIT);
    assert_non_null(strstr(out.ptr, "|f f49|"));
    assert_null(strstr(out.ptr, "|f f50|"));
    limits = PL_LIMITS;
    limits.layer_bytes = 1024;
    assert_int_equal(list(pl_buf_span(&t), &limits, &out, NULL, &err), PL_ELIMIT);
}

static void *write_slowly(void *ctx)
{
    const struct pl_buf *b = ((void **)ctx)[0];
    int fd = *(int *)((void **)ctx)[1];
    for (size_t at = 0; at < b->len;) {
        size_t n = b->len - at < 777 ? b->len - at : 777;
        ssize_t wrote = write(fd, b->ptr + at, n);
        if (wrote <= 0)
            break;
        at += (size_t)wrote;
    }
    close(fd);
    return NULL;
}

static void from_a_pipe(void **state)
{
    (void)state;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    PL_AUTO(buf) struct pl_buf z = { 0 };
    int fds[2];
    pthread_t thread;
    for (int i = 0; i < 1000; i++)
        tar_file(&t, "again", PL_LIT("x"));
    tar_end(&t);
    gzip_put(&z, pl_buf_span(&t), 0);
    assert_int_equal(pipe(fds), 0);
    void *ctx[] = { &z, &fds[1] };
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, ctx), 0);
    struct pl_stream s = { .fd = fds[0], .length = UINT64_MAX };
    PL_AUTO(walk) struct pl_walk *w = NULL;
    const struct pl_entry *e;
    struct pl_layer_totals totals;
    int n = 0;
    assert_int_equal(pl_walk_tar(&s, &PL_LIMITS, &w, NULL), PL_OK);
    while (pl_walk_next(w, &e, NULL) == PL_OK && e)
        n++;
    assert_int_equal(n, 1000);
    assert_int_equal(pl_walk_finish(w, &totals, NULL), PL_OK);
    assert_int_equal(totals.stored_size, z.len);
    pthread_join(thread, NULL);
    close(fds[0]);
}

/* A writer that says nothing must not keep pl_walk_close() waiting. */
static void a_silent_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pl_limits limits = PL_LIMITS;
    PL_AUTO(buf) struct pl_buf t = { 0 };
    static char half[200 << 10];
    tar_put(&t, &(struct tar_header){ .name = "a", .size = 1 << 20 });
    memcpy(half, t.ptr, 512);
    pthread_t thread;
    struct pl_buf b = { .ptr = half, .len = sizeof(half) };
    int keep_open = dup(fds[1]);
    void *ctx[] = { &b, &fds[1] };
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, ctx), 0);
    struct pl_stream s = { .fd = fds[0], .length = UINT64_MAX };
    struct pl_walk *w = NULL;
    const struct pl_entry *e;
    assert_int_equal(pl_walk_tar(&s, &limits, &w, NULL), PL_OK);
    assert_int_equal(pl_walk_next(w, &e, NULL), PL_OK);
    pl_walk_close(w);
    close(fds[0]);
    pthread_join(thread, NULL);
    close(keep_open);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cleaned),
        cmocka_unit_test(whiteouts),
        cmocka_unit_test(opaque_by_attribute),
        cmocka_unit_test(bookkeeping_is_left_out),
        cmocka_unit_test(long_names),
        cmocka_unit_test(bytes_come_through),
        cmocka_unit_test(sparse_files),
        cmocka_unit_test(broken_tars),
        cmocka_unit_test(cut_gzip),
        cmocka_unit_test(garbage_behind),
        cmocka_unit_test(no_tar_at_all),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(from_a_pipe),
        cmocka_unit_test(a_silent_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
