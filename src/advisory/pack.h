/* pack.h - the packed bytes inside the database: entries of a (stream, package) group, and the
 * parts that together are what is known of one vulnerability.
 *
 * Numbers are LEB128, texts have their length in front (base/buf.h). Whoever reads trusts
 * nothing: a database is a file that somebody handed us. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "model/advisory.h"

/* How much of one record is kept: enough for any report, and no record drowns the others. */
enum {
    PL_KEEP_TITLE = 300,
    PL_KEEP_DESCRIPTION = 4000,
    PL_KEEP_NOTE = 300,
    PL_KEEP_URL = 1000,
    PL_KEEP_REFERENCES = 50,
    PL_KEEP_CVSS = 16,
    PL_KEEP_CWES = 16,
    PL_KEEP_ALIASES = 64,
    PL_KEEP_VULNS = 20000, /* kernels of long-lived releases fix thousands at once */
};
/* Cut at a whole UTF-8 character. */
pl_span pl_keep(pl_span text, size_t max);

/* One affected row. Words (scheme, arch, module, channel) are numbers of the table `word`. */
struct pl_entry_row {
    uint64_t advisory, feed;
    enum pl_status status;
    enum pl_severity severity; /* for this package; UNKNOWN: see the vulnerability's */
    bool of_source, malicious;
    uint32_t scheme, arch, module, channel;
    pl_span note;
    const struct pl_range *ranges;
    size_t n_ranges;
    const pl_span *versions;
    size_t n_versions;
    const uint64_t *vulns; /* id << 3 | severity */
    size_t n_vulns;
};

/* In two halves, because the vulnerabilities' numbers are known only at the end of a build:
 * advisory, feed and vulns are the head, all else is the tail. */
void pl_entry_pack_tail(struct pl_buf *out, const struct pl_entry_row *e);
void pl_entry_pack(struct pl_buf *out, uint64_t advisory, uint64_t feed, const uint64_t *vulns,
                   size_t n_vulns, pl_span tail, struct pl_buf *scratch);
/* The next entry of a group; arrays are taken from a. False at the end, and with *broken when the
 * bytes are not what we write. */
bool pl_entry_unpack(pl_span *in, struct pl_arena *a, struct pl_entry_row *out, bool *broken);
/* The same, but only advisory, feed and vulns are read; tail is the rest, for copying. */
bool pl_entry_split(pl_span *in, struct pl_arena *a, struct pl_entry_row *out, pl_span *tail,
                    bool *broken);
/* Reads what pl_entry_pack_tail() wrote. */
bool pl_entry_unpack_tail(pl_span *in, struct pl_arena *a, struct pl_entry_row *out);

void pl_vulns_pack(struct pl_buf *out, const uint64_t *vulns, size_t n);
bool pl_vulns_unpack(pl_span *in, struct pl_arena *a, const uint64_t **out, size_t *n);

/* What one publisher says of one vulnerability. */
struct pl_part {
    uint64_t file;  /* of the table `file` */
    pl_span own_id; /* "GHSA-...", when not the vulnerability's id */
    const pl_span *aliases;
    size_t n_aliases;
    struct pl_vuln_facts facts; /* id unset */
};
void pl_part_pack(struct pl_buf *out, const struct pl_part *p);
bool pl_part_unpack(pl_span *in, struct pl_arena *a, struct pl_part *out);

/* Bodies over some hundred bytes are stored as one zstd frame behind a 1; others behind a 0. */
bool pl_body_deflate(pl_span in, struct pl_buf *out);
bool pl_body_inflate(pl_span in, struct pl_arena *a, pl_span *out);
