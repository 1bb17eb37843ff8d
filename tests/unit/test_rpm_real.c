/* Real rpm databases against what `rpm -qa` said of them. The files are large and not ours, so they
 * lie outside: PLIMSOLL_TEST_IMAGES names their folder. */
#include "analyze.h"

static const char *images;

static pl_span unpack(const char *name)
{
    char command[1024];
    snprintf(command, sizeof(command), "xz -dc '%s/rpmdb/%s'", images, name);
    FILE *f = popen(command, "r");
    struct pl_buf b = { 0 };
    char part[65536];
    for (size_t n; f && (n = fread(part, 1, sizeof(part), f)) > 0;)
        pl_buf_add(&b, pl_span_of(part, n));
    if (!f || pclose(f) || !b.len)
        fail_msg("%s failed", command);
    return pl_buf_span(&b);
}

static bool next_field(pl_span *line, pl_span *out)
{
    size_t at = pl_span_find(*line, PL_LIT("\u00b6"));
    if (at == SIZE_MAX)
        return false;
    *out = pl_span_sub(*line, 0, at);
    *line = pl_span_from(*line, at + 2);
    return true;
}

/* epoch, name, version, release, arch, source rpm, size, license, vendor, ... */
static char *expected(const char *csv, size_t *n)
{
    char path[1024], *text = NULL;
    size_t size;
    snprintf(path, sizeof(path), "%s/rpmdb/expected-csv/%s", images, csv);
    pl_span whole = slurp(path), rest = whole, line, f[9];
    assert_true(whole.len > 0);
    FILE *out = open_memstream(&text, &size);
    for (*n = 0; pl_span_line(&rest, &line);) {
        size_t i = 0;
        while (i < 9 && next_field(&line, &f[i]))
            i++;
        if (i < 9 || pl_span_eq(f[1], PL_LIT("gpg-pubkey")))
            continue;
        bool epoch = f[0].len && !pl_span_eq(f[0], PL_LIT("0"));
        fprintf(out, "%.*s %.*s%s%.*s-%.*s %.*s %.*s %.*s\n", PL_FMT(f[1]),
                epoch ? (int)f[0].len : 0, epoch ? f[0].ptr : "", epoch ? ":" : "", PL_FMT(f[2]),
                PL_FMT(f[3]), PL_FMT(f[4]), PL_FMT(f[8]), PL_FMT(f[7]));
        ++*n;
    }
    fclose(out);
    free((void *)whole.ptr);
    return text;
}

static void compare(const char *database, const char *path, const char *csv)
{
    if (!images) {
        puts("skipped: PLIMSOLL_TEST_IMAGES does not name the folder of real images");
        skip();
    }
    struct analysis a;
    size_t n;
    pl_span bytes = unpack(database);
    char *want = expected(csv, &n);
    analysis_init(&a);
    analyze(&a, path, bytes, PL_SPAN_NONE);
    const struct pl_layer_report *r = analysis_report(&a);
    assert_int_equal(r->n_gaps, 0);
    assert_int_equal(r->n_packages, n);
    for (size_t i = 0; i < r->n_packages; i++) {
        const struct pl_package *p = &r->packages[i];
        char line[4096];
        snprintf(line, sizeof(line), "%.*s %.*s %.*s %.*s %.*s\n", PL_FMT(p->name),
                 PL_FMT(p->version), PL_FMT(p->arch), PL_FMT(p->vendor), PL_FMT(p->licenses));
        if (!strstr(want, line))
            fail_msg("not expected: %s", line);
    }
    printf("%zu packages, %zu files\n", r->n_packages, r->n_owned);
    free(want);
    free((void *)bytes.ptr);
    analysis_done(&a);
}

static void ndb_of_suse(void **state)
{
    (void)state;
    compare("sle15-bci/Packages-older.db.xz", "usr/lib/sysimage/rpm/Packages.db",
            "sle15-bci_packages.csv");
}

static void sqlite_of_amazon(void **state)
{
    (void)state;
    compare("amazonlinux2023-plain/rpmdb.sqlite.xz", "var/lib/rpm/rpmdb.sqlite",
            "amazonlinux2023-plain_packages.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ndb_of_suse),
        cmocka_unit_test(sqlite_of_amazon),
    };
    images = getenv("PLIMSOLL_TEST_IMAGES");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
