/* No tool at hand writes NDB, so this does, by rpm's lib/backend/ndb/rpmpkg.c. */
#include "rpm_blob.h"

#include <zlib.h>

struct ndb {
    struct pl_buf slots, blobs;
    uint32_t n_pages;
};

static void ndb_init(struct ndb *n, uint32_t n_pages)
{
    *n = (struct ndb){ .n_pages = n_pages };
    pl_buf_add(&n->slots, PL_LIT("RpmP"));
    put_u32le(&n->slots, 0);
    put_u32le(&n->slots, 7);
    put_u32le(&n->slots, n_pages);
    for (int i = 0; i < 4; i++)
        put_u32le(&n->slots, 0);
}

static void put_slot(struct ndb *n, uint32_t package, size_t blocks)
{
    pl_buf_add(&n->slots, PL_LIT("Slot"));
    put_u32le(&n->slots, package);
    put_u32le(&n->slots, (uint32_t)((n->n_pages * 4096 + n->blobs.len) / 16));
    put_u32le(&n->slots, (uint32_t)blocks);
}

static void ndb_add(struct ndb *n, unsigned number, size_t pad, uint32_t wrong)
{
    struct pl_buf blob = { 0 };
    make_package(&blob, number, pad);
    size_t blocks = (16 + blob.len + 12 + 15) / 16, start = n->blobs.len;
    put_slot(n, number + 1, blocks);
    pl_buf_add(&n->blobs, PL_LIT("BlbS"));
    put_u32le(&n->blobs, number + 1);
    put_u32le(&n->blobs, 1);
    put_u32le(&n->blobs, (uint32_t)blob.len);
    pl_buf_add(&n->blobs, pl_buf_span(&blob));
    while (n->blobs.len < start + blocks * 16 - 12)
        pl_buf_char(&n->blobs, '\0');
    uLong sum = adler32(1, (const Bytef *)n->blobs.ptr + start, (uInt)(n->blobs.len - start));
    put_u32le(&n->blobs, (uint32_t)sum + wrong);
    put_u32le(&n->blobs, (uint32_t)blob.len);
    pl_buf_add(&n->blobs, PL_LIT("BlbE"));
    pl_buf_done(&blob);
}

/* Fills the slot pages with free slots and puts both parts together. */
static void ndb_finish(struct ndb *n)
{
    while (n->slots.len < n->n_pages * 4096u)
        put_slot(n, 0, 0);
    pl_buf_add(&n->slots, pl_buf_span(&n->blobs));
    pl_buf_done(&n->blobs);
}

static void read_ndb(struct analysis *a, struct ndb *n)
{
    analysis_init(a);
    analyze(a, "usr/lib/sysimage/rpm/Packages.db", pl_buf_span(&n->slots), PL_SPAN_NONE);
    pl_buf_done(&n->slots);
}

static void packages(void **state)
{
    (void)state;
    struct ndb n;
    struct analysis a;
    ndb_init(&n, 2);
    for (unsigned i = 0; i < 400; i++) {
        if (i % 5 == 0)
            put_slot(&n, 0, 0);
        ndb_add(&n, i, i, 0);
    }
    ndb_finish(&n);
    read_ndb(&a, &n);
    expect_packages(&a, 0, 400);
    analysis_done(&a);
}

static void a_wrong_sum_is_a_gap_and_is_read(void **state)
{
    (void)state;
    struct ndb n;
    struct analysis a;
    ndb_init(&n, 1);
    ndb_add(&n, 0, 5, 0);
    ndb_add(&n, 1, 5, 1);
    ndb_add(&n, 2, 5, 0);
    ndb_finish(&n);
    read_ndb(&a, &n);
    const struct pl_layer_report *r = analysis_report(&a);
    assert_int_equal(r->n_packages, 3);
    assert_int_equal(r->n_gaps, 1);
    assert_true(pl_span_find(r->gaps[0].detail, PL_LIT("package 2: its checksum is wrong")) !=
                SIZE_MAX);
    analysis_done(&a);
}

static void slots_that_lie(void **state)
{
    (void)state;
    struct ndb n;
    struct analysis a;
    ndb_init(&n, 1);
    put_slot(&n, 9, 100000); /* beyond the end */
    put_slot(&n, 10, 1);     /* another's blob */
    ndb_add(&n, 0, 5, 0);
    pl_buf_add(&n.slots, PL_LIT("Junk............"));
    ndb_finish(&n);
    read_ndb(&a, &n);
    const struct pl_layer_report *r = analysis_report(&a);
    assert_int_equal(r->n_packages, 1);
    assert_int_equal(r->n_gaps, 1);
    assert_true(pl_span_starts(r->gaps[0].detail, PL_LIT("3 records")));
    analysis_done(&a);
}

/* Every slot names the same blob: the work must not be slots times bytes. */
static void overlapping_blobs_end(void **state)
{
    (void)state;
    struct ndb n;
    struct analysis a;
    ndb_init(&n, 16);
    while (n.slots.len < 16 * 4096 - 16) {
        n.blobs.len = 0;
        ndb_add(&n, 0, 100000, 0);
    }
    ndb_finish(&n);
    read_ndb(&a, &n);
    const struct pl_layer_report *r = analysis_report(&a);
    assert_true(r->n_packages <= 2);
    assert_int_equal(r->n_gaps, 1);
    analysis_done(&a);
}

static void headers_that_lie(void **state)
{
    (void)state;
    static const pl_span bad[] = {
        { "RpmP", 4 },
        { "RpmP\1\0\0\0\0\0\0\0\1\0\0\0", 16 },
        { "RpmP\0\0\0\0\0\0\0\0\0\0\0\0", 16 },
        { "RpmP\0\0\0\0\0\0\0\0\377\377\377\377", 16 },
    };
    for (size_t i = 0; i < PL_COUNT(bad); i++) {
        struct analysis a;
        analysis_init(&a);
        analyze(&a, "var/lib/rpm/Packages.db", bad[i], PL_SPAN_NONE);
        assert_int_equal(analysis_report(&a)->n_gaps, 1);
        analysis_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages),         cmocka_unit_test(a_wrong_sum_is_a_gap_and_is_read),
        cmocka_unit_test(slots_that_lie),   cmocka_unit_test(overlapping_blobs_end),
        cmocka_unit_test(headers_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
