/* layer_report.h - what one pass over one layer found: the unit of caching, of process isolation
 * and of distribution between workers.
 *
 * The child process writes one (struct pl_sink), the parent reads it (struct pl_layer_report).
 * The reader trusts nothing: the writer has parsed hostile bytes. The encoding is
 * self-describing: magic "PLR1", then sections {tag u8, varint length, body}; an unknown section
 * is skipped, so a reader takes only what it needs. Encoding the same layer twice gives the same
 * bytes. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"
#include "model/package.h"

enum pl_file_type {
    PL_FILE_REGULAR,
    PL_FILE_DIR,
    PL_FILE_SYMLINK,
    PL_FILE_HARDLINK,
    PL_FILE_CHAR,
    PL_FILE_BLOCK,
    PL_FILE_FIFO,
    PL_FILE_WHITEOUT, /* path is what it removes, without ".wh." */
    PL_FILE_OPAQUE,   /* path is the directory whose lower content is hidden; "" is the root */
};

struct pl_entry {
    pl_span path; /* clean: no leading slash, no "." or "..", no empty parts */
    pl_span link; /* target of a symlink (raw) or hard link (clean path) */
    uint64_t size;
    uint32_t mode, uid, gid;
    enum pl_file_type type;
};

/* A small file kept whole for later judgement: os-release, release files, build information. */
struct pl_fact {
    pl_span kind; /* analyzer's word: "os-release", "debian_version", ... */
    pl_span path;
    pl_span bytes;
    int32_t layer; /* index of the layer it is visible from; set by the inventory */
};

/* A package database that was read in this layer; its packages replace those of lower layers. */
struct pl_database {
    pl_span path;
    pl_span analyzer;
    uint64_t n_packages;
};

/* A file that a package says it owns. */
struct pl_owned {
    pl_span type, package; /* "deb", "libc6:amd64" or "libc6": as the manager names it */
    pl_span path;
    pl_span digest; /* "md5:...", "sha1:...", "sha256:..."; empty when not recorded */
};

/* What was not looked at, here or in the report (model/report.h uses the same struct). */
struct pl_gap {
    pl_span class_name; /* "os-vuln", ... ; empty: all */
    int32_t layer;      /* -1: no layer in particular */
    pl_span path;
    pl_span reason; /* one of: limit broken encrypted unknown-format no-advisories third-party
                       crashed unreadable missing timeout unsupported end-of-life
                       few-advisories */
    pl_span detail; /* a sentence */
};

/* ---- writing: what analyzers are handed ---- */

struct pl_sink;

struct pl_sink *pl_sink_new(const struct pl_limits *limits);
void pl_sink_free(struct pl_sink *s);
PL_AUTO_DEFINE(sink, struct pl_sink *, pl_sink_free)

/* Each copies what it is given. PL_ELIMIT when the report is full; the analyzer returns that. */
pl_rc pl_sink_entry(struct pl_sink *s, const struct pl_entry *e, struct pl_err *err);
pl_rc pl_sink_database(struct pl_sink *s, const struct pl_database *d, struct pl_err *err);
pl_rc pl_sink_package(struct pl_sink *s, const struct pl_package *p, struct pl_err *err);
pl_rc pl_sink_owned(struct pl_sink *s, const struct pl_owned *o, struct pl_err *err);
pl_rc pl_sink_fact(struct pl_sink *s, const struct pl_fact *f, struct pl_err *err);
void pl_sink_gap(struct pl_sink *s, pl_span path, const char *reason, const char *fmt, ...)
    PL_PRINTF(4, 5);

/* What is added from here on belongs together (the fruit of one file) and can be dropped later: a
 * path that comes twice in one layer counts with its last bytes. */
uint32_t pl_sink_source(struct pl_sink *s);
void pl_sink_drop(struct pl_sink *s, uint32_t source);
/* Packages, databases, facts and gaps so far, to compare with later. */
uint32_t pl_sink_n_results(const struct pl_sink *s);

struct pl_layer_totals {
    pl_digest digest, diff_id; /* as read */
    uint64_t size, stored_size;
};
/* Sorts and encodes everything into out (appended). */
pl_rc pl_sink_encode(struct pl_sink *s, const struct pl_layer_totals *t, struct pl_buf *out,
                     struct pl_err *err) PL_CHECKED;

/* ---- reading ---- */

struct pl_layer_report {
    struct pl_layer_totals totals;
    struct pl_package *packages;
    size_t n_packages;
    struct pl_database *databases;
    size_t n_databases;
    struct pl_fact *facts;
    size_t n_facts;
    struct pl_gap *gaps;
    size_t n_gaps;
    size_t n_entries, n_owned;
    pl_span entries_section, owned_section; /* for the iterators */
};

/* Text points into bytes, which must outlive the report. PL_EFORMAT when anything is off. */
pl_rc pl_layer_report_decode(pl_span bytes, const struct pl_limits *limits, struct pl_arena *a,
                             struct pl_layer_report *out, struct pl_err *err) PL_CHECKED;

/* Entries in order of path, one at a time, without an array: e->path is valid until the next call
 * (it lives in the iterator). False at the end or when the section is broken (then it->broken). */
struct pl_entry_iter {
    pl_span in;
    char path[4096];
    size_t path_len;
    bool broken;
};
void pl_entry_iter_init(struct pl_entry_iter *it, const struct pl_layer_report *r);
bool pl_entry_next(struct pl_entry_iter *it, struct pl_entry *e);

struct pl_owned_iter {
    pl_span in;
    pl_span type, package;
    size_t left;
    char path[4096];
    size_t path_len;
    bool broken;
};
void pl_owned_iter_init(struct pl_owned_iter *it, const struct pl_layer_report *r);
bool pl_owned_next(struct pl_owned_iter *it, struct pl_owned *o);
