/* sbom.c - bills of materials that lie in the image: CycloneDX and SPDX, JSON.
 *
 * Builders leave them (buildpacks, Python's dist-info/sboms, Docker Hardened Images). Taken are
 * libraries, by their package URL; packages of distributions are not, because their database is in
 * the image or they are not. The inventory drops what an analyzer has seen with its own eyes.
 * Spec: CycloneDX 1.2 to 1.6; SPDX 2.2, 2.3; Package URL specification. */
#include "analyzer/apps.h"

#include <ctype.h>

struct bom {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_broken broken;
};

/* How a purl's namespace and name are put together to the name that advisories use. */
static const struct {
    const char *type;
    char between; /* 0: there is no namespace */
} types[] = {
    { "npm", '/' },   { "pypi", 0 },  { "maven", ':' }, { "golang", '/' },   { "gem", 0 },
    { "cargo", 0 },   { "nuget", 0 }, { "hex", '/' },   { "composer", '/' }, { "conan", '/' },
    { "swift", '/' }, { "pub", 0 },   { "cran", 0 },    { "conda", 0 },      { "bitnami", 0 },
};

static int hex_value(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* Percent-decoded; what is no escape stays. */
static pl_span decoded(pl_span s, struct pl_arena *a)
{
    char *out = pl_arena_alloc(a, s.len + 1);
    size_t n = 0;
    if (!out)
        return PL_SPAN_NONE;
    for (size_t i = 0; i < s.len; i++) {
        bool escape = s.ptr[i] == '%' && i + 2 < s.len && hex_value(s.ptr[i + 1]) >= 0 &&
                      hex_value(s.ptr[i + 2]) >= 0;
        out[n++] =
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): both are digits */
            escape ? (char)(hex_value(s.ptr[i + 1]) << 4 | hex_value(s.ptr[i + 2])) : s.ptr[i];
        i += escape ? 2 : 0;
    }
    return pl_span_of(out, n);
}

/* Spec: PURL, "How to parse a purl string": from the right. False for types that are not ours. */
static bool read_purl(pl_span purl, struct pl_arena *a, struct pl_package *p)
{
    if (!pl_span_skip_lit(&purl, PL_LIT("pkg:")))
        return false;
    while (pl_span_skip_lit(&purl, PL_LIT("/")))
        continue;
    purl = pl_span_sub(purl, 0, pl_span_chr(purl, '#'));
    purl = pl_span_sub(purl, 0, pl_span_chr(purl, '?'));
    size_t slash = pl_span_chr(purl, '/'), at = pl_span_rchr(purl, '@');
    if (slash == SIZE_MAX || at == SIZE_MAX || at < slash)
        return false;
    pl_span type = pl_span_sub(purl, 0, slash);
    pl_span name = decoded(pl_span_sub(purl, slash + 1, at - slash - 1), a);
    for (size_t i = 0; i < PL_COUNT(types); i++) {
        if (!pl_span_eq_nocase(type, pl_span_str(types[i].type)))
            continue;
        size_t last = pl_span_rchr(name, '/');
        if (types[i].between == ':' && last != SIZE_MAX)
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a length has its bytes */
            ((char *)(uintptr_t)name.ptr)[last] = ':';
        p->type = pl_span_str(types[i].type);
        p->name = name;
        p->version = decoded(pl_span_from(purl, at + 1), a);
        return true;
    }
    return false;
}

static pl_rc put_purl(struct bom *b, pl_span purl, struct pl_err *err)
{
    struct pl_package p = { .analyzer = PL_LIT("sbom") };
    if (!read_purl(purl, b->in->tmp, &p) || p.version.len == 0)
        return PL_OK;
    return pl_put_app(b->in, b->out, &p, &b->broken, err);
}

/* A list of components that is still to be read, and how deep it stands. */
struct pending {
    pl_span list;
    unsigned depth;
};

/* Components nest ("components" of a component). A nested list is walked over once per level above
 * it, so depth has a limit; two is what tools write. */
enum { MOST_DEPTH = 16 };

static void later(struct bom *b, struct pl_vec *waiting, pl_span list, unsigned depth)
{
    struct pending *p = depth <= MOST_DEPTH ? pl_vec_push(b->in->tmp, waiting) : NULL;
    if (p)
        *p = (struct pending){ list, depth };
    else
        pl_broken_add(&b->broken, "components of components, too many or %u deep", depth);
}

static pl_rc put_component(struct bom *b, pl_span component, struct pl_vec *waiting, unsigned depth,
                           struct pl_err *err)
{
    struct pl_members m;
    pl_span key, value;
    pl_rc rc = PL_OK;
    if (!pl_members_open(component, &m) || !m.object)
        return PL_OK;
    while (!rc && pl_members_next(&m, &key, &value)) {
        if (pl_span_eq(key, PL_LIT("purl")))
            rc = put_purl(b, pl_member_text(value, b->in->tmp), err);
        else if (pl_span_eq(key, PL_LIT("components")) && value.len > 2)
            later(b, waiting, value, depth + 1);
    }
    return rc;
}

static pl_rc put_components(struct bom *b, pl_span list, struct pl_err *err)
{
    struct pl_vec waiting = PL_VEC(struct pending);
    pl_rc rc = PL_OK;
    later(b, &waiting, list, 0);
    for (size_t i = 0; !rc && i < waiting.n; i++) {
        struct pending at = ((struct pending *)waiting.items)[i];
        struct pl_members m;
        pl_span key, component;
        if (!pl_members_open(at.list, &m) || m.object)
            continue;
        while (!rc && pl_members_next(&m, &key, &component))
            rc = put_component(b, component, &waiting, at.depth, err);
        if (m.broken)
            pl_broken_add(&b->broken, "the list of components breaks off");
    }
    return rc;
}

static pl_rc put_spdx(struct bom *b, pl_span packages, struct pl_err *err)
{
    struct pl_members m, refs;
    pl_span key, package, ref;
    pl_rc rc = PL_OK;
    if (!pl_members_open(packages, &m) || m.object)
        return PL_OK;
    while (!rc && pl_members_next(&m, &key, &package)) {
        if (!pl_members_open(pl_member(package, "externalRefs"), &refs) || refs.object)
            continue;
        while (!rc && pl_members_next(&refs, &key, &ref))
            if (pl_span_eq(pl_member_text(pl_member(ref, "referenceType"), b->in->tmp),
                           PL_LIT("purl")))
                rc = put_purl(b, pl_member_text(pl_member(ref, "referenceLocator"), b->in->tmp),
                              err);
    }
    if (m.broken)
        pl_broken_add(&b->broken, "the list of packages breaks off");
    return rc;
}

/* A file of such a name need not be one; only what says so is. */
static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct bom b = { .in = in, .out = out };
    struct pl_members m;
    pl_span key, value, components = { 0 }, packages = { 0 };
    bool cyclonedx = false, spdx = false;
    if (!pl_members_open(in->bytes, &m) || !m.object)
        return PL_OK;
    while (pl_members_next(&m, &key, &value)) {
        cyclonedx |= pl_span_eq(key, PL_LIT("bomFormat"));
        spdx |= pl_span_eq(key, PL_LIT("spdxVersion"));
        if (pl_span_eq(key, PL_LIT("components")))
            components = value;
        else if (pl_span_eq(key, PL_LIT("packages")))
            packages = value;
    }
    if (!cyclonedx && !spdx)
        return PL_OK;
    if (m.broken)
        pl_sink_gap(out, in->path, "broken", "JSON ends or breaks at byte %zu",
                    in->bytes.len - m.in.len);
    pl_rc rc = cyclonedx ? put_components(&b, components, err) : put_spdx(&b, packages, err);
    pl_broken_report(&b.broken, in, out, "components");
    return rc;
}

const struct pl_analyzer pl_analyzer_sbom = {
    .application = true,
    .name = "sbom",
    .what = "libraries named by bills of materials in the image",
    .spec = "CycloneDX 1.2 to 1.6; SPDX 2.2, 2.3; Package URL specification",
    .paths = (const char *const[]){ "**/*.spdx.json", "**/*.cdx.json", "**/*bom.json", NULL },
    .max_bytes = 128 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
