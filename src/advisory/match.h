/* match.h - inside the room only: what the steps of matching share. */
#pragma once
#include "advisory/schema.h"
#include "base/map.h"
#include "version/version.h"

/* ---- evaluate.c: does one affected row speak of this installed thing? ---- */

/* An installed package as one kind of row sees it: by its binary name or its source's. */
struct pl_subject {
    const struct pl_package *package;
    pl_span name, version;
    bool of_source;
    bool is_app; /* a language package: versions the scheme does not allow are not compared */
    bool esm, modular;
};

enum pl_applies {
    PL_APPLIES_NOT, /* another architecture, module, channel or flavour */
    PL_APPLIES,
    PL_APPLIES_ESM, /* mends it only for subscribers of Ubuntu Pro */
};

struct pl_row_words {
    pl_span arch, module, channel;
    const struct pl_scheme *scheme;
};
enum pl_applies pl_row_applies(const struct pl_entry_row *e, const struct pl_row_words *w,
                               const struct pl_subject *s);
/* Is the installed version affected? *fixed: the version that mends it; empty when none.
 * *outside: the row is limited to versions that this is not one of. */
bool pl_row_affects(const struct pl_entry_row *e, const struct pl_row_words *w,
                    const struct pl_subject *s, pl_span *fixed, bool *outside);
/* Is the installed version the very one that a row names as the fix? */
bool pl_row_publishes(const struct pl_entry_row *e, const struct pl_row_words *w,
                      const struct pl_subject *s);

/* ---- known.c: what is known of a vulnerability ---- */

struct pl_known {
    pl_span id, title, description, published, severity_source;
    const pl_span *aliases;
    size_t n_aliases;
    const struct pl_cvss *cvss;
    size_t n_cvss;
    const pl_span *references, *cwes;
    size_t n_references, n_cwes;
    enum pl_severity severity;
    double epss, epss_percentile;
    bool known_exploited, ransomware, rejected;
};

struct pl_known_advisory {
    pl_span name, title, published;
    const pl_span *references;
    size_t n_references;
};

struct pl_feed_row {
    pl_span name, what;
    unsigned rank;
};

struct pl_matcher {
    struct pl_advisory_db *db;
    const struct pl_inventory *inv;
    struct pl_report *report;
    struct pl_arena *keep, tmp; /* tmp: per package */
    struct pl_feed_row *feeds;  /* by id; [0] unused */
    size_t n_feeds;
    struct pl_map vulns, advisories, streams; /* caches; keys and values in keep */
    struct pl_map outsiders; /* "deb/nodejs": OS packages of third parties; filled with the first */
    bool outsiders_known;
    sqlite3_stmt *get_file, *get_stream, *get_judges;
    struct pl_vec findings, gaps;
    struct pl_vec thirds;
    struct pl_vec apps;   /* struct pl_app_type: language ecosystems that were met */
    uint64_t n_owned;     /* packages of applications that an OS package owns */
    uint64_t n_malicious; /* packages that a record of malicious packages names */
    pl_span malicious;    /* the first of those, "evil 1.0.0 (MAL-2024-1)" */
};

/* ---- match.c: what the rows of a package say, one statement per row and vulnerability ---- */

struct pl_statement {
    uint64_t vuln;
    unsigned rank;
    enum pl_severity severity;
    bool affects, esm, of_source;
    pl_span fixed, version;
    const struct pl_entry_row *row;
    const struct pl_scheme *scheme;
    size_t order;
};

/* The rows of one (stream, name), unpacked into tmp: struct pl_entry_row. */
pl_rc pl_match_rows(struct pl_matcher *m, int64_t stream, pl_span name, struct pl_vec *out,
                    struct pl_err *err) PL_CHECKED;
struct pl_row_words pl_row_words_of(struct pl_matcher *m, const struct pl_entry_row *e,
                                    const struct pl_subject *s);
/* What each of the rows says of the subject, appended to out: struct pl_statement. */
pl_rc pl_match_state(struct pl_matcher *m, const struct pl_vec *rows, const struct pl_subject *s,
                     struct pl_vec *out, struct pl_err *err) PL_CHECKED;
bool pl_statement_mends(const struct pl_statement *t); /* it affects, and names a fix */
int pl_statement_order(const void *x, const void *y);  /* by vulnerability, then rank */
/* A finding per vulnerability that affects it. Sorts the statements. */
pl_rc pl_match_report(struct pl_matcher *m, size_t package, const struct pl_subject *s,
                      struct pl_vec *statements, struct pl_err *err) PL_CHECKED;

/* ---- apps.c ---- */

/* A package of an application; counts its ecosystem for coverage. */
pl_rc pl_match_app(struct pl_matcher *m, size_t index, struct pl_err *err) PL_CHECKED;

pl_rc pl_known_find(struct pl_matcher *m, uint64_t vuln, const struct pl_known **out,
                    struct pl_err *err) PL_CHECKED;
pl_rc pl_known_advisory_find(struct pl_matcher *m, uint64_t id,
                             const struct pl_known_advisory **out, struct pl_err *err) PL_CHECKED;

/* ---- vendor.c ---- */

/* Who else built it; empty: the distribution, as far as one can tell. */
pl_span pl_third_party(const struct pl_package *p, const struct pl_distro *d);
pl_rc pl_third_party_note(struct pl_matcher *m, const struct pl_package *p, pl_span vendor,
                          struct pl_err *err) PL_CHECKED;

/* ---- coverage.c ---- */

struct pl_app_type {
    pl_span type;
    uint64_t n;
    int64_t stream; /* 0: no feed knows the ecosystem */
};
pl_rc pl_match_coverage(struct pl_matcher *m, struct pl_err *err) PL_CHECKED;
/* The number of a stream; 0: nothing is known of it. */
pl_rc pl_match_stream(struct pl_matcher *m, pl_span name, int64_t *out,
                      struct pl_err *err) PL_CHECKED;
