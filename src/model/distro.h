/* distro.h - the distributions we know: one table (distro.def) of families and one of releases.
 *
 * A family says how its releases are named, which package manager it has, and how its advisories
 * speak (of source or binary packages). A stream is the name under which advisories of one
 * release are kept and looked up: "debian:12", "alpine:3.20", "rhel:8", "wolfi". */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum pl_release_rule {
    PL_RELEASE_MAJOR,   /* "9.4" -> "9" */
    PL_RELEASE_MINOR,   /* "3.20.3" -> "3.20"; "15.5" -> "15.5" */
    PL_RELEASE_FULL,    /* as written */
    PL_RELEASE_ROLLING, /* no release at all: the stream is the family */
};

struct pl_distro {
    const char *family;                /* os-release ID in lower case: "debian", "amzn", "ol" */
    const char *name;                  /* for people */
    const char *package_type, *scheme; /* "deb" "deb"; "rpm" "rpm"; "apk" "apk"; "" none of ours */
    enum pl_release_rule rule;
    const char *advisories_of; /* family whose stream judges it ("rhel" for centos); NULL: itself */
    const char *feeds;   /* for people and docs: "Debian security tracker"; NULL: none known */
    bool by_source;      /* advisories name source packages */
    const char *also;    /* further os-release IDs, separated by blanks; NULL */
    const char *upgrade; /* command that upgrades one or more packages, with "%s" for their names */
    const char *upgrade_old; /* the same for releases whose major number is below old_below */
    unsigned old_below;      /* 0: none is */
    const char
        *vendors; /* "|"-separated parts of VENDOR or Maintainer that are its own; NULL: any */
};

struct pl_release {
    const char *family, *release, *codename;
    const char
        *end_of_life; /* "2026-06-30": last day of the publisher's free support; NULL: not set */
    const char *extended; /* last day of paid or long-term support, where there is one; NULL */
};

extern const struct pl_distro pl_distros[];
extern const size_t pl_n_distros;
extern const struct pl_release pl_releases[];
extern const size_t pl_n_releases;

const struct pl_distro *pl_distro_find(pl_span os_release_id); /* also looks at `also` */
const struct pl_release *pl_release_find(const struct pl_distro *d, pl_span version);
const struct pl_release *pl_release_by_codename(const struct pl_distro *d, pl_span codename);

/* The stream for a family's version, as "debian:12"; false when version is needed and missing, or
 * when out is too small. */
bool pl_distro_stream(const struct pl_distro *d, pl_span version, char *out, size_t size);
/* The release's name as in release.def: "12" of "12.4", "3.20" of "3.20.3". The same failures. */
bool pl_distro_release(const struct pl_distro *d, pl_span version, char *out, size_t size);
/* The upgrade command for this release; NULL when the family has none. */
const char *pl_distro_upgrade(const struct pl_distro *d, pl_span version);
/* Was it built by somebody else than the distribution? By rpm's VENDOR where the family names its
 * own, by dpkg's Maintainer where that is a known third party. An empty vendor tells nothing. */
bool pl_distro_third_party(const struct pl_distro *d, pl_span vendor);

/* What the inventory knows of the image's system. */
struct pl_os {
    pl_span family; /* empty: none found (scratch, static binary) */
    pl_span version, codename, pretty_name, variant;
    const struct pl_distro *distro;   /* NULL: a family we do not know */
    const struct pl_release *release; /* NULL: a release we do not know */
    pl_span stream;                   /* of its advisories; empty when none could be named */
    pl_span path;                     /* of the file that told; empty when none did */
    int32_t layer;                    /* that it is visible from, as the fact says; -1 none */
};

/* Which system is this? From the release files of the image as it is seen at the end (facts of the
 * release and buildinfo analyzers, visible ones only).
 *
 * out   text is held by the arena or by the facts; family empty when no file tells. variant is
 *       "stream" for CentOS Stream, "distroless", "esm" where Ubuntu's extended maintenance is
 *       attached, else os-release's VARIANT_ID
 * rc    PL_OK, or PL_ELIMIT when the arena is full
 * Order: os-release(5); then the older files, those of rebuilds before Red Hat's, because rebuilds
 * carry that one too. */
struct pl_fact;
struct pl_arena;
pl_rc pl_os_detect(const struct pl_fact *facts, size_t n_facts, struct pl_arena *a,
                   struct pl_os *out) PL_CHECKED;
