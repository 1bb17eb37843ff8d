/* purl_parse.c - package URLs as others write them. Spec: ECMA-427; seen in the wild: Syft's and
 * Trivy's SBOMs, publishers' VEX. */
#include "base/err.h"
#include "model/purl.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "+" stays itself: old writers leave it unencoded in versions, none means a blank by it. */
bool pl_percent_decode(pl_span in, bool lower, struct pl_arena *a, pl_span *out)
{
    char *text = pl_arena_alloc(a, in.len + 1);
    size_t n = 0;
    if (!text)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        int c = (unsigned char)in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex(in.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex(in.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = high * 16 + low;
            i += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        if (lower && c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        text[n++] = (char)c;
    }
    *out = pl_span_of(text, n);
    return true;
}

static bool strip_slashes(pl_span *s)
{
    while (s->len && s->ptr[0] == '/')
        *s = pl_span_from(*s, 1);
    while (s->len && s->ptr[s->len - 1] == '/')
        s->len--;
    return s->len > 0;
}

static bool take_qualifiers(pl_span text, struct pl_arena *a, struct pl_purl *out)
{
    pl_span one;
    while (pl_span_split(&text, '&', &one)) {
        size_t equals = pl_span_chr(one, '=');
        if (equals == SIZE_MAX || equals == 0 || out->n_qualifiers == PL_PURL_QUALIFIERS)
            continue;
        struct pl_purl_qualifier *q = &out->qualifiers[out->n_qualifiers];
        if (!pl_percent_decode(pl_span_sub(one, 0, equals), true, a, &q->key) ||
            !pl_percent_decode(pl_span_from(one, equals + 1), false, a, &q->value))
            return false;
        out->n_qualifiers += q->value.len > 0;
    }
    return true;
}

/* The specification parses from the right: subpath, qualifiers, then the version behind the last
 * "@" (an unencoded "@scope" of npm stands before the last slash). */
bool pl_purl_parse(pl_span text, struct pl_arena *a, struct pl_purl *out)
{
    struct pl_purl p = { 0 };
    pl_span type;
    text = pl_span_trim(text);
    if (!pl_span_skip_lit(&text, PL_LIT("pkg:")))
        return false;
    size_t at = pl_span_rchr(text, '#');
    if (at != SIZE_MAX) {
        if (!pl_percent_decode(pl_span_from(text, at + 1), false, a, &p.subpath))
            return false;
        text = pl_span_sub(text, 0, at);
    }
    at = pl_span_chr(text, '?');
    if (at != SIZE_MAX) {
        if (!take_qualifiers(pl_span_from(text, at + 1), a, &p))
            return false;
        text = pl_span_sub(text, 0, at);
    }
    if (!strip_slashes(&text) || !pl_span_split(&text, '/', &type) ||
        !pl_percent_decode(type, true, a, &p.type) || p.type.len == 0)
        return false;
    at = pl_span_rchr(text, '@');
    size_t slash = pl_span_rchr(text, '/');
    if (at != SIZE_MAX && at > 0 && (slash == SIZE_MAX || at > slash)) {
        if (!pl_percent_decode(pl_span_from(text, at + 1), false, a, &p.version))
            return false;
        text = pl_span_sub(text, 0, at);
    }
    if (!strip_slashes(&text))
        return false;
    slash = pl_span_rchr(text, '/');
    if (slash != SIZE_MAX && !pl_percent_decode(pl_span_sub(text, 0, slash), false, a, &p.space))
        return false;
    if (!pl_percent_decode(slash == SIZE_MAX ? text : pl_span_from(text, slash + 1), false, a,
                           &p.name) ||
        p.name.len == 0)
        return false;
    (void)strip_slashes(&p.space);
    *out = p;
    return true;
}

pl_span pl_purl_qualifier(const struct pl_purl *p, const char *key)
{
    for (size_t i = 0; i < p->n_qualifiers; i++)
        if (pl_span_eq(p->qualifiers[i].key, pl_span_str(key)))
            return p->qualifiers[i].value;
    return PL_SPAN_NONE;
}

static bool is_type(const struct pl_purl *p, const char *type)
{
    return pl_span_eq(p->type, pl_span_str(type));
}

/* The namespace is the distribution's, not part of the name. */
static bool of_system(const struct pl_purl *p)
{
    static const char *const types[] = { "deb", "apk", "rpm", "alpm", "ebuild", "opkg" };
    for (size_t i = 0; i < PL_COUNT(types); i++)
        if (is_type(p, types[i]))
            return true;
    return false;
}

pl_span pl_purl_full_name(const struct pl_purl *p, struct pl_arena *a)
{
    if (of_system(p) || p->space.len == 0)
        return p->name;
    char mark = is_type(p, "maven") ? ':' : '/';
    return pl_span_str(pl_arena_printf(a, "%.*s%c%.*s", PL_FMT(p->space), mark, PL_FMT(p->name)));
}

void pl_purl_upstream(const struct pl_purl *p, pl_span *name, pl_span *version)
{
    pl_span up = pl_purl_qualifier(p, "upstream");
    static const pl_span ends[] = { { ".src.rpm", 8 }, { ".nosrc.rpm", 10 } };
    *name = up;
    *version = PL_SPAN_NONE;
    for (size_t i = 0; i < PL_COUNT(ends); i++) {
        if (!pl_span_ends(up, ends[i]))
            continue;
        pl_span nvr = pl_span_sub(up, 0, up.len - ends[i].len);
        size_t release = pl_span_rchr(nvr, '-');
        size_t before =
            release == SIZE_MAX ? SIZE_MAX : pl_span_rchr(pl_span_sub(nvr, 0, release), '-');
        if (before == SIZE_MAX || before == 0)
            return;
        *name = pl_span_sub(nvr, 0, before);
        *version = pl_span_from(nvr, before + 1);
        return;
    }
    size_t at = pl_span_rchr(up, '@');
    if (at != SIZE_MAX && at > 0) {
        *name = pl_span_sub(up, 0, at);
        *version = pl_span_from(up, at + 1);
    }
}

/* ---- meaning ---- */

static bool same_name(const struct pl_purl *p, pl_span a, pl_span b)
{
    if (!is_type(p, "pypi"))
        return pl_span_eq_nocase(a, b);
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i] == '_' || a.ptr[i] == '.' ? '-' : a.ptr[i];
        char y = b.ptr[i] == '_' || b.ptr[i] == '.' ? '-' : b.ptr[i];
        if (!pl_span_eq_nocase(pl_span_of(&x, 1), pl_span_of(&y, 1)))
            return false;
    }
    return true;
}

static pl_span without_epoch(pl_span version)
{
    size_t colon = pl_span_chr(version, ':');
    return colon == SIZE_MAX ? version : pl_span_from(version, colon + 1);
}

static bool same_version(const struct pl_purl *p, pl_span have)
{
    if (p->version.len == 0 || pl_span_eq(p->version, have))
        return true;
    if (is_type(p, "golang")) {
        pl_span a = p->version, b = have;
        (void)pl_span_skip_lit(&a, PL_LIT("v"));
        (void)pl_span_skip_lit(&b, PL_LIT("v"));
        return pl_span_eq(a, b);
    }
    bool epochs = is_type(p, "rpm") || is_type(p, "deb");
    if (!epochs || pl_span_chr(p->version, ':') != SIZE_MAX)
        return false;
    pl_span epoch = pl_purl_qualifier(p, "epoch");
    size_t colon = pl_span_chr(have, ':');
    if (epoch.len && !pl_span_eq(epoch, PL_LIT("0")) &&
        !pl_span_eq(epoch, colon == SIZE_MAX ? PL_LIT("0") : pl_span_sub(have, 0, colon)))
        return false;
    return pl_span_eq(p->version, without_epoch(have));
}

/* Vendors go by several names; an unlike one is another distribution's package. */
static bool same_vendor(const struct pl_purl *p, const struct pl_os *os)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    struct pl_package probe = { .type = p->type, .name = PL_LIT("x") };
    if (!of_system(p) || p->space.len == 0 || !os || os->family.len == 0 ||
        pl_span_eq_nocase(p->space, os->family))
        return true;
    pl_purl(&probe, os, &b);
    pl_span ours = pl_buf_span(&b);
    size_t first = pl_span_chr(ours, '/'),
           last = pl_span_rchr(pl_span_sub(ours, 0, pl_span_chr(ours, '?')), '/');
    return !b.failed && first != SIZE_MAX && last > first &&
           pl_span_eq_nocase(pl_span_sub(ours, first + 1, last - first - 1), p->space);
}

bool pl_purl_means(const struct pl_purl *p, const struct pl_package *package,
                   const struct pl_os *os, struct pl_arena *tmp)
{
    pl_span arch = pl_purl_qualifier(p, "arch");
    if (!pl_span_eq(p->type, package->type) || !same_version(p, package->version) ||
        !same_vendor(p, os))
        return false;
    pl_span name = pl_purl_full_name(p, tmp);
    bool source = pl_span_eq(arch, PL_LIT("source")) || pl_span_eq(arch, PL_LIT("src"));
    if (arch.len && !source && package->arch.len && !pl_span_eq(arch, package->arch))
        return false;
    if (same_name(p, name, package->name))
        return true;
    /* Distributions' own VEX names source packages: "pkg:deb/debian/openssl?arch=source". */
    return of_system(p) && source && package->source_name.len &&
           same_name(p, name, package->source_name);
}
