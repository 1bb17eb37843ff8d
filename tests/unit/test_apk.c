/* Against Alpine's own root file systems (PLIMSOLL_TEST_IMAGES): the packages that its apk lists
 * when run in them, and the digests of the files that lie there. */
#include "analyze.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *images;
static char folder[] = "/tmp/plimsoll-apk-XXXXXX";

static bool unpack(const char *version)
{
    char command[2048];
    snprintf(command, sizeof(command),
             "rm -rf '%s'/* && tar -C '%s' --exclude=./dev "
             "-xzf '%s/alpine/alpine-minirootfs-%s-x86_64.tar.gz' 2>/dev/null",
             folder, folder, images, version);
    return system(command) == 0;
}

/* `apk info -v` prints name-version lines. */
static void compare_packages(const struct pl_layer_report *r)
{
    char command[256], *lines[512], text[512];
    size_t n = 0;
    snprintf(command, sizeof(command), "chroot '%s' /sbin/apk info -v 2>/dev/null", folder);
    FILE *f = popen(command, "r");
    while (f && n < PL_COUNT(lines) && fgets(text, sizeof(text), f)) {
        text[strcspn(text, " \n")] = '\0';
        lines[n++] = strdup(text);
    }
    if (f)
        pclose(f);
    if (n == 0) {
        puts("apk info was not run: no right to chroot here");
        return;
    }
    assert_int_equal(r->n_packages, n);
    for (size_t i = 0; i < r->n_packages; i++) {
        size_t k = 0;
        snprintf(text, sizeof(text), "%.*s-%.*s", PL_FMT(r->packages[i].name),
                 PL_FMT(r->packages[i].version));
        while (k < n && strcmp(lines[k], text) != 0)
            k++;
        if (k == n)
            fail_msg("apk does not know %s", text);
    }
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
}

static size_t compare_digests(const struct pl_layer_report *r)
{
    struct pl_owned_iter it;
    struct pl_owned o;
    size_t same = 0, different = 0;
    for (pl_owned_iter_init(&it, r); pl_owned_next(&it, &o);) {
        char path[4400];
        struct stat st;
        PL_AUTO(hasher) struct pl_hasher *h = NULL;
        pl_digest digest;
        struct pl_err err;
        snprintf(path, sizeof(path), "%s/%.*s", folder, PL_FMT(o.path));
        if (!o.digest.len || lstat(path, &st) || !S_ISREG(st.st_mode) ||
            pl_hasher_new(PL_LIT("sha1"), &h, &err))
            continue;
        pl_span bytes = slurp(path);
        pl_hasher_add(h, bytes);
        pl_hasher_finish(h, &digest);
        free((void *)bytes.ptr);
        *(pl_span_eq(pl_digest_span(&digest), o.digest) ? &same : &different) += 1;
    }
    assert_true(same > 30);
    assert_true(different <= 10); /* settings files that were changed when the root was made */
    return same;
}

static void alpine_roots(void **state)
{
    (void)state;
    static const char *const versions[] = { "3.6.5",   "3.9.6",  "3.10.9",
                                            "3.12.12", "3.16.9", "3.20.3" };
    if (!images) {
        puts("skipped: PLIMSOLL_TEST_IMAGES does not name the folder of real images");
        skip();
    }
    for (size_t i = 0; i < PL_COUNT(versions); i++) {
        struct analysis a;
        char path[256];
        if (!unpack(versions[i]))
            fail_msg("cannot unpack Alpine %s", versions[i]);
        snprintf(path, sizeof(path), "%s/lib/apk/db/installed", folder);
        pl_span bytes = slurp(path);
        analysis_init(&a);
        analyze(&a, "lib/apk/db/installed", bytes, PL_SPAN_NONE);
        const struct pl_layer_report *r = analysis_report(&a);
        assert_int_equal(r->n_gaps, 0);
        assert_true(r->n_packages >= 10);
        compare_packages(r);
        size_t same = compare_digests(r);
        printf("Alpine %s: %zu packages, %zu digests\n", versions[i], r->n_packages, same);
        analysis_done(&a);
        free((void *)bytes.ptr);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(alpine_roots) };
    images = getenv("PLIMSOLL_TEST_IMAGES");
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
