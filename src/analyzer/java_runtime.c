/* java_runtime.c - the `release` file at the root of a JDK or JRE.
 *
 * Lines of NAME="value". Seen in the wild: unquoted values (old Oracle builds), JAVA_VERSION of
 * JDK 8 as "1.8.0_292", IMPLEMENTOR missing before JDK 9, and files called `release` that are
 * something else altogether. Spec: JEP 223 (versions); make/ReleaseFile.gmk of OpenJDK. */
#include "analyzer/packages.h"

struct release {
    pl_span version, implementor, graalvm, build_type;
};

static void read_lines(pl_span in, struct release *r)
{
    const struct {
        const char *name;
        pl_span *value;
    } wanted[] = {
        { "JAVA_VERSION", &r->version },
        { "IMPLEMENTOR", &r->implementor },
        { "GRAALVM_VERSION", &r->graalvm },
        { "BUILD_TYPE", &r->build_type },
    };
    pl_span line, name;
    while (pl_span_line(&in, &line)) {
        pl_span value = line;
        if (!pl_span_split(&value, '=', &name) || name.len == line.len)
            continue;
        value = pl_span_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = pl_span_sub(value, 1, value.len - 2);
        for (size_t i = 0; i < PL_COUNT(wanted); i++)
            if (pl_span_eq(pl_span_trim(name), pl_span_str(wanted[i].name)))
                *wanted[i].value = value;
    }
}

static bool is_version(pl_span s)
{
    if (s.len == 0 || s.len > 64 || s.ptr[0] < '0' || s.ptr[0] > '9')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

/* Oracle's own builds follow its own advisories; all others are builds of OpenJDK. */
static pl_span name_of(const struct release *r)
{
    if (r->graalvm.len)
        return PL_LIT("graalvm");
    if (pl_span_eq(r->build_type, PL_LIT("commercial")))
        return PL_LIT("oracle-jdk");
    return PL_LIT("openjdk");
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct release r = { 0 };
    read_lines(in->bytes, &r);
    if (!is_version(r.version))
        return PL_OK;
    const struct pl_package p = {
        .type = PL_LIT("generic"),
        .name = name_of(&r),
        .version = r.version,
        .vendor = pl_span_sub(r.implementor, 0, 200),
        .path = in->path,
        .analyzer = PL_LIT("java_runtime"),
        .flags = PL_PACKAGE_RUNTIME | PL_PACKAGE_BY_BYTES,
    };
    return pl_sink_package(out, &p, err);
}

const struct pl_analyzer pl_analyzer_java_runtime = {
    .application = true,
    .name = "java_runtime",
    .what = "Java runtimes by their release file",
    .spec = "JEP 223; ReleaseFile.gmk of OpenJDK",
    .paths = (const char *const[]){ "**/release", NULL },
    .max_bytes = PL_MIB,
    .revision = 1,
    .parse = parse,
};
