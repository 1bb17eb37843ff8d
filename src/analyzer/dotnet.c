/* dotnet.c - NuGet packages of a .NET application, and the runtime itself: *.deps.json.
 *
 * "libraries" has a member "NAME/VERSION" for all that was restored; only what "targets" gives a
 * file of (runtime, runtimeTargets, native, resources) is on disk. The rest are packages that only
 * drew in others, or whose assembly the shared framework brings in a newer version: System.Net.Http
 * 4.3.0 stands in almost every list and in almost no image.
 * Spec: dotnet/sdk, documentation/specs/runtime-configuration-file.md (appname.deps.json). */
#include "analyzer/apps.h"

struct deps {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_broken broken;
    pl_span target; /* raw object of the runtime target; empty: unknown, all libraries count */
    bool runtime;   /* a package of the shared framework was put */
};

/* "Microsoft.NETCore.App.Runtime.linux-x64" and the like: their fixes are those of the runtime. */
static bool is_runtime(pl_span name)
{
    return pl_span_starts(name, PL_LIT("Microsoft.NETCore.App.Runtime.")) ||
           pl_span_starts(name, PL_LIT("Microsoft.AspNetCore.App.Runtime.")) ||
           pl_span_starts(name, PL_LIT("Microsoft.WindowsDesktop.App.Runtime."));
}

/* "targets": {".NETCoreApp,Version=v8.0/linux-x64": {...}}; the one that "runtimeTarget" names. */
static pl_span find_target(pl_span targets, pl_span name)
{
    struct pl_members m;
    pl_span key, value, found = PL_SPAN_NONE;
    if (!pl_members_open(targets, &m) || !m.object)
        return found;
    while (pl_members_next(&m, &key, &value))
        if (pl_span_eq(key, name))
            found = value;
    return found;
}

static bool brings_files(pl_span library)
{
    static const char *const kinds[] = { "runtime", "runtimeTargets", "native", "resources" };
    struct pl_members m;
    pl_span key, value;
    if (!pl_members_open(library, &m) || !m.object)
        return false;
    while (pl_members_next(&m, &key, &value))
        for (size_t i = 0; i < PL_COUNT(kinds); i++)
            if (pl_span_eq(key, pl_span_str(kinds[i])) && value.len > 2)
                return true;
    return false;
}

static pl_rc put(struct deps *d, pl_span name, pl_span version, struct pl_err *err)
{
    struct pl_package p = {
        .type = PL_LIT("nuget"), .analyzer = PL_LIT("dotnet"), .name = name, .version = version
    };
    if (is_runtime(name)) {
        p.flags |= PL_PACKAGE_RUNTIME;
        d->runtime = true;
    }
    return pl_put_app(d->in, d->out, &p, &d->broken, err);
}

static pl_rc put_library(struct deps *d, pl_span key, pl_span type, struct pl_err *err)
{
    pl_span name = key;
    if (pl_span_eq(type, PL_LIT("runtimepack")))
        pl_span_skip_lit(&name, PL_LIT("runtimepack."));
    else if (!pl_span_eq(type, PL_LIT("package")))
        return PL_OK; /* "project", "reference", "referenceassembly": the application itself */
    size_t slash = pl_span_rchr(name, '/');
    if (slash == SIZE_MAX) {
        pl_broken_add(&d->broken, "a library without a version");
        return PL_OK;
    }
    return put(d, pl_span_sub(name, 0, slash), pl_span_from(name, slash + 1), err);
}

/* Members of "targets" stand in the same order as those of "libraries", as far as they go, so one
 * walk beside the other finds each; a file that mixes them is read from the start again, once per
 * library, within a budget. */
struct beside {
    pl_span whole;
    struct pl_members m;
    size_t budget;
};

static bool find_beside(struct beside *b, pl_span key, pl_span *value)
{
    pl_span k;
    for (int turn = 0; turn < 2; turn++) {
        while (pl_members_next(&b->m, &k, value))
            if (pl_span_eq(k, key))
                return true;
        if (b->budget < b->whole.len || !pl_members_open(b->whole, &b->m))
            return false;
        b->budget -= b->whole.len;
    }
    return false;
}

static pl_rc put_libraries(struct deps *d, pl_span libraries, struct pl_err *err)
{
    enum { REREAD_BYTES = 256 << 20 };
    struct pl_members m;
    pl_span key, value, in_target;
    struct beside b = { .whole = d->target, .budget = REREAD_BYTES };
    pl_rc rc = PL_OK;
    bool targeted = pl_members_open(d->target, &b.m) && b.m.object;
    if (!pl_members_open(libraries, &m) || !m.object)
        return PL_OK;
    while (!rc && pl_members_next(&m, &key, &value)) {
        pl_span type = pl_member_text(pl_member(value, "type"), d->in->tmp);
        if (targeted && find_beside(&b, key, &in_target) && !brings_files(in_target))
            continue;
        rc = put_library(d, key, type, err);
    }
    if (m.broken)
        pl_broken_add(&d->broken, "the list of libraries breaks off");
    return rc;
}

/* ".../shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json" says it by its path. */
static pl_rc put_framework(struct deps *d, struct pl_err *err)
{
    pl_span folder = pl_span_dirname(d->in->path), above = pl_span_dirname(folder);
    pl_span name = pl_span_basename(above);
    if (d->runtime || !pl_span_eq(pl_span_basename(pl_span_dirname(above)), PL_LIT("shared")) ||
        !pl_span_starts(name, PL_LIT("Microsoft.")))
        return PL_OK;
    struct pl_package p = { .type = PL_LIT("nuget"),
                            .analyzer = PL_LIT("dotnet"),
                            .name = name,
                            .version = pl_span_basename(folder),
                            .flags = PL_PACKAGE_RUNTIME };
    return pl_put_app(d->in, d->out, &p, &d->broken, err);
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct deps d = { .in = in, .out = out };
    pl_span libraries = pl_member(in->bytes, "libraries");
    pl_span name =
        pl_member_text(pl_member(pl_member(in->bytes, "runtimeTarget"), "name"), in->tmp);
    if (libraries.len == 0) {
        pl_sink_gap(out, in->path, "broken", "no list of libraries");
        return put_framework(&d, err);
    }
    d.target = find_target(pl_member(in->bytes, "targets"), name);
    pl_rc rc = put_libraries(&d, libraries, err);
    if (!rc)
        rc = put_framework(&d, err);
    pl_broken_report(&d.broken, in, out, "libraries");
    return rc;
}

const struct pl_analyzer pl_analyzer_dotnet = {
    .application = true,
    .name = "dotnet",
    .what = "NuGet packages of .NET applications, and the .NET runtime",
    .spec = "dotnet/sdk: runtime-configuration-file.md, appname.deps.json",
    .paths = (const char *const[]){ "**/*.deps.json", NULL },
    .max_bytes = 32 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
