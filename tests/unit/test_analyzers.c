/* Every case below tests/cases/analyzer is a folder ROW/CASE with root/, the files of a layer, and
 * want.txt, what the analyzers make of them (see analyze.h). PLIMSOLL_RENEW=1 writes want.txt anew;
 * read the difference before you keep it. */
#include "analyze.h"

#include <ftw.h>
#include <unistd.h>

static struct analysis *under_way;
static char root[1024];
static char *paths[1024];
static size_t n_paths;

static int note(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    if (flag == FTW_F && n_paths < PL_COUNT(paths))
        paths[n_paths++] = strdup(path);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect(const char *folder)
{
    n_paths = 0;
    nftw(folder, note, 16, FTW_PHYS);
    if (n_paths)
        qsort(paths, n_paths, sizeof(*paths), by_text);
}

static void analyze_path(const char *path)
{
    char wal[2048];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    pl_span bytes = slurp(path), beside = slurp(wal);
    analyze(under_way, path + strlen(root) + 1, bytes, beside);
    free((void *)bytes.ptr);
    free((void *)beside.ptr);
}

static void run_case(const char *folder)
{
    struct analysis a;
    char want_path[2048];
    analysis_init(&a);
    under_way = &a;
    snprintf(root, sizeof(root), "%s/root", folder);
    snprintf(want_path, sizeof(want_path), "%s/want.txt", folder);
    collect(root);
    assert_true(n_paths > 0);
    for (size_t i = 0; i < n_paths; i++) {
        analyze_path(paths[i]);
        free(paths[i]);
    }
    char *got = analysis_text(&a);
    if (getenv("PLIMSOLL_RENEW")) {
        FILE *f = fopen(want_path, "w");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
    }
    pl_span want = slurp(want_path);
    if (!pl_span_eq(pl_span_str(got), want))
        fail_msg("%s\n--- wanted\n%.*s--- got\n%s", folder, PL_FMT(want), got);
    free((void *)want.ptr);
    free(got);
    analysis_done(&a);
}

static void cases(void **state)
{
    (void)state;
    char *wanted[1024];
    size_t n = 0;
    collect(PL_SOURCE_ROOT "/tests/cases/analyzer");
    for (size_t i = 0; i < n_paths; i++) {
        char *end = strstr(paths[i], "/root/");
        if (end)
            *end = '\0';
        if (end && (n == 0 || strcmp(wanted[n - 1], paths[i]) != 0))
            wanted[n++] = paths[i];
        else
            free(paths[i]);
    }
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
        run_case(wanted[i]);
        free(wanted[i]);
    }
    printf("%zu cases\n", n);
}

static const char *rows_for(const char *path, char *out, size_t size)
{
    const struct pl_analyzer *rows[8];
    size_t n = pl_analyzers_for(pl_span_str(path), rows, PL_COUNT(rows)), len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!rows[i]->paths[0] || strcmp(rows[i]->paths[0], "**") != 0) /* those want any */
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", rows[i]->name);
    return out;
}

static void router(void **state)
{
    (void)state;
    static const char *const want[][2] = {
        { "var/lib/dpkg/status", "dpkg" },
        { "var/lib/dpkg/status-old", "" },
        { "var/lib/dpkg/status.d/base", "dpkg" },
        { "var/lib/dpkg/status.d/YmFzZQ==", "dpkg" },
        { "var/lib/dpkg/status.d/base.md5sums", "dpkg_files" },
        { "var/lib/dpkg/status.d/base.postinst", "" },
        { "var/lib/dpkg/status.d/libc6.1", "dpkg" },
        { "var/lib/dpkg/info/libc6:amd64.list", "dpkg_files" },
        { "var/lib/dpkg/info/libc6:amd64.md5sums", "dpkg_files" },
        { "var/lib/dpkg/info/libc6:amd64.shlibs", "" },
        { "x/var/lib/dpkg/status", "" },
        { "lib/apk/db/installed", "apk" },
        { "usr/lib/apk/db/installed", "apk" },
        { "var/lib/rpm/Packages", "rpm" },
        { "usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm" },
        { "usr/lib/sysimage/rpm/Packages.db", "rpm" },
        { "var/lib/rpm/rpmdb.sqlite-wal", "" },
        { "etc/os-release", "release" },
        { "usr/lib/os-release", "release" },
        { "etc/.kyinfo", "release" },
        { "etc/SuSE-release", "release" },
        { "etc/passwd", "" },
        { "os-release", "" },
        { "root/buildinfo/content_manifests/ubi8-8.9.json", "buildinfo" },
        { "etc/dnf/modules.d/nodejs.module", "buildinfo" },
        { "var/lib/pacman/local/openssl-3.3.2-1/desc", "pacman" },
        { "var/lib/pacman/local/openssl-3.3.2-1/files", "pacman_files" },
        { "var/db/pkg/dev-libs/openssl-3.0.1-r1/PF", "portage" },
        { "var/db/pkg/dev-libs/openssl-3.0.1-r1/CONTENTS", "portage_files" },
        { "srv/node_modules/a/package.json", "node" },
        { "srv/node_modules/@s/a/package.json", "node" },
        { "srv/package.json", "" },
        { "srv/node_modules/a/lib/package.json", "" },
        { "usr/lib/python3/dist-packages/a-1.egg-info", "python" },
        { "usr/lib/python3/dist-packages/a-1.egg-info/PKG-INFO", "python" },
        { "a/METADATA", "" },
        { "usr/lib/ruby/gems/3.1.0/specifications/default/a-1.gemspec", "ruby" },
        { "usr/lib/ruby/gems/3.1.0/gems/a-1/a.gemspec", "" },
        { "app/vendor/composer/installed.json", "composer" },
        { "opt/conda/conda-meta/a-1-0.json", "conda" },
        { "app/web.deps.json", "dotnet" },
        { "opt/bitnami/a/.spdx-a.spdx", "bitnami" },
        { "opt/bitnami/.bitnami_components.json", "bitnami" },
        { "var/www/wp-includes/version.php", "wordpress" },
        { "app/bom.json", "sbom" },
        { "app/x.spdx.json", "sbom" },
        { "desc", "" },
        { "opt/app/shop.war", "java" },
        { "shop.jar", "java" },
        { "srv/x.jar.bak", "" },
        { "usr/lib/jvm/java-17/release", "java_runtime" },
        { "opt/kafka/libs/kafka_2.13-3.6.1.jar", "program_name java" },
        { "opt/rabbitmq/plugins/rabbit-3.12.1/ebin/rabbit.app", "program_text" },
        { "", "" },
    };
    char got[256];
    for (size_t i = 0; i < PL_COUNT(want); i++)
        if (strcmp(rows_for(want[i][0], got, sizeof(got)), want[i][1]) != 0)
            fail_msg("%s: wanted \"%s\", got \"%s\"", want[i][0], want[i][1], got);
}

static void room_for_rows_is_kept(void **state)
{
    (void)state;
    const struct pl_analyzer *row = NULL;
    assert_int_equal(pl_analyzers_for(PL_LIT("var/lib/dpkg/status"), &row, 0), 0);
    assert_null(row);
}

static void every_row_says_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < pl_n_analyzers; i++) {
        const struct pl_analyzer *row = pl_analyzers[i];
        assert_non_null(row->name);
        assert_non_null(row->what);
        assert_non_null(row->spec);
        assert_true(row->paths[0] || row->more_paths);
        assert_true(row->revision > 0);
        assert_true(!row->parse != !row->stream);
        assert_true(row->magic_len <= 64);
        assert_true(row->magic_len || !row->paths[0] || strcmp(row->paths[0], "**") != 0);
        if (i)
            assert_true(strcmp(pl_analyzers[i - 1]->name, row->name) < 0);
    }
}

static void revision_names_every_row(void **state)
{
    (void)state;
    struct pl_buf text = { 0 };
    pl_analyzers_revision(&text);
    assert_true(pl_span_starts(pl_buf_span(&text), PL_LIT("apk/1 bitnami/1 buildinfo/1 ")));
    assert_true(pl_span_ends(pl_buf_span(&text), PL_LIT(" wordpress/1")));
    pl_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router),
        cmocka_unit_test(room_for_rows_is_kept),
        cmocka_unit_test(every_row_says_what_it_is),
        cmocka_unit_test(revision_names_every_row),
        cmocka_unit_test(cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
