#include "model/distro.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

const struct pl_distro pl_distros[] = {
#define DISTRO(...) { __VA_ARGS__ },
#include "model/distro.def"
#undef DISTRO
};
const size_t pl_n_distros = sizeof(pl_distros) / sizeof(pl_distros[0]);

const struct pl_release pl_releases[] = {
#define RELEASE(family, release, codename, end_of_life, extended)                                  \
    { family, release, codename, end_of_life, extended },
#include "model/release.def"
#undef RELEASE
};
const size_t pl_n_releases = sizeof(pl_releases) / sizeof(pl_releases[0]);

static bool has_word(const char *words, pl_span wanted)
{
    pl_span rest = pl_span_str(words), word;
    while (pl_span_word(&rest, &word))
        if (pl_span_eq_nocase(word, wanted))
            return true;
    return false;
}

const struct pl_distro *pl_distro_find(pl_span id)
{
    for (size_t i = 0; i < pl_n_distros; i++)
        if (pl_span_eq_nocase(pl_span_str(pl_distros[i].family), id))
            return &pl_distros[i];
    for (size_t i = 0; i < pl_n_distros; i++)
        if (pl_distros[i].also && has_word(pl_distros[i].also, id))
            return &pl_distros[i];
    return NULL;
}

/* "3.20" of "3.20.3" (n 2), "9" of "9.4" (n 1): at most n numbers; anything else ends it. */
static pl_span numbers(pl_span version, int n)
{
    size_t i = 0;
    while (i < version.len && n > 0) {
        if (isdigit((unsigned char)version.ptr[i]))
            i++;
        else if (version.ptr[i] == '.' && n > 1 && i > 0)
            n--, i++;
        else
            break;
    }
    while (i && version.ptr[i - 1] == '.')
        i--;
    return pl_span_sub(version, 0, i);
}

static pl_span major_of(const struct pl_distro *d, pl_span version)
{
    /* Amazon Linux AMI was numbered by date, 2010.11 to 2018.03; it is "1" to everybody. */
    pl_span major = numbers(version, 1);
    uint64_t year;
    if (strcmp(d->family, "amzn") == 0 && pl_span_decimal(major, 9999, &year) && year >= 2010 &&
        year <= 2018)
        return PL_LIT("1");
    return major.len ? major : version; /* "sid" */
}

/* An Alpine that is not a release: "3.22.0_alpha20250108", "3.21_git20240916", "20230329". */
static bool is_edge(pl_span version)
{
    return pl_span_find(version, PL_LIT("_alpha")) != SIZE_MAX ||
           pl_span_find(version, PL_LIT("_git")) != SIZE_MAX ||
           pl_span_eq(version, PL_LIT("edge")) ||
           (version.len == 8 && numbers(version, 1).len == 8);
}

static pl_span minor_of(const struct pl_distro *d, pl_span version)
{
    if (strcmp(d->family, "alpine") == 0 && is_edge(version))
        return PL_LIT("edge");
    pl_span minor = numbers(version, 2);
    return minor.len ? minor : version;
}

static pl_span release_of(const struct pl_distro *d, pl_span version)
{
    switch (d->rule) {
    case PL_RELEASE_MAJOR: return major_of(d, version);
    case PL_RELEASE_MINOR: return minor_of(d, version);
    case PL_RELEASE_FULL: return version;
    default: return PL_SPAN_NONE;
    }
}

/* What is allowed in a stream's name. Versions come from images: nothing odd gets further. */
static bool plain(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.ptr[i]) && !strchr(".-_+~", s.ptr[i]))
            return false;
    return s.len > 0 && s.len < 48;
}

bool pl_distro_release(const struct pl_distro *d, pl_span version, char *out, size_t size)
{
    pl_span release = release_of(d, version);
    if (!plain(release) || release.len >= size)
        return false;
    memcpy(out, release.ptr, release.len);
    out[release.len] = '\0';
    return true;
}

bool pl_distro_stream(const struct pl_distro *d, pl_span version, char *out, size_t size)
{
    const char *family = d->advisories_of ? d->advisories_of : d->family;
    char release[64];
    int n = -1;
    if (d->rule == PL_RELEASE_ROLLING)
        n = snprintf(out, size, "%s", family);
    else if (pl_distro_release(d, version, release, sizeof(release)))
        n = snprintf(out, size, "%s:%s", family, release);
    return n > 0 && (size_t)n < size;
}

static const struct pl_release *find_release(const struct pl_distro *d, pl_span release)
{
    for (size_t i = 0; i < pl_n_releases; i++)
        if (strcmp(pl_releases[i].family, d->family) == 0 &&
            pl_span_eq(pl_span_str(pl_releases[i].release), release))
            return &pl_releases[i];
    return NULL;
}

const struct pl_release *pl_release_find(const struct pl_distro *d, pl_span version)
{
    /* A whole name first: CentOS Stream's releases are "stream9" beside "8" of CentOS Linux. */
    const struct pl_release *r = find_release(d, version);
    if (r)
        return r;
    /* Raspbian is Debian's release with other binaries. */
    const struct pl_distro *base =
        strcmp(d->family, "raspbian") == 0 ? pl_distro_find(PL_LIT("debian")) : d;
    return find_release(base, release_of(d, version));
}

const struct pl_release *pl_release_by_codename(const struct pl_distro *d, pl_span codename)
{
    for (size_t i = 0; i < pl_n_releases; i++)
        if (strcmp(pl_releases[i].family, d->family) == 0 && pl_releases[i].codename &&
            pl_span_eq_nocase(pl_span_str(pl_releases[i].codename), codename))
            return &pl_releases[i];
    return NULL;
}

const char *pl_distro_upgrade(const struct pl_distro *d, pl_span version)
{
    uint64_t major;
    if (d->upgrade_old && pl_span_decimal(major_of(d, version), UINT32_MAX, &major) &&
        major < d->old_below)
        return d->upgrade_old;
    return d->upgrade;
}

static bool has_part(const char *parts, pl_span text)
{
    pl_span rest = pl_span_str(parts), part;
    while (pl_span_split(&rest, '|', &part))
        for (size_t i = 0; part.len && i + part.len <= text.len; i++)
            if (pl_span_eq_nocase(pl_span_sub(text, i, part.len), part))
                return true;
    return false;
}

/* Maintainers of well-known repositories beside Debian's and Ubuntu's. The archive's own
 * maintainers write from any address, so only what is surely a vendor's own repository stands here:
 * to take an archive package for a stranger would hide its flaws. */
static const char third_parties[] =
    "support@docker.com|nodesource|info@elastic.co|infra@elastic.co|@tailscale.com|@hashicorp.com|"
    "support@gitlab.com|contact@grafana.com|support@influxdb.com|packaging@mongodb.com|"
    "@percona.com|mysql-build@oss.oracle.com|package@datadoghq.com|chromium-dev@chromium.org|"
    "corretto-team@amazon.com|cudatools@nvidia.com|packages@confluent.io|redis@redis.io|"
    "nginx-packaging@f5.com|@nginx.com|@puppet.com|@splunk.com|@newrelic.com|@cloudflare.com|"
    "dotnetcore@microsoft.com|dpgswdist@microsoft.com|@timescale.com|@clickhouse.com|"
    "@teamviewer.com|@skype.net|@slack-corp.com|@spotify.com|info@icinga.com|"
    "kubernetes authors|temurin-dev@eclipse.org|@azul.com|@bell-sw.com|"
    "kkawaguchi@cloudbees.com|@caddyserver.com|@treasure-data.com";

bool pl_distro_third_party(const struct pl_distro *d, pl_span vendor)
{
    if (!vendor.len || pl_span_eq(vendor, PL_LIT("(none)")))
        return false;
    if (d->vendors)
        return !has_part(d->vendors, vendor);
    return strcmp(d->package_type, "deb") == 0 && has_part(third_parties, vendor);
}
