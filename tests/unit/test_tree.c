/* The tree walker: order, types, symlinks that lead out, and a pass in a child. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/walk.h"
#include "scan/layer_pass.h"

static char dir[64];
static int tree = -1;

static int rub_out(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void put(const char *name, const char *text)
{
    int fd = openat(tree, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int make_tree(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/pl-tree-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    tree = open(dir, O_RDONLY | O_DIRECTORY);
    mkdirat(tree, "etc", 0755);
    mkdirat(tree, "usr", 0755);
    mkdirat(tree, "usr/lib", 0755);
    put("etc/os-release", "ID=test\n");
    put("usr/lib/.wh.x", "not a whiteout here");
    assert_int_equal(symlinkat("/etc", tree, "abs"), 0);
    assert_int_equal(symlinkat("..", tree, "usr/up"), 0);
    assert_int_equal(symlinkat("os-release", tree, "etc/link"), 0);
    mkfifoat(tree, "pipe", 0600);
    return 0;
}

static int drop_tree(void **state)
{
    (void)state;
    close(tree);
    return nftw(dir, rub_out, 8, FTW_PHYS | FTW_DEPTH);
}

static void all_is_listed_in_order(void **state)
{
    (void)state;
    PL_AUTO(walk) struct pl_walk *w = NULL;
    PL_AUTO(buf) struct pl_buf out = { 0 };
    const struct pl_entry *e;
    struct pl_layer_totals totals;
    assert_int_equal(pl_walk_tree(tree, &PL_LIMITS, &w, NULL), PL_OK);
    while (pl_walk_next(w, &e, NULL) == PL_OK && e) {
        pl_span block;
        assert_int_equal(pl_walk_read(w, &block, NULL), PL_OK);
        pl_buf_printf(&out, "%d %.*s>%.*s=%.*s|", e->type, PL_FMT(e->path), PL_FMT(e->link),
                      PL_FMT(block));
    }
    pl_buf_char(&out, '\0');
    assert_int_equal(pl_walk_finish(w, &totals, NULL), PL_OK);
    assert_int_equal(totals.size, 8 + 19);
    assert_string_equal(out.ptr, "2 abs>/etc=|1 etc>=|6 pipe>=|1 usr>=|1 usr/lib>=|2 usr/up>..=|"
                                 "0 usr/lib/.wh.x>=not a whiteout here|"
                                 "2 etc/link>os-release=|0 etc/os-release>=ID=test\n|");
}

static void unreadable_parts_are_flaws(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("root reads everything: nothing to test\n");
        skip();
    }
    PL_AUTO(walk) struct pl_walk *w = NULL;
    const struct pl_entry *e;
    const char *reason = "";
    unsigned n = 0;
    assert_int_equal(fchmodat(tree, "usr/lib", 0, 0), 0);
    assert_int_equal(pl_walk_tree(tree, &PL_LIMITS, &w, NULL), PL_OK);
    while (pl_walk_next(w, &e, NULL) == PL_OK && e)
        n += pl_walk_flaw(w, &reason) != NULL;
    assert_int_equal(fchmodat(tree, "usr/lib", 0755, 0), 0);
    assert_int_equal(n, 1);
    assert_string_equal(reason, "unreadable");
}

static void deep_trees_end(void **state)
{
    (void)state;
    int at = dup(tree);
    for (int i = 0; i < 600; i++) { /* beyond PATH_MAX */
        assert_int_equal(mkdirat(at, "directory", 0755), 0);
        int next = openat(at, "directory", O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    close(at);
    PL_AUTO(walk) struct pl_walk *w = NULL;
    const struct pl_entry *e;
    const char *reason = "";
    unsigned n = 0;
    assert_int_equal(pl_walk_tree(tree, &PL_LIMITS, &w, NULL), PL_OK);
    while (pl_walk_next(w, &e, NULL) == PL_OK && e)
        n += pl_walk_flaw(w, &reason) != NULL;
    assert_int_equal(n, 1);
    assert_string_equal(reason, "limit");
    /* nftw cannot undo this one: bottom up by hand. */
    for (int depth = 600; depth > 0; depth--) {
        at = dup(tree);
        for (int i = 1; i < depth; i++) {
            int next = openat(at, "directory", O_RDONLY | O_DIRECTORY);
            close(at);
            at = next;
        }
        assert_int_equal(unlinkat(at, "directory", AT_REMOVEDIR), 0);
        close(at);
    }
}

static pl_rc keep_fact(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_fact f = { .kind = PL_LIT("os-release"), .path = in->path, .bytes = in->bytes };
    return pl_sink_fact(out, &f, err);
}

static const struct pl_analyzer row = { .name = "os", .parse = keep_fact };
static const struct pl_analyzer *const table[] = { &row };

static size_t os_release(pl_span path, const struct pl_analyzer **out, size_t max)
{
    *out = &row;
    return max && pl_span_eq(path, PL_LIT("etc/os-release"));
}

static void in_a_child(void **state)
{
    (void)state;
    PL_AUTO(layer_pass) struct pl_layer_pass p = { .child = PL_CHILD_NONE };
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    struct pl_err err = { 0 };
    struct pl_layer_job job = { .name = "tree",
                                .stream.fd = -1,
                                .tree_fd = tree,
                                .limits = &PL_LIMITS,
                                .analyzers_for = os_release,
                                .rows = table,
                                .n_rows = 1 };
    pl_arena_init(&a, 1 << 20);
    assert_int_equal(pl_layer_pass_start(&job, &p, &err), PL_OK);
    pl_rc rc = pl_layer_pass_finish(&p, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rc, PL_OK);
    assert_int_equal(pl_layer_report_decode(pl_buf_span(&p.answer), &PL_LIMITS, &a, &r, NULL),
                     PL_OK);
    assert_int_equal(r.n_gaps, 0);
    assert_int_equal(r.n_entries, 9);
    assert_int_equal(r.n_facts, 1);
    assert_true(pl_span_eq(r.facts[0].bytes, PL_LIT("ID=test\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_listed_in_order, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(unreadable_parts_are_flaws, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(deep_trees_end, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(in_a_child, make_tree, drop_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
