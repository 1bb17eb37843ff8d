/* advisory.h - one record as a publisher wrote it, in one shape for all publishers.
 *
 * Feeds make these, the advisory database keeps them. Text is borrowed for the call. */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum pl_severity {
    PL_SEVERITY_UNKNOWN,
    PL_SEVERITY_NEGLIGIBLE,
    PL_SEVERITY_LOW,
    PL_SEVERITY_MEDIUM,
    PL_SEVERITY_HIGH,
    PL_SEVERITY_CRITICAL,
};
const char *pl_severity_text(enum pl_severity s);
/* Any publisher's word: "Important", "moderate", "untriaged", ...; UNKNOWN when not one. */
enum pl_severity pl_severity_parse(pl_span word);
enum pl_severity pl_severity_of_score(double cvss_score);

enum pl_status {                         /* of an affected row; words as in the report */
                 PL_STATUS_FIXED,        /* affected before the fixed version */
                 PL_STATUS_AFFECTED,     /* affected, no fix (yet) */
                 PL_STATUS_NOT_AFFECTED, /* the publisher says: not this one. Beats lesser sources
                                          */
                 PL_STATUS_WILL_NOT_FIX,
                 PL_STATUS_FIX_DEFERRED,
                 PL_STATUS_END_OF_LIFE,
                 PL_STATUS_UNDER_INVESTIGATION,
};
const char *pl_status_text(enum pl_status s); /* "will_not_fix" */
bool pl_status_parse(pl_span word, enum pl_status *out);

struct pl_cvss {
    pl_span source; /* "nvd", "redhat", "ghsa", ... */
    pl_span vector; /* "CVSS:3.1/AV:N/..." or "AV:N/..." for 2.0; may be empty when only a score is
                       known */
    double score;   /* < 0: not given, compute from the vector */
};

/* CVSS base score of a 2.0, 3.0, 3.1 or 4.0 vector; -1 when it is none. */
double pl_cvss_score(pl_span vector);
/* Of two scores: does a speak for the vulnerability rather than b? Version 3 before 4 before 2 (3
 * is what most publishers' words are made from), then the higher score. */
bool pl_cvss_leads(const struct pl_cvss *a, const struct pl_cvss *b);

/* A vulnerability that an advisory speaks of. An advisory of its own CVE ("CVE-2024-1", GHSA with
 * that alias) has one; an RHSA or ALAS that fixes nine CVEs has nine. Each becomes a finding. */
struct pl_vuln_ref {
    pl_span id;                /* CVE where there is one */
    enum pl_severity severity; /* UNKNOWN: the advisory's */
};

/* [introduced, fixed) or [introduced, last_affected]; introduced "" or "0": from the start.
 * fixed and last_affected both empty: to the end. limit: see OSV; empty none. */
struct pl_range {
    pl_span introduced, fixed, last_affected, limit;
    bool introduced_excluded; /* NVD versionStartExcluding */
};

struct pl_affected {
    pl_span stream;  /* "debian:12", "rhel:8", "npm", ...: model/distro.h, purl types */
    pl_span package; /* normalised as the ecosystem asks */
    bool of_source;  /* package is a source package's name */
    pl_span scheme;  /* version scheme, a name of version/version.h */
    pl_span arch;    /* architectures it is limited to, separated by blanks; empty: all */
    pl_span module;  /* rpm "name:stream"; empty: non-modular packages only */
    pl_span channel; /* "esm-infra", "eus-9.2", "main", "livepatch"; empty: everybody's */
    enum pl_status status;
    enum pl_severity severity; /* for this package in this release; UNKNOWN: the advisory's */
    const struct pl_range *ranges;
    size_t n_ranges;
    const pl_span *versions; /* enumerated affected versions */
    size_t n_versions;
    pl_span note; /* the publisher's word beside the status: "no-dsa: minor issue", "ignored" */
};

struct pl_advisory {
    pl_span id;   /* "DSA-5555-1", "RHSA-2024:1", "GHSA-...", "CVE-..." */
    pl_span feed; /* name of the feed's row: "debian", "osv", ... set by the feed reader */
    const pl_span *aliases; /* other ids of the same vulnerability */
    size_t n_aliases;
    const struct pl_vuln_ref *vulns; /* what it speaks of; none: itself is the vulnerability */
    size_t n_vulns;
    pl_span title, description;
    enum pl_severity severity; /* the publisher's own word */
    const struct pl_cvss *cvss;
    size_t n_cvss;
    const pl_span *references; /* URLs */
    size_t n_references;
    const pl_span *cwes;
    size_t n_cwes;
    pl_span published, modified; /* RFC 3339, or a date */
    bool withdrawn;
    bool malicious; /* OSV MAL-: the package itself is the malware */
    const struct pl_affected *affected;
    size_t n_affected;
};

/* "CVE-2024-0001": the name that joins what publishers call by their own. */
bool pl_is_cve(pl_span id);

/* What is known of a vulnerability beside any package: NVD, KEV, EPSS. Absent parts are empty,
 * negative or false. */
struct pl_vuln_facts {
    pl_span id;
    pl_span title, description;
    const struct pl_cvss *cvss;
    size_t n_cvss;
    enum pl_severity severity;
    double epss, epss_percentile; /* < 0: not known */
    bool known_exploited, ransomware;
    pl_span kev_added, kev_due, kev_name;
    pl_span published, modified;
    bool rejected;
    const pl_span *references;
    size_t n_references;
    const pl_span *cwes;
    size_t n_cwes;
};

/* The feed of that name is a selection of well-known vulnerabilities: what it does not list may be
 * vulnerable all the same. */
#define PL_FEED_SELECTION "shipped"

/* Where feed readers put what they read; src/scan/ ties it to the database. */
struct pl_advisory_sink {
    pl_rc (*advisory)(struct pl_advisory_sink *s, const struct pl_advisory *a, struct pl_err *err);
    pl_rc (*vuln)(struct pl_advisory_sink *s, const struct pl_vuln_facts *v, struct pl_err *err);
    /* A record that breaks its format: skipped, counted, named. what: id or place. */
    void (*skip)(struct pl_advisory_sink *s, pl_span what, const char *why);
    /* This feed covers that stream, even where it has no record for it. */
    void (*covers)(struct pl_advisory_sink *s, pl_span stream);
    void (*published)(struct pl_advisory_sink *s, pl_span when); /* date of the feed itself */
};
