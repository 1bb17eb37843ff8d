/* build.h - inside the room only: the state of a database that is being made.
 *
 * Rows that need sorting go to a second file, the stage, which is unlinked as soon as it is open:
 * whatever ends the program, the disk gets its space back. Names become numbers in memory
 * (intern.h); nothing else grows with the feeds but four bytes here and there. */
#pragma once
#include "advisory/intern.h"
#include "advisory/schema.h"
#include "base/digest.h"

struct pl_build_feed {
    char *name, *what;
    unsigned rank;
    uint64_t records, skipped;
    char published[40];
};

struct pl_build_file {
    uint32_t feed;
    uint64_t records, skipped;
    char published[40];
    char *problem;
};

struct pl_advisory_build {
    char *tmp; /* the file under its passing name */
    struct pl_advisory_db *previous;
    struct pl_intern vulns, words, streams;
    struct pl_intern groups; /* 4 bytes of stream, then the package's name */
    struct pl_intern files;  /* feed name, NUL, path */
    struct pl_intern covers; /* 4 bytes of stream, 4 of file */
    struct pl_build_feed *feeds;
    size_t n_feeds;
    struct pl_build_file *file_rows; /* [0] unused */
    size_t n_file_rows;
    uint32_t file; /* of what comes now; 0: none yet */
    /* Of advisory i: where its vulns stand in adv_vulns; forgotten ones have UINT64_MAX. */
    struct pl_buf adv_vulns;
    uint64_t *adv_at;
    size_t n_adv, adv_room;
    sqlite3_stmt *put_advisory, *put_entry, *put_part, *put_alias;
    struct pl_buf scratch, scratch2;
    struct pl_arena arena; /* reset per record */
    bool failed;           /* something could not be written: no commit */
};

uint32_t pl_build_group(struct pl_advisory_build *b, pl_span stream, pl_span package,
                        struct pl_err *err);
pl_rc pl_build_cover(struct pl_advisory_build *b, pl_span stream, struct pl_err *err) PL_CHECKED;
pl_rc pl_build_put_part(struct pl_advisory_build *b, uint32_t vuln, const struct pl_part *p,
                        struct pl_err *err) PL_CHECKED;
pl_rc pl_build_put_alias(struct pl_advisory_build *b, uint32_t x, uint32_t y,
                         struct pl_err *err) PL_CHECKED;
pl_rc pl_build_put_entry(struct pl_advisory_build *b, uint32_t group, uint64_t advisory,
                         pl_span tail, struct pl_err *err) PL_CHECKED;
/* Its number is n_adv afterwards. body's vulns, severity, title ... and groups, sorted here. */
pl_rc pl_build_put_advisory(struct pl_advisory_build *b, pl_span name,
                            struct pl_advisory_body *body, struct pl_err *err) PL_CHECKED;
/* canon[i]: the number that vulnerability i is known by; n + 1 of them; free() it. */
pl_rc pl_build_canon(struct pl_advisory_build *b, sqlite3 *sql, uint32_t **out,
                     struct pl_err *err) PL_CHECKED;
bool pl_build_is_cve(pl_span id); /* "CVE-2024-0001" */
