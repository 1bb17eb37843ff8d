/* distro.h - the distributions we know: one table (distro.def) of families and one of releases.
 *
 * A family says how its releases are named, which package manager it has, and how its advisories
 * speak (of source or binary packages). A stream is the name under which advisories of one
 * release are kept and looked up: "debian:12", "alpine:3.20", "rhel:8", "wolfi". */
#pragma once
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

/* The stream for a family's version, as "debian:12"; false when version is needed and missing. */
bool pl_distro_stream(const struct pl_distro *d, pl_span version, char *out, size_t size);

/* What the inventory knows of the image's system. */
struct pl_os {
    pl_span family; /* empty: none found (scratch, static binary) */
    pl_span version, codename, pretty_name, variant;
    const struct pl_distro *distro;   /* NULL: a family we do not know */
    const struct pl_release *release; /* NULL: a release we do not know */
    pl_span stream;                   /* of its advisories; empty when none could be named */
    int32_t layer;                    /* that brought the release file; -1 none */
};
