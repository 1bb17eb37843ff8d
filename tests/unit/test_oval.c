/* OVAL readers: whole documents of each publisher's kind (tests/cases/feed/oval), and real files
 * against an independent reading of their trees (tests/oval_rows.py). */
#include "feed_rows.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void cases(void **state)
{
    (void)state;
    assert_true(run_cases("oval") >= 1);
}

/* The program that writes a file of that name uncompressed; NULL: none of ours. */
static const char *unpacker(const char *name)
{
    static const char *const kinds[][2] = {
        { ".xml", "cat" },
        { ".gz", "gzip -dc" },
        { ".bz2", "bzip2 -dc" },
        { ".xz", "xz -dc" },
    };
    pl_span n = pl_span_str(name);
    for (size_t i = 0; i < PL_COUNT(kinds); i++)
        if (pl_span_ends(n, pl_span_str(kinds[i][0])))
            return kinds[i][1];
    return NULL;
}

static void compare(const char *path, const char *scratch)
{
    char command[8192], xml[2048], rows[2048];
    snprintf(xml, sizeof(xml), "%s/doc.xml", scratch);
    snprintf(rows, sizeof(rows), "%s/rows.txt", scratch);
    snprintf(command, sizeof(command), "%s '%s' > %s", unpacker(path), path, xml);
    assert_int_equal(system(command), 0);
    pl_span bytes = slurp(xml);
    FILE *out = fopen(rows, "wb");
    assert_non_null(out);
    struct row_sink sink = row_sink(out);
    struct pl_err err = { 0 };
    if (read_document(path, bytes, 0, &sink, &err))
        fail_msg("%s: %s", path, err.msg);
    fclose(out);
    free((char *)(uintptr_t)bytes.ptr);
    snprintf(command, sizeof(command), "python3 %s/tests/oval_rows.py %s %s", PL_SOURCE_ROOT, xml,
             rows);
    fprintf(stderr, "%s: ", path);
    if (system(command))
        fail_msg("%s differs", path);
    unlink(xml);
    unlink(rows);
}

/* Files over this size, as stored, are for the bench: Python needs minutes for them. */
enum { MOST_BYTES = 1100000 };

static void compare_folder(const char *root, const char *folder, const char *scratch)
{
    char dir[2048], path[4096];
    snprintf(dir, sizeof(dir), "%s/%s", root, folder);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (unpacker(path) && !stat(path, &st) && st.st_size <= MOST_BYTES)
            compare(path, scratch);
    }
    if (d)
        closedir(d);
}

static void real_files(void **state)
{
    (void)state;
    const char *root = getenv("PLIMSOLL_TEST_FEEDS");
    if (!root) {
        fprintf(stderr, "real files: skipped, PLIMSOLL_TEST_FEEDS names no folder of feeds\n");
        skip();
    }
    char scratch[] = "/tmp/test_oval.XXXXXX";
    assert_non_null(mkdtemp(scratch));
    static const char *const folders[] = { "azurelinux-oval", "oracle-oval", "other-oval",
                                           "redhat-oval",     "suse-oval",   "ubuntu-oval" };
    for (size_t i = 0; i < PL_COUNT(folders); i++)
        compare_folder(root, folders[i], scratch);
    rmdir(scratch);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return print_files(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(cases), cmocka_unit_test(real_files) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
