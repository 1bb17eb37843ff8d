/* Against dpkg itself: what dpkg-query says of this machine is what the analyzer reads. */
#include "analyze.h"

static void compare(const struct pl_package *p, char **lines, size_t n)
{
    char line[1024];
    pl_span source = p->source_name.len ? p->source_name : p->name;
    pl_span source_version = p->source_version.len ? p->source_version : p->version;
    snprintf(line, sizeof(line), "%.*s %.*s %.*s %.*s %.*s", PL_FMT(p->name), PL_FMT(p->version),
             PL_FMT(p->arch), PL_FMT(source), PL_FMT(source_version));
    for (size_t i = 0; i < n; i++)
        if (lines[i] && strcmp(lines[i], line) == 0) {
            free(lines[i]);
            lines[i] = NULL;
            return;
        }
    fail_msg("dpkg-query does not know: %s", line);
}

static size_t query(char **lines, size_t room)
{
    char text[1024];
    size_t n = 0;
    FILE *f = popen("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture} "
                    "${source:Package} ${source:Version}\\n' 2>/dev/null",
                    "r");
    while (f && fgets(text, sizeof(text), f)) {
        text[strcspn(text, "\n")] = '\0';
        char *rest = strchr(text, ' ');
        if (rest && strncmp(text, "config-files", 12) != 0 &&
            strncmp(text, "not-installed", 13) != 0 && n < room)
            lines[n++] = strdup(rest + 1);
    }
    return f && pclose(f) == 0 ? n : 0;
}

static void this_machine(void **state)
{
    (void)state;
    static char *lines[20000];
    size_t n = query(lines, PL_COUNT(lines));
    pl_span status = slurp("/var/lib/dpkg/status");
    if (n == 0 || !status.len) {
        puts("skipped: no dpkg on this machine");
        skip();
    }
    struct analysis a;
    analysis_init(&a);
    assert_int_equal(analyze(&a, "var/lib/dpkg/status", status, PL_SPAN_NONE), 1);
    const struct pl_layer_report *r = analysis_report(&a);
    assert_int_equal(r->n_gaps, 0);
    assert_int_equal(r->n_packages, n);
    for (size_t i = 0; i < r->n_packages; i++)
        compare(&r->packages[i], lines, n);
    printf("%zu packages\n", n);
    analysis_done(&a);
    free((void *)status.ptr);
}

/* The digests of dpkg's own files are those that it recorded. */
static void digests(void **state)
{
    (void)state;
    pl_span sums = slurp("/var/lib/dpkg/info/dpkg.md5sums");
    if (!sums.len) {
        puts("skipped: no dpkg on this machine");
        skip();
    }
    struct analysis a;
    struct pl_owned_iter it;
    struct pl_owned o;
    size_t checked = 0;
    analysis_init(&a);
    analyze(&a, "var/lib/dpkg/info/dpkg.md5sums", sums, PL_SPAN_NONE);
    for (pl_owned_iter_init(&it, analysis_report(&a)); pl_owned_next(&it, &o);) {
        char path[4200];
        PL_AUTO(hasher) struct pl_hasher *h = NULL;
        pl_digest digest;
        struct pl_err err;
        snprintf(path, sizeof(path), "/%.*s", PL_FMT(o.path));
        pl_span bytes = slurp(path);
        if (!bytes.len || pl_hasher_new(PL_LIT("md5"), &h, &err))
            continue; /* documentation is left out of small installations */
        pl_hasher_add(h, bytes);
        pl_hasher_finish(h, &digest);
        if (!pl_span_eq(pl_digest_span(&digest), o.digest))
            fail_msg("%s: %s", path, digest.text);
        checked++;
        free((void *)bytes.ptr);
    }
    assert_true(checked > 5);
    analysis_done(&a);
    free((void *)sums.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine),
        cmocka_unit_test(digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
