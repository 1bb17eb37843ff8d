/* secdb.c - security databases of apk distributions: per package, which version fixed what.
 *
 * Spec: Alpine's secdb, made from the secfixes comments of APKBUILD files; Wolfi, Chainguard and
 * MinimOS publish the same form. Packages are origins (source packages). An installed version
 * below a key is vulnerable; key "0" says the package never was. */
#include "base/map.h"
#include "feed/record.h"

static bool sniff(const struct pl_feed_file *f)
{
    return pl_head_first(f->head) == '{' &&
           (pl_head_key(f->head, 1, "distroversion") || pl_head_key(f->head, 1, "urlprefix") ||
            pl_head_key(f->head, 1, "apkurl") || pl_head_key(f->head, 3, "pkg")) &&
           !pl_head_key(f->head, 1, "affected");
}

struct secdb {
    struct pl_record r;
    struct pl_advisory_sink *out;
    const struct pl_limits *limits;
    const char *path;
    char version[64], prefix[256], reponame[64];
    char stream[80];
};

static void keep(char *to, size_t size, pl_span s) { snprintf(to, size, "%.*s", PL_FMT(s)); }

static pl_rc meta(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct secdb *s = ctx;
    (void)err;
    if (!value.ptr || value.len < 2 || value.ptr[0] != '"')
        return PL_OK;
    pl_span text = pl_span_sub(value, 1, value.len - 2);
    if (pl_span_eq(key, PL_LIT("distroversion")))
        keep(s->version, sizeof(s->version), text);
    else if (pl_span_eq(key, PL_LIT("urlprefix")))
        keep(s->prefix, sizeof(s->prefix), text);
    else if (pl_span_eq(key, PL_LIT("reponame")))
        keep(s->reponame, sizeof(s->reponame), text);
    return PL_OK;
}

/* Alpine writes its version; the rolling ones are told by where their packages lie. */
static bool name_stream(struct secdb *s)
{
    static const struct {
        const char *part, *stream;
    } rolling[] = {
        { "chainguard", "chainguard" }, { "cgr.dev", "chainguard" }, { "wolfi", "wolfi" },
        { "mini.dev", "minimos" },      { "minimos", "minimos" },
    };
    const char *const places[] = { s->version, s->prefix, s->reponame, s->path };
    pl_span v = pl_span_str(s->version);
    if (pl_span_starts(v, PL_LIT("edge"))) {
        snprintf(s->stream, sizeof(s->stream), "alpine:edge");
        return true;
    }
    pl_span_skip_lit(&v, PL_LIT("v"));
    if (v.len && v.ptr[0] >= '0' && v.ptr[0] <= '9') {
        snprintf(s->stream, sizeof(s->stream), "alpine:%.*s", PL_FMT(v));
        return true;
    }
    for (size_t p = 0; p < PL_COUNT(places); p++)
        for (size_t i = 0; i < PL_COUNT(rolling); i++)
            if (strstr(places[p], rolling[i].part)) {
                snprintf(s->stream, sizeof(s->stream), "%s", rolling[i].stream);
                return true;
            }
    return false;
}

/* One vulnerability of one package: the versions that fixed it, and its other names. */
struct fix {
    pl_span id;
    struct pl_vec versions, aliases; /* pl_span */
    bool never;
};

struct package {
    struct pl_arena *tmp;
    struct pl_map by_id;    /* struct fix */
    struct pl_map by_alias; /* struct fix, or the package itself where several share the alias */
    struct pl_vec fixes;    /* struct fix * */
};

static bool push_span(struct pl_arena *a, struct pl_vec *v, pl_span s)
{
    pl_span *at = pl_vec_push(a, v);
    if (at)
        *at = s;
    return at != NULL;
}

static bool add_fix(struct package *p, pl_span id, pl_span version, struct fix **out)
{
    void **at = pl_map_at(&p->by_id, id);
    if (!at)
        return false;
    if (!*at) {
        struct fix **listed = pl_vec_push(p->tmp, &p->fixes);
        struct fix *made = pl_arena_alloc(p->tmp, sizeof(*made));
        if (!listed || !made)
            return false;
        *made = (struct fix){ .id = id, .versions = PL_VEC(pl_span), .aliases = PL_VEC(pl_span) };
        *at = *listed = made;
    }
    struct fix *f = *at;
    *out = f;
    if (pl_span_eq(version, PL_LIT("0"))) {
        f->never = true;
        return true;
    }
    const pl_span *have = f->versions.items;
    for (size_t i = 0; i < f->versions.n; i++)
        if (pl_span_eq(have[i], version))
            return true;
    return push_span(p->tmp, &f->versions, version);
}

/* An id beside a CVE is another name of it, unless the package has it beside two of them: one XSA
 * may hold several CVEs. */
static bool add_alias(struct package *p, struct fix *f, pl_span alias)
{
    void **at = pl_map_at(&p->by_alias, alias);
    if (!at)
        return false;
    if (!*at)
        *at = f;
    else if (*at != f)
        *at = p;
    return push_span(p->tmp, &f->aliases, alias);
}

/* "CVE_2019_2426" was seen; so was lower case. */
static bool cve_token(struct package *p, pl_span token, pl_span *out)
{
    char text[32];
    if (token.len < 10 || token.len >= sizeof(text) ||
        !pl_span_eq_nocase(pl_span_sub(token, 0, 3), PL_LIT("CVE")))
        return false;
    memcpy(text, "CVE", 3);
    for (size_t i = 3; i < token.len; i++)
        text[i] = token.ptr[i] == '_' ? '-' : token.ptr[i];
    pl_span made = pl_span_of(text, token.len);
    while (made.len > 10 && (made.ptr[made.len - 1] < '0' || made.ptr[made.len - 1] > '9'))
        made.len--; /* a comma or question mark behind it */
    return pl_is_cve(made) && pl_arena_copy(p->tmp, made, out);
}

/* An identifier and no word of a remark: "XSA-123", "ZBX-11023", "GHSA-...", "ALPINE-13661". */
static bool is_id(pl_span token)
{
    size_t dash = pl_span_chr(token, '-');
    if (dash == SIZE_MAX || dash == 0 || dash + 1 == token.len || token.len > 64)
        return false;
    bool digit = false;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (i < dash && !upper && !(c >= '0' && c <= '9'))
            return false;
        digit = digit || (c >= '0' && c <= '9');
        if (c < '!' || c > '~')
            return false;
    }
    return digit || pl_span_starts(token, PL_LIT("GHSA-"));
}

static bool add_item(struct package *p, pl_span item, pl_span version)
{
    pl_span rest = item, token, id;
    struct fix *f = NULL;
    size_t n = 0;
    while (pl_span_word(&rest, &token)) {
        if (!cve_token(p, token, &id))
            continue;
        if (!add_fix(p, id, version, &f))
            return false;
        n++;
    }
    rest = item;
    while (pl_span_word(&rest, &token)) {
        if (cve_token(p, token, &id) || !is_id(token))
            continue;
        struct fix *own;
        if (n == 1 ? !add_alias(p, f, token) : n == 0 && !add_fix(p, token, version, &own))
            return false;
    }
    return true;
}

static pl_rc emit_fix(struct secdb *s, struct package *p, const struct fix *f, pl_span name,
                      struct pl_err *err)
{
    struct pl_record *r = &s->r;
    const pl_span *versions = f->versions.items, *aliases = f->aliases.items;
    r->a = (struct pl_advisory){ .feed = pl_span_str(r->feed), .id = f->id };
    r->aliases = PL_VEC(pl_span);
    r->affected = PL_VEC(struct pl_affected);
    for (size_t i = 0; i < f->aliases.n; i++)
        if (pl_map_get(&p->by_alias, aliases[i]) == f)
            pl_record_alias(r, aliases[i]);
    pl_span stream = pl_span_str(s->stream);
    for (size_t i = 0; i < f->versions.n; i++)
        pl_record_affected(r, stream, name, "apk", PL_STATUS_FIXED, versions[i])->of_source = true;
    /* "never" beside a version that fixed it: whoever is below that version is told. */
    if (f->never && f->versions.n == 0)
        pl_record_affected(r, stream, name, "apk", PL_STATUS_NOT_AFFECTED, PL_SPAN_NONE)
            ->of_source = true;
    return pl_record_emit(r, s->out, err);
}

static pl_rc one_package(struct secdb *s, const json_t *pkg, struct pl_err *err)
{
    pl_span name = pl_json_text(pkg, "name"), item;
    pl_record_reset(&s->r);
    struct package p = { .tmp = &s->r.tmp, .fixes = PL_VEC(struct fix *) };
    const json_t *secfixes = pl_json_object(pkg, "secfixes"), *list;
    const char *version;
    bool fits = true;
    if (name.len == 0) {
        s->out->skip(s->out, pl_span_str(s->path), "a package without a name");
        return PL_OK;
    }
    json_object_foreach((json_t *)(uintptr_t)secfixes, version, list)
    {
        pl_json_each_text(list, i, item) fits = fits && add_item(&p, item, pl_span_str(version));
    }
    pl_rc rc = PL_OK;
    struct fix **fixes = p.fixes.items;
    for (size_t i = 0; fits && !rc && i < p.fixes.n; i++)
        rc = emit_fix(s, &p, fixes[i], name, err);
    if (!fits)
        s->out->skip(s->out, name, "the record is too large");
    pl_map_done(&p.by_id);
    pl_map_done(&p.by_alias);
    return rc;
}

static pl_rc package_text(void *ctx, pl_span key, pl_span value, struct pl_err *err)
{
    struct secdb *s = ctx;
    PL_AUTO(json) json_t *rec = NULL;
    struct pl_err why = { .msg = "a package larger than any should be" };
    (void)key;
    if (!value.ptr || pl_json_parse(value, &rec, &why)) {
        s->out->skip(s->out, pl_span_str(s->path), why.msg);
        return PL_OK;
    }
    const json_t *pkg = pl_json_object(rec, "pkg");
    return one_package(s, pkg ? pkg : rec, err);
}

static pl_rc read_secdb(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct secdb s = { .out = out, .limits = f->limits, .path = f->path };
    /* What release it is may stand behind the packages: once over for that, then again. */
    pl_rc rc = pl_json_each(f->reader, "", 4096, meta, &s, err);
    if (!rc)
        rc = f->rewind(f, err);
    if (rc)
        return rc;
    if (!name_stream(&s)) {
        out->skip(out, pl_span_str(f->path), "names no distribution that we know");
        return PL_OK;
    }
    out->covers(out, pl_span_str(s.stream));
    pl_record_init(&s.r, "secdb", f->limits);
    rc = pl_json_each(f->reader, "packages", f->limits->record_bytes, package_text, &s, err);
    pl_record_done(&s.r);
    return rc;
}

const struct pl_feed pl_feed_secdb = {
    .name = "secdb",
    .what = "Alpine, Wolfi, Chainguard and MinimOS security databases",
    .spec = "secdb JSON of secdb.alpinelinux.org",
    .folder = "alpine-secdb",
    .rank = 10,
    .sniff = sniff,
    .read = read_secdb,
};
