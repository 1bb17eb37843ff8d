/* streams.h - publishers' names of releases and ecosystems, and the streams they are here
 * (model/distro.h). Private to the room. */
#pragma once
#include "feed/record.h"

enum pl_names { PL_NAMES_AS_WRITTEN, PL_NAMES_LOWER, PL_NAMES_PYPI, PL_NAMES_URL };

struct pl_stream {
    pl_span stream, channel; /* text of the record's arena */
    const char *scheme;
    bool distro, of_source;
    enum pl_names names;
};

/* An OSV ecosystem, "Debian:12" or "npm". False where the record speaks of no release that an
 * image could have (SUSE's management products, "Debian" without a release). */
bool pl_stream_of_ecosystem(struct pl_record *r, pl_span ecosystem, struct pl_stream *out);

/* A Red Hat or openEuler platform, "cpe:/a:redhat:rhel_eus:9.2::appstream"; "cpe:/?:redhat:" may
 * be missing. False for their other products. */
bool pl_stream_of_cpe(struct pl_record *r, pl_span cpe, struct pl_stream *out);

/* A package's name as its ecosystem compares it. */
pl_span pl_package_name(struct pl_record *r, enum pl_names names, pl_span name);

/* rpm writes no epoch where it is 0; publishers often do. */
pl_span pl_rpm_version(pl_span evr);
