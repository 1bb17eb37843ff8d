/* rpmmanifest.c - the package list of rpm images without an rpm database (distroless Azure Linux
 * and CBL-Mariner): what `rpm -qa` printed when the image was built, columns apart by tabs.
 *
 *     name  version-release  installtime  buildtime  vendor  epoch  size  arch  epochnum  sourcerpm
 */
#include "analyzer/rpm.h"

enum { NAME, VERSION, VENDOR = 4, ARCH = 7, EPOCH, SOURCE, N_COLUMNS };

static bool with_epoch(struct pl_arena *a, pl_span epoch, pl_span version, pl_span *out)
{
    uint64_t n;
    if (!version.len || !pl_span_decimal(epoch, UINT32_MAX, &n) || n == 0)
        return *out = version, true;
    char *p = pl_arena_alloc(a, 12 + version.len);
    if (!p)
        return false;
    int lead = snprintf(p, 12, "%u:", (unsigned)n);
    memcpy(p + lead, version.ptr, version.len);
    *out = pl_span_of(p, (size_t)lead + version.len);
    return true;
}

static pl_rc put_line(const struct pl_input *in, struct pl_sink *out, const pl_span *c,
                      struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("rpm"),
                            .name = c[NAME],
                            .arch = c[ARCH],
                            .vendor = c[VENDOR],
                            .path = in->path,
                            .analyzer = PL_LIT("rpmmanifest") };
    pl_span version;
    pl_rpm_source(c[SOURCE], &p.source_name, &version);
    if (!with_epoch(in->tmp, c[EPOCH], c[VERSION], &p.version) ||
        !with_epoch(in->tmp, c[EPOCH], version, &p.source_version))
        return pl_fail(err, PL_ELIMIT, "rpmmanifest: no memory for a version");
    if (pl_is_kernel_headers(p.name))
        p.flags |= PL_PACKAGE_KERNEL_HEADERS;
    return pl_sink_package(out, &p, err);
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    pl_span rest = in->bytes, line;
    struct pl_broken broken = { 0 };
    uint64_t n = 0;
    for (size_t number = 1; pl_span_line(&rest, &line); number++) {
        pl_span c[N_COLUMNS] = { 0 };
        size_t columns = 0;
        if (pl_span_trim(line).len == 0)
            continue;
        while (columns < N_COLUMNS && pl_span_split(&line, '\t', &c[columns]))
            columns++;
        if (columns < 2 || !c[NAME].len || !c[VERSION].len) {
            pl_broken_add(&broken, "line %zu: no name and version", number);
            continue;
        }
        if (pl_span_eq(c[NAME], PL_LIT("gpg-pubkey")))
            continue;
        n++;
        pl_rc rc = put_line(in, out, c, err);
        if (rc)
            return rc;
    }
    pl_broken_report(&broken, in, out, "lines");
    return pl_put_database(in, out, "rpmmanifest", n, err);
}

const struct pl_analyzer pl_analyzer_rpmmanifest = {
    .name = "rpmmanifest",
    .what = "packages of distroless Azure Linux and CBL-Mariner images",
    .spec = "rpm(8), --queryformat; the distroless builds' container-manifest-2",
    .paths = (const char *const[]){ "var/lib/rpmmanifest/container-manifest-2", NULL },
    .revision = 1,
    .parse = parse,
};
