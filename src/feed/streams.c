#include "feed/streams.h"

/* One row an OSV ecosystem. family NULL: the part behind the colon tells (special). */
struct ecosystem {
    const char *name, *family, *scheme;
    enum { LANGUAGE, ROLLING, RELEASE, MAJOR, V_RELEASE, DOT_ZERO, SPECIAL } kind;
    bool of_source;
    enum pl_names names;
};

/* Spec: OSV schema, "Defined Ecosystems"; which name each uses was read in published records. */
static const struct ecosystem ecosystems[] = {
    { "npm", "npm", "semver", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "PyPI", "pypi", "pep440", LANGUAGE, false, PL_NAMES_PYPI },
    { "Maven", "maven", "maven", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "Go", "golang", "golang", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "crates.io", "cargo", "semver", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "RubyGems", "gem", "gem", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "Packagist", "composer", "composer", LANGUAGE, false, PL_NAMES_LOWER },
    { "NuGet", "nuget", "nuget", LANGUAGE, false, PL_NAMES_LOWER },
    { "Hex", "hex", "hex", LANGUAGE, false, PL_NAMES_LOWER },
    { "Pub", "pub", "semver", LANGUAGE, false, PL_NAMES_LOWER },
    { "ConanCenter", "conan", "generic", LANGUAGE, false, PL_NAMES_LOWER },
    { "CRAN", "cran", "generic", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "Bioconductor", "bioconductor", "generic", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "Hackage", "hackage", "generic", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "SwiftURL", "swift", "semver", LANGUAGE, false, PL_NAMES_URL },
    { "Bitnami", "bitnami", "semver", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "Julia", "julia", "semver", LANGUAGE, false, PL_NAMES_AS_WRITTEN },
    { "GitHub Actions", "github", "semver", LANGUAGE, false, PL_NAMES_LOWER },
    { "Debian", "debian", "deb", MAJOR, true, PL_NAMES_AS_WRITTEN },
    { "Ubuntu", NULL, "deb", SPECIAL, true, PL_NAMES_AS_WRITTEN },
    { "Echo", "echo", "deb", ROLLING, true, PL_NAMES_AS_WRITTEN },
    { "Alpine", "alpine", "apk", V_RELEASE, true, PL_NAMES_AS_WRITTEN },
    { "Alpaquita", "alpaquita", "apk", RELEASE, true, PL_NAMES_AS_WRITTEN },
    { "Wolfi", "wolfi", "apk", ROLLING, true, PL_NAMES_AS_WRITTEN },
    { "Chainguard", "chainguard", "apk", ROLLING, true, PL_NAMES_AS_WRITTEN },
    { "MinimOS", "minimos", "apk", ROLLING, true, PL_NAMES_AS_WRITTEN },
    { "AlmaLinux", "almalinux", "rpm", MAJOR, false, PL_NAMES_AS_WRITTEN },
    { "Rocky Linux", "rocky", "rpm", MAJOR, true, PL_NAMES_AS_WRITTEN },
    { "Mageia", "mageia", "rpm", MAJOR, true, PL_NAMES_AS_WRITTEN },
    { "Photon OS", "photon", "rpm", DOT_ZERO, true, PL_NAMES_AS_WRITTEN },
    { "Azure Linux", NULL, "rpm", SPECIAL, true, PL_NAMES_AS_WRITTEN },
    { "openEuler", "openeuler", "rpm", RELEASE, true, PL_NAMES_AS_WRITTEN },
    { "Red Hat", NULL, "rpm", SPECIAL, false, PL_NAMES_AS_WRITTEN },
    { "SUSE", NULL, "rpm", SPECIAL, true, PL_NAMES_AS_WRITTEN },
    { "openSUSE", NULL, "rpm", SPECIAL, true, PL_NAMES_AS_WRITTEN },
};

static pl_span join(struct pl_record *r, const char *family, pl_span release)
{
    return pl_record_printf(r, "%s:%.*s", family, PL_FMT(release));
}

/* "14.04:LTS", "Pro:16.04:LTS", "Pro:FIPS-updates:20.04:LTS", "Pro:22.04:LTS:Realtime:Kernel",
 * "22.04:LTS:for:NVIDIA:BlueField". Fixes of a Pro service reach only who has it: a channel. */
static bool ubuntu(struct pl_record *r, pl_span rest, struct pl_stream *out)
{
    pl_span part, release = { 0 }, channel = { 0 };
    while (pl_span_split(&rest, ':', &part)) {
        if (part.len && part.ptr[0] >= '0' && part.ptr[0] <= '9' && !release.len)
            release = part;
        else if (pl_span_eq(part, PL_LIT("Pro")))
            channel = PL_LIT("esm");
        else if (pl_span_eq(part, PL_LIT("for")) || pl_span_eq(part, PL_LIT("NVIDIA")) ||
                 pl_span_eq(part, PL_LIT("LTS")) || pl_span_eq(part, PL_LIT("Kernel")))
            continue;
        else
            channel = pl_record_lower(r, part);
    }
    out->stream = join(r, "ubuntu", release);
    out->channel = channel;
    return release.len > 0;
}

/* "Linux Enterprise Module for Basesystem 15 SP5", "Linux Enterprise Server 12 SP5-LTSS". */
static bool suse(struct pl_record *r, pl_span rest, struct pl_stream *out)
{
    pl_span word, tail = rest, name = rest, release = { 0 }, pack = { 0 }, support = { 0 };
    while (!release.len && pl_span_word(&tail, &word)) {
        if (word.ptr[0] >= '0' && word.ptr[0] <= '9') {
            release = word;
            name = pl_span_trim(pl_span_sub(rest, 0, (size_t)(word.ptr - rest.ptr)));
        }
    }
    if (!release.len)
        return false;
    if (pl_span_word(&tail, &word) && pl_span_skip_lit(&word, PL_LIT("SP")))
        pack = word;
    pl_span *last = pack.len ? &pack : &release;
    size_t dash = pl_span_chr(*last, '-');
    if (dash != SIZE_MAX) {
        support = pl_record_lower(r, pl_span_from(*last, dash + 1));
        *last = pl_span_sub(*last, 0, dash);
    }
    const char *family = NULL;
    if (pl_span_starts(name, PL_LIT("Linux Enterprise Micro")) ||
        pl_span_starts(name, PL_LIT("Linux Micro")))
        family = "sle-micro";
    else if (pl_span_starts(name, PL_LIT("Linux Enterprise Desktop")))
        family = "sled";
    else if (pl_span_starts(name, PL_LIT("Linux Enterprise")) ||
             pl_span_starts(name, PL_LIT("Package Hub")))
        family = "sles";
    if (!family)
        return false;
    if (pl_span_starts(name, PL_LIT("Linux Enterprise Server for SAP")))
        out->channel = PL_LIT("sap");
    else if (pl_span_starts(name, PL_LIT("Linux Enterprise High Performance")))
        out->channel = PL_LIT("hpc");
    else if (pl_span_starts(name, PL_LIT("Linux Enterprise Live Patching")))
        out->channel = PL_LIT("livepatch");
    else
        out->channel = support;
    out->stream = pl_record_printf(r, "%s:%.*s%s%.*s", family, PL_FMT(release), pack.len ? "." : "",
                                   PL_FMT(pack));
    return true;
}

static bool opensuse(struct pl_record *r, pl_span rest, struct pl_stream *out)
{
    if (pl_span_eq(rest, PL_LIT("Tumbleweed"))) {
        out->stream = PL_LIT("opensuse-tumbleweed");
        return true;
    }
    const char *family = pl_span_skip_lit(&rest, PL_LIT("Leap Micro ")) ? "opensuse-leap-micro"
                         : pl_span_skip_lit(&rest, PL_LIT("Leap "))     ? "opensuse-leap"
                                                                        : NULL;
    if (family)
        out->stream = join(r, family, pl_span_trim(rest));
    return family && rest.len;
}

/* Azure Linux 3 is what CBL-Mariner 2 became. */
static bool azure(struct pl_record *r, pl_span rest, struct pl_stream *out)
{
    if (rest.len == 0)
        return false;
    const char *dot = pl_span_chr(rest, '.') == SIZE_MAX ? ".0" : "";
    const char *family = rest.ptr[0] == '1' || rest.ptr[0] == '2' ? "mariner" : "azurelinux";
    out->stream = pl_record_printf(r, "%s:%.*s%s", family, PL_FMT(rest), dot);
    return true;
}

static pl_span major(pl_span release) { return pl_span_sub(release, 0, pl_span_chr(release, '.')); }

static bool special(struct pl_record *r, const struct ecosystem *e, pl_span rest,
                    struct pl_stream *out)
{
    switch (e->name[0]) {
    case 'U': return ubuntu(r, rest, out);
    case 'A': return azure(r, rest, out);
    case 'R': return pl_stream_of_cpe(r, rest, out);
    case 'S': return suse(r, rest, out);
    default: return opensuse(r, rest, out);
    }
}

static bool known(struct pl_record *r, const struct ecosystem *e, pl_span rest,
                  struct pl_stream *out)
{
    *out = (struct pl_stream){ .scheme = e->scheme,
                               .distro = e->kind != LANGUAGE,
                               .of_source = e->of_source,
                               .names = e->names };
    switch (e->kind) {
    case LANGUAGE:
    case ROLLING: out->stream = pl_span_str(e->family); return true;
    case SPECIAL: return special(r, e, rest, out);
    case V_RELEASE: pl_span_skip_lit(&rest, PL_LIT("v")); break;
    case MAJOR: rest = major(rest); break;
    case DOT_ZERO:
        rest = pl_span_chr(rest, '.') == SIZE_MAX && rest.len
                   ? pl_record_printf(r, "%.*s.0", PL_FMT(rest))
                   : rest;
        break;
    case RELEASE: break;
    }
    out->stream = join(r, e->family, rest);
    return rest.len > 0;
}

bool pl_stream_of_ecosystem(struct pl_record *r, pl_span ecosystem, struct pl_stream *out)
{
    size_t colon = pl_span_chr(ecosystem, ':');
    pl_span base = pl_span_sub(ecosystem, 0, colon);
    pl_span rest = colon == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(ecosystem, colon + 1);
    for (size_t i = 0; i < PL_COUNT(ecosystems); i++)
        if (pl_span_eq(pl_span_str(ecosystems[i].name), base))
            return known(r, &ecosystems[i], rest, out);
    if (base.len == 0 || pl_span_eq(base, PL_LIT("GIT")))
        return false;
    /* One that came later: its own name, lower, blanks as dashes. */
    pl_span copy = pl_record_copy(r, pl_record_lower(r, ecosystem));
    char *p = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if (p[i] == ' ')
            p[i] = '-';
    *out = (struct pl_stream){ .stream = copy, .scheme = "generic" };
    return copy.len > 0;
}

/* "rhel_eus:9.2::appstream": product, release, update, edition. */
static bool redhat(struct pl_record *r, pl_span cpe, struct pl_stream *out)
{
    static const struct {
        const char *product, *channel;
    } products[] = {
        { "enterprise_linux", NULL },
        { "rhel_eus", "eus" },
        { "rhel_aus", "aus" },
        { "rhel_e4s", "e4s" },
        { "rhel_tus", "tus" },
        { "rhel_els", "els" },
        { "enterprise_linux_eus", "eus" },
        { "rhel_eus_long_life", "eus-long-life" },
        { "enterprise_linux_e4s", "e4s" },
    };
    pl_span product, release;
    if (!pl_span_split(&cpe, ':', &product) || !pl_span_split(&cpe, ':', &release) ||
        release.len == 0 || release.ptr[0] < '0' || release.ptr[0] > '9')
        return false;
    for (size_t i = 0; i < PL_COUNT(products); i++) {
        if (!pl_span_eq(pl_span_str(products[i].product), product))
            continue;
        out->stream = join(r, "rhel", major(release));
        out->channel = products[i].channel
                           ? pl_record_printf(r, "%s-%.*s", products[i].channel, PL_FMT(release))
                           : PL_SPAN_NONE;
        return true;
    }
    return false;
}

bool pl_stream_of_cpe(struct pl_record *r, pl_span cpe, struct pl_stream *out)
{
    pl_span part;
    *out = (struct pl_stream){ .scheme = "rpm", .distro = true };
    if (!pl_span_skip_lit(&cpe, PL_LIT("cpe:/")) && !pl_span_skip_lit(&cpe, PL_LIT("cpe:2.3:")))
        return redhat(r, cpe, out); /* OSV's "Red Hat:rhel_eus:9.2::appstream" */
    /* NOLINTNEXTLINE(misc-redundant-expression): each split takes one part */
    if (!pl_span_split(&cpe, ':', &part) || !pl_span_split(&cpe, ':', &part))
        return false;
    if (pl_span_eq(part, PL_LIT("redhat")))
        return redhat(r, cpe, out);
    if (!pl_span_eq_nocase(part, PL_LIT("openeuler")) || !pl_span_split(&cpe, ':', &part) ||
        !pl_span_eq_nocase(part, PL_LIT("openeuler")) || !pl_span_split(&cpe, ':', &part))
        return false;
    out->stream = join(r, "openeuler", part);
    return part.len > 0;
}

/* PEP 503: runs of "-", "_" and "." are one dash, letters lower. */
static pl_span pypi(struct pl_record *r, pl_span name)
{
    pl_span copy = pl_record_copy(r, name);
    char *p = (char *)(uintptr_t)copy.ptr;
    size_t n = 0;
    for (size_t i = 0; i < copy.len; i++) {
        char c = p[i];
        if (c == '-' || c == '_' || c == '.') {
            if (n && p[n - 1] == '-')
                continue;
            c = '-';
        } else if (c >= 'A' && c <= 'Z') {
            c = (char)(c + ('a' - 'A'));
        }
        p[n++] = c;
    }
    copy.len = n;
    return copy;
}

pl_span pl_package_name(struct pl_record *r, enum pl_names names, pl_span name)
{
    switch (names) {
    case PL_NAMES_PYPI: return pypi(r, name);
    case PL_NAMES_LOWER: return pl_record_lower(r, name);
    case PL_NAMES_URL:
        if (!pl_span_skip_lit(&name, PL_LIT("https://")))
            pl_span_skip_lit(&name, PL_LIT("http://"));
        if (pl_span_ends(name, PL_LIT(".git")))
            name.len -= 4;
        return name;
    case PL_NAMES_AS_WRITTEN: break;
    }
    return name;
}

pl_span pl_rpm_version(pl_span evr)
{
    pl_span_skip_lit(&evr, PL_LIT("0:"));
    return evr;
}
