/* Against Berkeley DB itself: db5.3_load (package db5.3-util) writes, our reader reads. */
#include "rpm_blob.h"

#include <unistd.h>

static char folder[] = "/tmp/plimsoll-bdb-XXXXXX";
static char path[128];

static void put_hex(FILE *f, pl_span s)
{
    fputc(' ', f);
    for (size_t i = 0; i < s.len; i++)
        fprintf(f, "%02x", (unsigned char)s.ptr[i]);
    fputc('\n', f);
}

/* n packages and the counter that rpm keeps under key 0. */
static bool create(unsigned page_size, unsigned byte_order, unsigned n)
{
    char command[256];
    unlink(path);
    snprintf(command, sizeof(command), "db5.3_load %s 2>/dev/null", path);
    FILE *f = popen(command, "w");
    if (!f)
        return false;
    fprintf(f,
            "VERSION=3\nformat=bytevalue\ntype=hash\nh_nelem=%u\ndb_pagesize=%u\ndb_lorder=%"
            "u\nHEADER=END\n",
            n, page_size, byte_order);
    for (unsigned i = 0; i <= n; i++) {
        struct pl_buf blob = { 0 };
        const char key[4] = { (char)i, (char)(i >> 8), 0, 0 };
        if (i == 0)
            put_u32le(&blob, n);
        else
            make_package(&blob, i - 1, (size_t)i * 13 % 9000);
        put_hex(f, pl_span_of(key, 4));
        put_hex(f, pl_buf_span(&blob));
        pl_buf_done(&blob);
    }
    fputs("DATA=END\n", f);
    return pclose(f) == 0;
}

static bool tool_missing(void)
{
    if (system("command -v db5.3_load >/dev/null 2>&1") == 0)
        return false;
    puts("skipped: db5.3_load is not installed (package db5.3-util)");
    return true;
}

static void read_back(unsigned n)
{
    struct analysis a;
    pl_span bytes = slurp(path);
    analysis_init(&a);
    analyze(&a, "var/lib/rpm/Packages", bytes, PL_SPAN_NONE);
    expect_packages(&a, 0, n);
    analysis_done(&a);
    free((void *)bytes.ptr);
}

static void page_sizes_and_byte_orders(void **state)
{
    (void)state;
    if (tool_missing())
        skip();
    for (unsigned size = 512; size <= 65536; size *= 2)
        for (unsigned order = 1234; order <= 4321; order += 4321 - 1234) {
            if (!create(size, order, 150))
                fail_msg("db5.3_load, page size %u, order %u", size, order);
            read_back(150);
        }
}

static void damage_is_a_gap(void **state)
{
    (void)state;
    if (tool_missing())
        skip();
    assert_true(create(4096, 1234, 60));
    pl_span whole = slurp(path);
    for (size_t page = 1; page < whole.len / 4096; page++) {
        struct analysis a;
        char *bad = malloc(whole.len);
        memcpy(bad, whole.ptr, whole.len);
        memset(bad + page * 4096 + 12, 0xee, 4084);
        analysis_init(&a);
        analyze(&a, "var/lib/rpm/Packages", pl_span_of(bad, whole.len), PL_SPAN_NONE);
        const struct pl_layer_report *r = analysis_report(&a);
        assert_true(r->n_packages <= 60 && r->n_gaps == 1);
        analysis_done(&a);
        free(bad);
    }
    struct analysis a;
    analysis_init(&a);
    analyze(&a, "var/lib/rpm/Packages", pl_span_sub(whole, 0, whole.len / 2), PL_SPAN_NONE);
    assert_int_equal(analysis_report(&a)->n_gaps, 1);
    analysis_done(&a);
    free((void *)whole.ptr);
}

/* A chain of overflow pages that leads back to itself. */
static void circles_end(void **state)
{
    (void)state;
    if (tool_missing())
        skip();
    assert_true(create(512, 1234, 20));
    pl_span whole = slurp(path);
    char *bad = (char *)whole.ptr;
    for (size_t page = 1; page < whole.len / 512; page++)
        if (bad[page * 512 + 25] == 7)
            memcpy(bad + page * 512 + 16, &(uint32_t){ (uint32_t)page }, 4);
    struct analysis a;
    analysis_init(&a);
    analyze(&a, "var/lib/rpm/Packages", whole, PL_SPAN_NONE);
    assert_int_equal(analysis_report(&a)->n_gaps, 1);
    analysis_done(&a);
    free(bad);
}

static void what_is_no_hash_file(void **state)
{
    (void)state;
    char meta[512] = { 0 };
    memcpy(meta + 12, "\x61\x15\x06\x00", 4);
    struct analysis a;
    analysis_init(&a);
    analyze(&a, "var/lib/rpm/Packages", pl_span_of(meta, sizeof(meta)), PL_SPAN_NONE);
    analyze(&a, "var/lib/rpm/Packages", PL_LIT("no database at all"), PL_SPAN_NONE);
    analyze(&a, "var/lib/rpm/Packages", PL_SPAN_NONE, PL_SPAN_NONE);
    assert_int_equal(analysis_report(&a)->n_gaps, 3);
    analysis_done(&a);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/Packages", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_sizes_and_byte_orders),
        cmocka_unit_test(damage_is_a_gap),
        cmocka_unit_test(circles_end),
        cmocka_unit_test(what_is_no_hash_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
