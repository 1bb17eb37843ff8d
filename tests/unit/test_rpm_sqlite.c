/* Against the SQLite library itself: it writes, our reader reads. */
#include "rpm_blob.h"

#include <sqlite3.h>
#include <unistd.h>

static char folder[] = "/tmp/plimsoll-rpm-XXXXXX";
static char path[128], wal[160];

static void sql(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static void insert(sqlite3 *db, unsigned number, size_t pad)
{
    struct pl_buf blob = { 0 };
    sqlite3_stmt *st = NULL;
    make_package(&blob, number, pad);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES(?)", -1, &st, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(st, 1, blob.ptr, (int)blob.len, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
    pl_buf_done(&blob);
}

static sqlite3 *create(unsigned page_size)
{
    sqlite3 *db = NULL;
    char pragma[64];
    unlink(path);
    unlink(wal);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    snprintf(pragma, sizeof(pragma), "PRAGMA page_size=%u", page_size);
    sql(db, pragma);
    sql(db, "CREATE TABLE before(x TEXT)");
    sql(db, "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)");
    sql(db, "CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL)");
    return db;
}

static void read_back(unsigned first, unsigned n)
{
    struct analysis a;
    pl_span bytes = slurp(path), beside = slurp(wal);
    analysis_init(&a);
    assert_int_equal(analyze(&a, "var/lib/rpm/rpmdb.sqlite", bytes, beside), 1);
    expect_packages(&a, first, n);
    analysis_done(&a);
    free((void *)bytes.ptr);
    free((void *)beside.ptr);
}

static void every_page_size(void **state)
{
    (void)state;
    for (unsigned size = 512; size <= 65536; size *= 2) {
        sqlite3 *db = create(size);
        sql(db, "BEGIN");
        for (unsigned i = 0; i < 300; i++)
            insert(db, i, (size_t)i * i / 2);
        sql(db, "COMMIT");
        sqlite3_close(db);
        read_back(0, 300);
    }
}

static void reserved_bytes_and_free_pages(void **state)
{
    (void)state;
    sqlite3 *db = create(1024);
    int reserve = 32;
    sqlite3_file_control(db, NULL, SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    sql(db, "VACUUM");
    for (unsigned i = 0; i < 200; i++)
        insert(db, i, 100 + (size_t)i * 37);
    sql(db, "DELETE FROM Packages WHERE hnum <= 50");
    sqlite3_close(db);
    pl_span bytes = slurp(path);
    assert_int_equal(bytes.ptr[20], 32);
    free((void *)bytes.ptr);
    read_back(50, 150);
}

/* The log holds what the file does not have yet: a removal, an addition, new pages; and after the
 * last commit a transaction that never ended. */
static void write_ahead_log(void **state)
{
    (void)state;
    sqlite3 *db = create(4096);
    for (unsigned i = 0; i < 50; i++)
        insert(db, i, 3000);
    sql(db, "PRAGMA journal_mode=wal");
    sql(db, "PRAGMA wal_autocheckpoint=0");
    sql(db, "DELETE FROM Packages WHERE hnum <= 10");
    for (unsigned i = 50; i < 90; i++)
        insert(db, i, 9000);
    assert_true(access(wal, R_OK) == 0);
    read_back(10, 80);
    sql(db, "PRAGMA cache_size=1");
    sql(db, "BEGIN");
    for (unsigned i = 90; i < 400; i++)
        insert(db, i, 9000); /* spills into the log before the commit that does not come */
    read_back(10, 80);
    sql(db, "ROLLBACK");
    sqlite3_close(db);
    read_back(10, 80);
}

static void a_log_of_another_file_is_not_applied(void **state)
{
    (void)state;
    sqlite3 *db = create(4096);
    for (unsigned i = 0; i < 20; i++)
        insert(db, i, 10);
    sqlite3_close(db);
    FILE *f = fopen(wal, "wb");
    for (int i = 0; i < 10000; i++)
        fputc(i, f);
    fclose(f);
    read_back(0, 20);
    unlink(wal);
}

/* Whatever is cut off or turned over, the rest is read and a gap says so. */
static void damage_is_a_gap(void **state)
{
    (void)state;
    sqlite3 *db = create(1024);
    for (unsigned i = 0; i < 100; i++)
        insert(db, i, 700);
    sqlite3_close(db);
    pl_span whole = slurp(path);
    for (size_t cut = 1; cut < whole.len; cut += whole.len / 37) {
        struct analysis a;
        analysis_init(&a);
        analyze(&a, "var/lib/rpm/rpmdb.sqlite", pl_span_sub(whole, 0, cut), PL_SPAN_NONE);
        const struct pl_layer_report *r = analysis_report(&a);
        assert_true(r->n_gaps > 0 && r->n_packages < 100);
        analysis_done(&a);
    }
    for (size_t page = 0; page < whole.len / 1024; page++) {
        struct analysis a;
        char *bad = malloc(whole.len);
        memcpy(bad, whole.ptr, whole.len);
        memset(bad + page * 1024, 0xff, 1024);
        analysis_init(&a);
        analyze(&a, "var/lib/rpm/rpmdb.sqlite", pl_span_of(bad, whole.len), PL_SPAN_NONE);
        const struct pl_layer_report *r = analysis_report(&a);
        assert_true(r->n_packages == 100 || r->n_gaps > 0);
        analysis_done(&a);
        free(bad);
    }
    free((void *)whole.ptr);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/rpmdb.sqlite", folder);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char shm[160];
    snprintf(shm, sizeof(shm), "%s-shm", path);
    unlink(path);
    unlink(wal);
    unlink(shm);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_size), cmocka_unit_test(reserved_bytes_and_free_pages),
        cmocka_unit_test(write_ahead_log), cmocka_unit_test(a_log_of_another_file_is_not_applied),
        cmocka_unit_test(damage_is_a_gap),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
