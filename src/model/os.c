/* os.c - which system an image is, from the release files that are visible at its end. */
#include <ctype.h>

#include "base/json.h"
#include "model/distro.h"
#include "model/layer_report.h"

struct search {
    const struct pl_fact *facts;
    size_t n;
    struct pl_arena *a;
    struct pl_os *os;
    bool full; /* the arena had no more room */
};

static const struct pl_fact *fact(const struct search *s, const char *kind)
{
    for (size_t i = 0; i < s->n; i++)
        if (pl_span_eq(s->facts[i].kind, pl_span_str(kind)))
            return &s->facts[i];
    return NULL;
}

static const struct pl_fact *fact_at(const struct search *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (pl_span_eq(s->facts[i].path, pl_span_str(path)))
            return &s->facts[i];
    return NULL;
}

static void told_by(struct pl_os *os, const struct pl_fact *f)
{
    os->path = f->path;
    os->layer = f->layer;
}

static pl_span copy(struct search *s, const char *text)
{
    pl_span out = PL_SPAN_NONE;
    if (!pl_arena_copy(s->a, pl_span_str(text), &out))
        s->full = true;
    return out;
}

static pl_span first_line(pl_span text)
{
    pl_span line = PL_SPAN_NONE;
    while (pl_span_line(&text, &line) && !pl_span_trim(line).len)
        continue;
    return pl_span_trim(line);
}

/* ---- KEY=value files ---- */

/* os-release(5): shell quoting without expansion. "a", 'a', a\ b. */
static pl_span unquote(struct search *s, pl_span v)
{
    char *out = pl_arena_alloc(s->a, v.len), quote = 0;
    size_t n = 0;
    if (!out) {
        s->full = true;
        return PL_SPAN_NONE;
    }
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];
        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? 0 : c;
            continue;
        }
        if (!quote && isspace((unsigned char)c))
            break;
        if (c == '\\' && quote != '\'' && i + 1 < v.len)
            c = v.ptr[++i];
        out[n++] = c;
    }
    return pl_span_of(out, n);
}

/* The last assignment counts, as it does for a shell that reads the file. */
static pl_span value_of(struct search *s, pl_span text, const char *key)
{
    pl_span line, found = PL_SPAN_NONE, name = pl_span_str(key);
    while (pl_span_line(&text, &line)) {
        line = pl_span_trim(line);
        if (line.len > name.len && line.ptr[name.len] == '=' && pl_span_starts(line, name))
            found = pl_span_from(line, name.len + 1);
    }
    return unquote(s, pl_span_trim(found));
}

/* ---- one family's habits ---- */

static bool is_family(const struct pl_os *os, const char *family)
{
    return os->distro && strcmp(os->distro->family, family) == 0;
}

static void set_family(struct pl_os *os, const char *family)
{
    os->distro = pl_distro_find(pl_span_str(family));
    os->family = pl_span_str(family);
}

/* A release file's version that says more than os-release's: "7.9.2009" for "7", "12.4" for "12".
 */
static void more_exact(struct pl_os *os, pl_span version)
{
    if (os->version.len && version.len > os->version.len && pl_span_starts(version, os->version) &&
        version.ptr[os->version.len] == '.')
        os->version = version;
}

/* "12.4", or of testing and sid "trixie/sid": the number of that codename when it has one, for it
 * is what the image will have become; "sid" when not. */
static void debian_version(struct pl_os *os, pl_span text)
{
    text = first_line(text);
    if (text.len && isdigit((unsigned char)text.ptr[0])) {
        if (!os->version.len)
            os->version = text;
        more_exact(os, text);
        return;
    }
    pl_span codename = pl_span_sub(text, 0, pl_span_chr(text, '/'));
    if (os->version.len || !codename.len)
        return;
    const struct pl_distro *debian = pl_distro_find(PL_LIT("debian"));
    const struct pl_release *r = pl_release_by_codename(debian, codename);
    os->version = r ? pl_span_str(r->release) : PL_LIT("sid");
    if (!os->codename.len)
        os->codename = codename;
}

static void debian(struct search *s)
{
    struct pl_os *os = s->os;
    const struct pl_fact *f = fact(s, "debian_version");
    if (f)
        debian_version(os, f->bytes);
    if (!os->version.len && os->codename.len)
        debian_version(os, os->codename);
    /* "Debian GNU/Linux trixie/sid" where there is nothing else */
    size_t blank = pl_span_rchr(os->pretty_name, ' ');
    if (!os->version.len && blank != SIZE_MAX)
        debian_version(os, pl_span_from(os->pretty_name, blank + 1));
    if (pl_span_eq_nocase(os->pretty_name, PL_LIT("Distroless")))
        os->variant = PL_LIT("distroless");
}

static void alpine(struct search *s)
{
    const struct pl_fact *f = fact(s, "alpine-release");
    pl_span version = f ? first_line(f->bytes) : PL_SPAN_NONE;
    if (version.len)
        s->os->version = version;
}

/* "22.03 (LTS-SP1)" and "22.03 LTS_SP1" are the release 22.03-LTS-SP1. */
static void openeuler(struct search *s, pl_span version)
{
    char text[64];
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < version.len && n + 2 < sizeof(text); i++) {
        char c = version.ptr[i];
        if (c == ' ' || c == '(' || c == ')' || c == '_' || c == '-') {
            gap = n > 0;
            continue;
        }
        if (gap)
            text[n++] = '-';
        gap = false;
        text[n++] = c;
    }
    text[n] = '\0';
    if (n && isdigit((unsigned char)text[0]))
        s->os->version = copy(s, text);
}

static void ubuntu_esm(struct search *s)
{
    const struct pl_fact *f = fact(s, "ubuntu-advantage");
    PL_AUTO(json) json_t *status = NULL;
    struct pl_err err;
    if (!f || pl_json_parse(f->bytes, &status, &err))
        return;
    const json_t *services = pl_json_array(status, "services"), *service;
    size_t i;
    if (!pl_json_bool(status, "attached"))
        return;
    json_array_foreach(services, i,
                       service) if (pl_span_starts(pl_json_text(service, "name"), PL_LIT("esm-")) &&
                                    pl_span_eq(pl_json_text(service, "status"), PL_LIT("enabled")))
        s->os->variant = PL_LIT("esm");
}

static uint64_t leading_number(pl_span version)
{
    uint64_t n = 0;
    pl_span head = pl_span_sub(version, 0, pl_span_chr(version, '.'));
    return pl_span_decimal(head, UINT32_MAX, &n) ? n : 0;
}

/* The version behind a name in a release file: the first word that begins with a digit, or "V10".
 */
static pl_span version_word(pl_span text)
{
    pl_span word;
    while (pl_span_word(&text, &word))
        if (isdigit((unsigned char)word.ptr[0]) ||
            (word.len > 1 && word.ptr[0] == 'V' && isdigit((unsigned char)word.ptr[1])))
            return word;
    return PL_SPAN_NONE;
}

static void centos(struct search *s)
{
    const struct pl_fact *f = fact(s, "centos-release");
    pl_span line = f ? first_line(f->bytes) : PL_SPAN_NONE;
    more_exact(s->os, version_word(line));
    if (pl_span_find(line, PL_LIT("Stream")) != SIZE_MAX ||
        pl_span_find(s->os->pretty_name, PL_LIT("Stream")) != SIZE_MAX)
        s->os->variant = PL_LIT("stream");
}

/* What a family's own habits add to what was read. */
static void adjust(struct search *s, pl_span long_version)
{
    struct pl_os *os = s->os;
    if (is_family(os, "debian") || is_family(os, "raspbian"))
        debian(s);
    else if (is_family(os, "alpine"))
        alpine(s);
    else if (is_family(os, "openeuler"))
        openeuler(s, long_version);
    else if (is_family(os, "ubuntu"))
        ubuntu_esm(s);
    else if (is_family(os, "centos"))
        centos(s);
    else if (is_family(os, "opensuse") && leading_number(os->version) >= 15)
        set_family(os, "opensuse-leap"); /* Leap 42 called itself ID=opensuse */
    else if (is_family(os, "opensuse") && leading_number(os->version) == 0)
        set_family(os, "opensuse-tumbleweed");
}

/* ---- os-release ---- */

static pl_span lower(struct search *s, pl_span text)
{
    char *out = pl_arena_alloc(s->a, text.len);
    if (!out)
        s->full = true;
    for (size_t i = 0; out && i < text.len; i++)
        out[i] = (char)tolower((unsigned char)text.ptr[i]);
    return out ? pl_span_of(out, text.len) : PL_SPAN_NONE;
}

static bool from_os_release(struct search *s, const struct pl_fact *f)
{
    struct pl_os *os = s->os;
    pl_span id = f ? value_of(s, f->bytes, "ID") : PL_SPAN_NONE;
    if (!id.len)
        return false;
    os->distro = pl_distro_find(id);
    os->family = os->distro ? pl_span_str(os->distro->family) : lower(s, id);
    os->version = value_of(s, f->bytes, "VERSION_ID");
    os->codename = value_of(s, f->bytes, "VERSION_CODENAME");
    os->pretty_name = value_of(s, f->bytes, "PRETTY_NAME");
    os->variant = value_of(s, f->bytes, "VARIANT_ID");
    told_by(s->os, f);
    if (!os->pretty_name.len)
        os->pretty_name = value_of(s, f->bytes, "NAME");
    adjust(s, value_of(s, f->bytes, "VERSION"));
    return true;
}

/* etc/os-release is what the image's programs read; usr/lib/ has the distribution's own. */
static bool any_os_release(struct search *s)
{
    static const char *const paths[] = { "etc/os-release", "usr/lib/os-release",
                                         "etc/initrd-release" };
    for (size_t i = 0; i < PL_COUNT(paths); i++)
        if (from_os_release(s, fact_at(s, paths[i])))
            return true;
    return false;
}

/* ---- the older files ---- */

static const struct {
    const char *name, *family;
} names[] = { /* how a release file begins; the longer name first */
              { "Red Hat Enterprise Linux CoreOS", "rhcos" },
              { "Red Hat", "rhel" },
              { "CentOS", "centos" },
              { "Oracle", "ol" },
              { "Enterprise Linux Enterprise Linux", "ol" },
              { "Rocky", "rocky" },
              { "AlmaLinux", "almalinux" },
              { "Scientific Linux", "scientific" },
              { "EuroLinux", "eurolinux" },
              { "CloudLinux", "cloudlinux" },
              { "Fedora", "fedora" },
              { "Amazon Linux", "amzn" },
              { "VMware Photon", "photon" },
              { "CBL-Mariner", "mariner" },
              { "Microsoft Azure Linux", "azurelinux" },
              { "Azure Linux", "azurelinux" },
              { "AzureLinux", "azurelinux" },
              { "openEuler", "openeuler" },
              { "EulerOS", "euleros" },
              { "Anolis", "anolis" },
              { "Alibaba Cloud Linux", "alinux" },
              { "Aliyun Linux", "alinux" },
              { "TencentOS", "tencentos" },
              { "Tencent", "tencentos" },
              { "OpenCloudOS", "opencloudos" },
              { "Kylin", "kylin" },
              { "UnionTech", "uos" },
              { "Mageia", "mageia" }
};

static bool set_by_name(struct pl_os *os, pl_span line)
{
    for (size_t i = 0; i < PL_COUNT(names); i++)
        if (pl_span_starts(line, pl_span_str(names[i].name))) {
            set_family(os, names[i].family);
            return true;
        }
    return false;
}

/* "CentOS release 6.10 (Final)". */
static bool from_release_file(struct search *s, const char *kind)
{
    const struct pl_fact *f = fact(s, kind);
    pl_span line = f ? first_line(f->bytes) : PL_SPAN_NONE;
    if (!set_by_name(s->os, line))
        return false;
    size_t open = pl_span_chr(line, '(');
    pl_span inside = open == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(line, open + 1);
    s->os->version = version_word(line);
    s->os->codename = pl_span_sub(inside, 0, pl_span_chr(inside, ')'));
    s->os->pretty_name = line;
    told_by(s->os, f);
    size_t at = pl_span_find(line, PL_LIT(" release "));
    adjust(s, at == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(line, at + 9));
    return true;
}

static pl_span suse_value(pl_span text, const char *key)
{
    pl_span line;
    while (pl_span_line(&text, &line)) {
        size_t equals = pl_span_chr(line, '=');
        if (equals != SIZE_MAX &&
            pl_span_eq(pl_span_trim(pl_span_sub(line, 0, equals)), pl_span_str(key)))
            return pl_span_trim(pl_span_from(line, equals + 1));
    }
    return PL_SPAN_NONE;
}

/* A name, then "VERSION = 11" and "PATCHLEVEL = 3"; patch level 0 is the release itself. */
static bool from_suse(struct search *s)
{
    const struct pl_fact *f = fact(s, "suse-release");
    pl_span line = f ? first_line(f->bytes) : PL_SPAN_NONE;
    if (!line.len)
        return false;
    bool enterprise = pl_span_find(line, PL_LIT("Enterprise")) != SIZE_MAX;
    pl_span version = suse_value(f->bytes, "VERSION"), level = suse_value(f->bytes, "PATCHLEVEL");
    set_family(s->os, enterprise ? "sles" : "opensuse");
    s->os->version = version.len ? version : version_word(line);
    if (enterprise && level.len && !pl_span_eq(level, PL_LIT("0"))) {
        const char *full = pl_arena_printf(s->a, "%.*s.%.*s", PL_FMT(version), PL_FMT(level));
        s->full |= !full;
        s->os->version = pl_span_str(full);
    }
    s->os->codename = suse_value(f->bytes, "CODENAME");
    s->os->pretty_name = line;
    told_by(s->os, f);
    adjust(s, PL_SPAN_NONE);
    return true;
}

static bool from_lsb(struct search *s)
{
    const struct pl_fact *f = fact(s, "lsb-release");
    pl_span id = f ? value_of(s, f->bytes, "DISTRIB_ID") : PL_SPAN_NONE;
    if (!id.len || !pl_distro_find(id))
        return false;
    set_family(s->os, pl_distro_find(id)->family);
    s->os->version = value_of(s, f->bytes, "DISTRIB_RELEASE");
    s->os->codename = value_of(s, f->bytes, "DISTRIB_CODENAME");
    s->os->pretty_name = value_of(s, f->bytes, "DISTRIB_DESCRIPTION");
    told_by(s->os, f);
    adjust(s, PL_SPAN_NONE);
    return true;
}

/* Files whose being there says it all, with a bare version inside or nothing. */
static bool from_bare(struct search *s, const char *kind, const char *family)
{
    const struct pl_fact *f = fact(s, kind);
    if (!f)
        return false;
    set_family(s->os, family);
    s->os->version = version_word(first_line(f->bytes));
    told_by(s->os, f);
    adjust(s, PL_SPAN_NONE);
    return true;
}

static bool older_files(struct search *s)
{
    /* Oracle, Rocky, Alma and CentOS carry redhat-release too, some with Red Hat's own words in
     * it; system-release is a link to whichever is real. */
    static const char *const kinds[] = {
        "oracle-release",      "rocky-release",   "almalinux-release",  "centos-release",
        "fedora-release",      "mariner-release", "azurelinux-release", "photon-release",
        "openeuler-release",   "anolis-release",  "alinux-release",     "tencentos-release",
        "opencloudos-release", "kylin-release",   "uos-release",        "redhat-release",
        "system-release",
    };
    for (size_t i = 0; i < PL_COUNT(kinds); i++)
        if (from_release_file(s, kinds[i]))
            return true;
    return from_suse(s) || from_lsb(s) || from_bare(s, "alpine-release", "alpine") ||
           from_bare(s, "openwrt-release", "openwrt") || from_bare(s, "arch-release", "arch") ||
           from_bare(s, "gentoo-release", "gentoo") || from_bare(s, "kyinfo", "kylin") ||
           from_bare(s, "debian_version", "debian");
}

/* ---- all together ---- */

static const struct pl_release *find_release(struct pl_os *os)
{
    char text[32];
    if (is_family(os, "centos") && pl_span_eq(os->variant, PL_LIT("stream"))) {
        snprintf(text, sizeof(text), "stream%u", (unsigned)leading_number(os->version));
        return pl_release_find(os->distro, pl_span_str(text));
    }
    return pl_release_find(os->distro, os->version);
}

pl_rc pl_os_detect(const struct pl_fact *facts, size_t n_facts, struct pl_arena *a,
                   struct pl_os *out)
{
    struct pl_os os = { .layer = -1 };
    struct search s = { .facts = facts, .n = n_facts, .a = a, .os = &os };
    char stream[128];
    if (any_os_release(&s) || older_files(&s)) {
        os.release = os.distro ? find_release(&os) : NULL;
        if (os.release && os.release->codename && !os.codename.len)
            os.codename = pl_span_str(os.release->codename);
        if (os.distro && pl_distro_stream(os.distro, os.version, stream, sizeof(stream)))
            os.stream = copy(&s, stream);
    }
    if (s.full)
        return PL_ELIMIT;
    *out = os;
    return PL_OK;
}
