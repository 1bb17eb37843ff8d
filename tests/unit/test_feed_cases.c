/* Every folder tests/cases/feed/<row>/<case>/: its file "in.*" is read as a feeds folder would be,
 * and what the sink got must be want.json, byte for byte. With PLIMSOLL_RENEW=1 want.json is
 * written instead: read the difference before it is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>

#include "base/arena.h"
#include "dump_sink.h"
#include "feed/feed.h"

PL_AUTO_DEFINE(dir, DIR *, closedir)

struct ctx {
    struct dump *d;
    const char *row;
};

static pl_rc offer(void *ctx, struct pl_feed_file *f, struct pl_err *err)
{
    struct ctx *c = ctx;
    const struct pl_feed *feed = pl_feed_sniff(f);
    assert_non_null(feed);
    assert_string_equal(feed->name, c->row);
    struct pl_err why;
    pl_rc rc = feed->read(f, &c->d->sink, &why);
    if (rc)
        dump_skip(&c->d->sink, pl_span_str(f->path), why.msg);
    (void)err;
    return PL_OK;
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (f && text)
        text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
    if (f)
        fclose(f);
    return text;
}

static void run_case(const char *row, const char *folder)
{
    PL_AUTO(dir) DIR *d = opendir(folder);
    char in[2048] = "", want_path[2048];
    for (struct dirent *e; d && (e = readdir(d));)
        if (strncmp(e->d_name, "in.", 3) == 0)
            snprintf(in, sizeof(in), "%s/%s", folder, e->d_name);
    if (!in[0])
        return; /* a case of another test, with rows.txt */
    snprintf(want_path, sizeof(want_path), "%s/want.json", folder);
    PL_AUTO(text) char *got = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&got, &size);
    struct dump dump;
    dump_init(&dump, out);
    struct ctx c = { &dump, row };
    struct pl_err err = { 0 };
    pl_rc rc = pl_feed_walk(in, &PL_LIMITS, &dump.sink, offer, &c, &err);
    dump_done(&dump);
    fclose(out);
    if (rc)
        fail_msg("%s: %s", folder, err.msg);
    if (getenv("PLIMSOLL_RENEW")) {
        PL_AUTO(file) FILE *f = fopen(want_path, "wb");
        assert_non_null(f);
        fputs(got, f);
        return;
    }
    PL_AUTO(text) char *want = read_text(want_path);
    if (strcmp(got, want) != 0)
        fail_msg("%s differs from want.json; got:\n%s", folder, got);
}

static void test_cases(void **state)
{
    (void)state;
    char path[600];
    size_t n = 0;
    PL_AUTO(dir) DIR *rows = opendir(PL_SOURCE_ROOT "/tests/cases/feed");
    assert_non_null(rows);
    for (struct dirent *r; (r = readdir(rows));) {
        if (r->d_name[0] == '.' || !pl_feed_find(pl_span_str(r->d_name)))
            continue;
        snprintf(path, sizeof(path), PL_SOURCE_ROOT "/tests/cases/feed/%s", r->d_name);
        PL_AUTO(dir) DIR *cases = opendir(path);
        for (struct dirent *e; cases && (e = readdir(cases));) {
            char folder[1024];
            if (e->d_name[0] == '.')
                continue;
            snprintf(folder, sizeof(folder), "%s/%s", path, e->d_name);
            run_case(r->d_name, folder);
            n++;
        }
    }
    printf("%zu cases\n", n);
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
