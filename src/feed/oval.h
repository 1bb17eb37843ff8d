/* oval.h - what the files oval*.c share: one OVAL document on its way to advisories.
 *
 * OVAL is a program: definitions are trees of conditions, each a test of an object against a
 * state. We turn each tree around into the statements "package P of release R is affected below
 * version V". Pass one keeps tests, objects, states and variables (oval_store.c), pass two takes
 * one definition after the other (oval_def.c), flattens its tree (oval_eval.c) and hands it on.
 * What platform a condition means is in oval_platform.c.
 * Spec: OVAL Language 5.10, 5.11 (oval-definitions, linux, independent, unix schemas). */
#pragma once
#include "base/arena.h"
#include "base/map.h"
#include "base/xml.h"
#include "feed/feed.h"

enum oval_kind {
    OVAL_OTHER,
    OVAL_RPM,    /* rpminfo */
    OVAL_DPKG,   /* dpkginfo */
    OVAL_VERIFY, /* rpmverifyfile: who owns the release file */
    OVAL_TEXT,   /* textfilecontent54 */
    OVAL_UNAME,  /* uname, family: of the machine that runs, not of the image */
};

struct oval_variable {
    const pl_span *values;
    size_t n_values;
};

struct oval_object {
    pl_span name;     /* or ... */
    pl_span name_var; /* ... the id of the variable that lists names or patterns */
    pl_span path;     /* "/etc/dnf/modules.d/php.module" */
};

enum oval_op {
    OVAL_OP_NONE,
    OVAL_LT,
    OVAL_LE,
    OVAL_EQ,
    OVAL_GE,
    OVAL_GT,
    OVAL_MATCH,
    OVAL_OP_OTHER,
};

struct oval_value {
    enum oval_op op;
    pl_span text;
};

struct oval_state {
    struct oval_value evr, version, arch, text;
    bool signature;
};

struct oval_test {
    enum oval_kind kind;
    bool negative; /* holds when nothing does: check "none satisfy", check_existence "none_exist" */
    pl_span object_ref, state_ref;
    const struct oval_object *object; /* NULL when the file lacks it */
    const struct oval_state *state;   /* NULL: none asked */
};

struct oval_store {
    struct pl_arena arena;
    struct pl_map tests, objects, states, variables;
    pl_span dist_tag;  /* "azl3": the first one seen in a version, for files that name no release */
    pl_span generated; /* generator's timestamp */
};

/* Read everything but the definitions. err: as pl_xml_read(), PL_ELIMIT when the tables are full.
 */
pl_rc pl_oval_store_read(struct pl_reader *in, struct oval_store *out,
                         struct pl_err *err) PL_CHECKED;
void pl_oval_store_done(struct oval_store *s);

/* ---- platforms ---- */

/* One way to be the place that a statement is about. Empty parts ask for nothing. */
struct oval_place {
    pl_span stream;  /* "rhel:8" */
    pl_span channel; /* "ltss" */
    pl_span arch;    /* "x86_64 i686 noarch" */
    pl_span module;  /* "php:7.2" */
};

enum oval_is { OVAL_IS_NO_PLATFORM, OVAL_IS_UNKNOWN_PLATFORM, OVAL_IS_PLATFORM };
/* "SUSE Linux Enterprise Server 15 SP4-LTSS" (also with " is installed" behind it). UNKNOWN: a
 * product that is none of the distributions we judge ("Open Enterprise Server 23.4"). */
enum oval_is pl_oval_platform(pl_span text, struct pl_arena *a, struct oval_place *out);
/* From the package that owns the release file and its version: "oraclelinux-release", "^8". */
enum oval_is pl_oval_release(pl_span package, pl_span version, struct pl_arena *a,
                             struct oval_place *out);
/* From a dist tag of a version, "0:1.2-3.azl3" -> "azurelinux:3.0"; empty when it has none. */
pl_span pl_oval_dist_stream(pl_span version);

/* ---- one definition ---- */

struct oval_profile {
    const char *id_part;     /* what its definition ids begin with, "oval:com.redhat." */
    const char *cvss_source; /* "redhat" */
    const char *scheme;      /* "rpm", "deb" */
    bool of_source;          /* names source packages */
    bool by_comment;         /* the comment beside a test says the status (Ubuntu) */
    bool name_in_version;    /* "bind-libs" at "32:libs-9.18-1": part of the name in the version */
};

struct oval_node {
    bool is_criterion, is_or, negate;
    uint32_t parent;
    pl_span test_ref, comment;
};

struct oval_cve {
    pl_span id;
    enum pl_severity severity;
    pl_span cvss2, cvss3, cvss4; /* "7.5/CVSS:3.1/AV:..." as written, or a vector alone */
    double score;                /* < 0 when not apart from the vector */
    pl_span cwe, published;
};

struct oval_resolution {
    pl_span state, component;
};

struct oval_def {
    pl_span id, class_name, title, description;
    pl_span severity, issued, updated, advisory_ref;
    struct pl_vec platforms;   /* pl_span */
    struct pl_vec references;  /* pl_span */
    struct pl_vec cves;        /* struct oval_cve */
    struct pl_vec cpes;        /* pl_span */
    struct pl_vec resolutions; /* struct oval_resolution */
    struct pl_vec nodes;       /* struct oval_node, parents before children */
};

struct oval_row {
    struct pl_affected affected;
    pl_span vuln; /* the row speaks of this one only; empty: of all the definition does */
};

/* Flatten. rows: of struct oval_row, in the order of the tree. PL_ELIMIT when the tree says more
 * than a definition may; then the definition is to be skipped. PL_EFORMAT names a missing test. */
pl_rc pl_oval_flatten(const struct oval_store *s, const struct oval_profile *p,
                      const struct oval_def *d, pl_span path, struct pl_arena *a,
                      struct pl_vec *rows, struct pl_err *err) PL_CHECKED;

/* Read the definitions, hand each to out. */
pl_rc pl_oval_definitions(struct pl_feed_file *f, const struct oval_store *s,
                          const struct oval_profile *p, const char *feed,
                          struct pl_advisory_sink *out, struct pl_err *err) PL_CHECKED;
/* Where the advisories of one file go, and which vulnerabilities' scores went there already. */
struct oval_out {
    const struct oval_profile *profile;
    const char *feed;
    struct pl_advisory_sink *sink;
    struct pl_arena keep; /* lives as long as the file is read */
    struct pl_map facts_given;
};
/* The advisory of one definition, or of each vulnerability in it. a: scratch. */
pl_rc pl_oval_emit(struct oval_out *out, const struct oval_def *d, const struct pl_vec *rows,
                   struct pl_arena *a, struct pl_err *err) PL_CHECKED;
/* "CVE-2024-1" somewhere in text; empty when there is none. */
pl_span pl_oval_cve_in(pl_span text);
