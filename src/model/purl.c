#include "model/purl.h"

#include "base/err.h"
#include "base/map.h"

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* ':' stays as it is: epochs and digests read better, and the specification wants it so. */
static void encode(struct pl_buf *out, pl_span s, bool lower)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (lower && c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (unreserved(c) || c == ':')
            pl_buf_char(out, c);
        else
            pl_buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

/* Segments of a namespace are encoded one by one; the slashes between them stay. */
static void encode_path(struct pl_buf *out, pl_span path, bool lower)
{
    pl_span part;
    for (bool first = true; pl_span_split(&path, '/', &part); first = false) {
        if (!first)
            pl_buf_char(out, '/');
        encode(out, part, lower);
    }
}

/* Vendors of rpm and others whose name differs from their os-release ID. The package URL type
 * definitions and the publishers' own SBOMs and VEX say so. */
static pl_span vendor(pl_span family)
{
    static const struct {
        const char *prefix, *vendor;
    } named[] = {
        { "rhel", "redhat" }, { "sles", "suse" },         { "sled", "suse" },
        { "sle-", "suse" },   { "sle_", "suse" },         { "sl-micro", "suse" },
        { "suse", "suse" },   { "opensuse", "opensuse" },
    };
    for (size_t i = 0; i < PL_COUNT(named); i++)
        if (pl_span_starts(family, pl_span_str(named[i].prefix)))
            return pl_span_str(named[i].vendor);
    return family;
}

/* Where the namespace of a type comes from. */
enum namespace_rule { NO_NAMESPACE, VENDOR, BEFORE_LAST_SLASH, BEFORE_COLON };

struct type_rule {
    const char *type;
    enum namespace_rule rule;
    bool lower_namespace, lower_name;
};

static const struct type_rule *rule_of(pl_span type)
{
    static const struct type_rule rules[] = {
        { "deb", VENDOR, true, true },
        { "apk", VENDOR, true, true },
        { "rpm", VENDOR, true, false },
        { "alpm", VENDOR, true, true },
        { "golang", BEFORE_LAST_SLASH, true, true },
        { "npm", BEFORE_LAST_SLASH, false, false },
        { "composer", BEFORE_LAST_SLASH, true, true },
        { "maven", BEFORE_COLON, false, false },
        { "pypi", NO_NAMESPACE, false, true },
        { "bitnami", NO_NAMESPACE, false, true },
    };
    static const struct type_rule other = { "", NO_NAMESPACE, false, false };
    for (size_t i = 0; i < PL_COUNT(rules); i++)
        if (pl_span_eq(pl_span_str(rules[i].type), type))
            return &rules[i];
    return &other;
}

static void put_name(const struct pl_package *p, const struct pl_os *os, struct pl_buf *out)
{
    const struct type_rule *r = rule_of(p->type);
    pl_span space = { 0 }, name = p->name;
    size_t at = SIZE_MAX;
    if (r->rule == VENDOR && os)
        space = vendor(os->family);
    else if (r->rule == BEFORE_LAST_SLASH)
        at = pl_span_rchr(name, '/');
    else if (r->rule == BEFORE_COLON)
        at = pl_span_rchr(name, ':');
    if (at != SIZE_MAX) {
        space = pl_span_sub(name, 0, at);
        name = pl_span_from(name, at + 1);
    }
    if (space.len) {
        encode_path(out, space, r->lower_namespace);
        pl_buf_char(out, '/');
    }
    size_t start = out->len;
    encode(out, name, r->lower_name);
    if (pl_span_eq(p->type, PL_LIT("pypi")) && !out->failed)
        for (size_t i = start; i < out->len; i++)
            if (out->ptr[i] == '_')
                out->ptr[i] = '-';
}

/* rpm's epoch is a qualifier in a package URL, not part of the version. */
static pl_span take_epoch(const struct pl_package *p, pl_span *version)
{
    *version = p->version;
    size_t colon = pl_span_chr(p->version, ':');
    if (!pl_span_eq(p->type, PL_LIT("rpm")) || colon == SIZE_MAX)
        return PL_SPAN_NONE;
    *version = pl_span_from(p->version, colon + 1);
    return pl_span_sub(p->version, 0, colon);
}

static void qualifier(struct pl_buf *out, char *mark, const char *key, pl_span value)
{
    if (value.len == 0)
        return;
    pl_buf_printf(out, "%c%s=", *mark, key);
    encode(out, value, false);
    *mark = '&';
}

static void put_distro(struct pl_buf *out, char *mark, const struct pl_os *os)
{
    pl_span release = os->version.len ? os->version : os->codename;
    if (os->family.len == 0)
        return;
    qualifier(out, mark, "distro", os->family);
    if (release.len) {
        pl_buf_char(out, '-');
        encode(out, release, false);
    }
}

void pl_purl(const struct pl_package *p, const struct pl_os *os, struct pl_buf *out)
{
    pl_span version, epoch = take_epoch(p, &version);
    char mark = '?';
    pl_buf_add(out, PL_LIT("pkg:"));
    encode(out, p->type, true);
    pl_buf_char(out, '/');
    put_name(p, os, out);
    if (version.len) {
        pl_buf_char(out, '@');
        encode(out, version, false);
    }
    qualifier(out, &mark, "arch", p->arch); /* keys in order of the alphabet */
    if (rule_of(p->type)->rule != VENDOR || !os)
        return;
    put_distro(out, &mark, os);
    qualifier(out, &mark, "epoch", epoch);
    if (pl_span_eq(p->type, PL_LIT("rpm")))
        qualifier(out, &mark, "modularitylabel", p->module);
    if (p->source_name.len && !pl_span_eq(p->source_name, p->name)) {
        qualifier(out, &mark, "upstream", p->source_name);
        if (p->source_version.len && !pl_span_eq(p->source_version, p->version)) {
            pl_buf_add(out, PL_LIT("%40"));
            encode(out, p->source_version, false);
        }
    }
}

/* The id, longer with each attempt: plain, with the path, with a count. */
static pl_span id_text(const struct pl_package *p, unsigned attempt, struct pl_arena *a)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_span parts[] = { p->type, p->name, p->version, p->arch };
    for (size_t i = 0; i < PL_COUNT(parts); i++) {
        if (i == 3 && parts[i].len == 0)
            break;
        if (i)
            pl_buf_char(&b, '/');
        pl_buf_add(&b, parts[i]);
    }
    if (attempt) {
        pl_buf_char(&b, '#');
        pl_buf_add(&b, p->path);
    }
    if (attempt > 1)
        pl_buf_printf(&b, "#%u", attempt);
    pl_span kept = { 0 };
    if (b.failed || !pl_arena_copy(a, pl_buf_span(&b), &kept))
        return PL_SPAN_NONE;
    return kept;
}

static bool id_of(const struct pl_package *p, struct pl_map *seen, struct pl_arena *a, pl_span *out)
{
    void **place;
    unsigned attempt = 0;
    do {
        pl_span id = id_text(p, attempt, a);
        place = id.ptr ? pl_map_at(seen, id) : NULL;
        if (!place)
            return false;
        if (!*place) {
            *place = (void *)(uintptr_t)1;
            *out = id;
            return true;
        }
        /* The count goes on where the last of the same path ended, so that a thousand copies do
         * not cost a million attempts. */
        uintptr_t used = (uintptr_t)*place;
        *place = (void *)(used + 1);
        attempt = attempt == 0 ? 1 : attempt == 1 ? (unsigned)used + 1 : attempt + 1;
    } while (true);
}

pl_span *pl_package_ids(const struct pl_package *packages, size_t n, struct pl_arena *a)
{
    PL_AUTO(map) struct pl_map seen = { 0 };
    pl_span *ids = pl_arena_array(a, n ? n : 1, sizeof(*ids));
    for (size_t i = 0; ids && i < n; i++)
        if (!id_of(&packages[i], &seen, a, &ids[i]))
            return NULL;
    return ids;
}
