/* report.h - the outcome of one scan, as the report formats write it (schema plimsoll.report/1). */
#pragma once
#include "model/advisory.h"
#include "model/inventory.h"

enum pl_class {
    PL_CLASS_OS_VULN,
    PL_CLASS_APP_VULN,
    PL_CLASS_MALWARE,
    PL_CLASS_SENSITIVE,
    PL_CLASS_BASELINE,
    PL_CLASS_BUILD,
    PL_CLASS_TRUST,
    PL_N_CLASSES,
};
const char *pl_class_text(enum pl_class c); /* "os-vuln" */
bool pl_class_parse(pl_span word, enum pl_class *out);

enum pl_priority { PL_PRIORITY_LOW, PL_PRIORITY_MEDIUM, PL_PRIORITY_HIGH };
const char *pl_priority_text(enum pl_priority p);

/* Whose is it: the base image's, or the image's own? */
enum pl_in_base { PL_IN_BASE_UNKNOWN, PL_IN_BASE_NO, PL_IN_BASE_YES };

/* The image that this one was built on. */
struct pl_base_image {
    bool found;
    pl_span reference, digest; /* empty: not known by name */
    pl_span how;               /* "chain", "annotation", "label", "history" */
    int32_t layers;            /* entries of image->layers that are its own; -1: not known */
};

struct pl_fix {
    pl_span command, version, description, caution;
};

struct pl_finding {
    pl_span key; /* stable between scans of the same thing; made by judge */
    enum pl_class class_id;
    pl_span id; /* CVE where there is one, else the publisher's; a rule's id in other classes */
    const pl_span *aliases; /* sorted, without id */
    size_t n_aliases;
    pl_span title, description;
    enum pl_severity severity;
    pl_span severity_source; /* "debian", "nvd", ... */
    enum pl_priority priority;
    pl_span priority_reason;
    enum pl_status status;
    int64_t package; /* index into the inventory's packages; -1 none */
    pl_span installed_version, fixed_version;
    pl_span path;
    unsigned line;            /* 0: none */
    pl_span match;            /* redacted */
    int32_t layer;            /* index; -1 none */
    int32_t removed_in_layer; /* -1: still there */
    enum pl_in_base in_base;  /* by layer; made by judge */
    pl_span cause;
    struct pl_fix fix;
    const struct pl_cvss *cvss;
    size_t n_cvss;
    double epss; /* < 0: unknown */
    double epss_percentile;
    bool known_exploited, ransomware;
    pl_span published;
    const pl_span *references;
    size_t n_references;
    const pl_span *cwes;
    size_t n_cwes;
    pl_span feed;                             /* which feed judged it */
    pl_span note;                             /* the publisher's word: "no-dsa: minor issue" */
    pl_span suppressed_by, suppressed_reason; /* empty: not suppressed */
    /* What a VEX statement says, in OpenVEX's words: "not_affected", "fixed", "affected",
     * "under_investigation"; empty: none speaks of it. */
    pl_span vex_status, vex_justification, vex_impact;
};

enum pl_coverage_state {
    PL_COVERAGE_ASSESSED,
    PL_COVERAGE_PARTIAL,
    PL_COVERAGE_UNSUPPORTED,
    PL_COVERAGE_END_OF_LIFE,
    PL_COVERAGE_SKIPPED,
};
const char *pl_coverage_text(enum pl_coverage_state s);

struct pl_coverage {
    enum pl_class class_id;
    enum pl_coverage_state state;
    pl_span by;     /* "Debian security tracker" */
    pl_span as_of;  /* date of that knowledge */
    pl_span detail; /* a sentence for people; may be empty */
};

struct pl_feed_info {
    pl_span name;
    uint64_t records;
    pl_span published_at;
};

struct pl_database_info {
    pl_span built_at, digest, path;
    const struct pl_feed_info *feeds;
    size_t n_feeds;
    bool shipped; /* the small one that comes with the program */
};

struct pl_verdict {
    bool allowed;
    pl_span policy; /* "fail-on high", a policy's name, or empty */
    const pl_span *reasons;
    size_t n_reasons;
};

struct pl_report {
    pl_span generated_at;
    pl_span scanner_version; /* of a report that was read back; empty: this program's own */
    pl_span rules_digest;
    struct pl_database_info database;
    const struct pl_image *image;
    struct pl_base_image base;
    struct pl_inventory inventory;
    struct pl_finding *findings; /* sorted: class, severity (worst first), id, package, path */
    size_t n_findings;
    struct pl_gap *gaps; /* the inventory's and those of the judging */
    size_t n_gaps;
    struct pl_coverage coverage[PL_N_CLASSES];
    struct pl_verdict verdict;
    pl_span severity_filter; /* what --severity, --ignore-unfixed left out is said, not hidden */
    uint64_t n_filtered;
    double seconds;
};
