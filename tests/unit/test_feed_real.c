/* The publishers' own files, where a folder of them is at hand (PLIMSOLL_TEST_FEEDS): every file
 * that a reader claims is read to its end, and every record is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "dump_sink.h"
#include "feed/feed.h"

struct ctx {
    struct dump *d;
    size_t n_files, n_failed;
    char at[512]; /* the file in the folder, members counted with it */
    const char *feed;
    struct dump before;
};

static void tell(struct ctx *c)
{
    if (c->at[0])
        printf("%s\t%s\t%zu advisories\t%zu rows\t%zu vulns\n", c->at, c->feed,
               c->d->n_advisories - c->before.n_advisories, c->d->n_rows - c->before.n_rows,
               c->d->n_vulns - c->before.n_vulns);
}

static pl_rc offer(void *ctx, struct pl_feed_file *f, struct pl_err *err)
{
    struct ctx *c = ctx;
    const struct pl_feed *feed = pl_feed_sniff(f);
    struct pl_err why;
    (void)err;
    assert_non_null(feed);
    c->n_files++;
    char outer[512];
    const char *bang = strstr(f->path, "!/");
    snprintf(outer, sizeof(outer), "%.*s", bang ? (int)(bang - f->path) : 500, f->path);
    if (strcmp(outer, c->at) != 0) {
        tell(c);
        strcpy(c->at, outer);
        c->feed = feed->name;
        c->before = *c->d;
    }
    if (feed->read(f, &c->d->sink, &why)) {
        printf("%s: %s\n", f->path, why.msg);
        c->n_failed++;
    }
    return PL_OK;
}

static void tell_skip(struct pl_advisory_sink *s, pl_span what, const char *why)
{
    ((struct dump *)s)->n_skips++;
    printf("skipped %.*s: %s\n", PL_FMT(what), why);
}

static void test_real(void **state)
{
    (void)state;
    const char *dir = getenv("PLIMSOLL_TEST_FEEDS");
    if (!dir) {
        printf("skipped: PLIMSOLL_TEST_FEEDS names no folder of feeds\n");
        return;
    }
    const char *into = getenv("PLIMSOLL_TEST_DUMP");
    PL_AUTO(file) FILE *out = fopen(into ? into : "/dev/null", "w");
    struct dump d;
    dump_init(&d, out);
    d.sink.skip = tell_skip;
    struct ctx c = { .d = &d };
    struct pl_err err = { 0 };
    pl_rc rc = pl_feed_walk(dir, &PL_LIMITS, &d.sink, offer, &c, &err);
    dump_done(&d);
    tell(&c);
    printf("%zu files, %zu failed, %zu advisories, %zu rows, %zu vulns, %zu skipped\n", c.n_files,
           c.n_failed, d.n_advisories, d.n_rows, d.n_vulns, d.n_skips);
    if (rc)
        fail_msg("%s", err.msg);
    assert_int_equal(c.n_failed, 0);
    assert_true(c.n_files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_real) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
