/* record.h - what feed readers share: one advisory being put together, sniffing by the keys of a
 * document's head, and small readers. Private to the room. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "feed/feed.h"

/* One advisory under construction. Text that is given is borrowed until the record is emitted;
 * what must be made lives in `tmp`. Adding never fails at the place: a record that outgrows its
 * arena is skipped by name when it is emitted. */
struct pl_record {
    struct pl_arena tmp;
    struct pl_advisory a;
    struct pl_vec aliases, vulns, cvss, references, cwes, affected;
    bool failed;
    const char *feed;
    struct pl_affected spare; /* written to once the arena is full */
};

void pl_record_init(struct pl_record *r, const char *feed, const struct pl_limits *limits);
void pl_record_done(struct pl_record *r);
void pl_record_reset(struct pl_record *r); /* for the next record */
static inline void pl_auto_record(struct pl_record *r) { pl_record_done(r); }

/* Each list keeps the first of equal texts and drops empty ones. */
void pl_record_alias(struct pl_record *r, pl_span id);
void pl_record_vuln(struct pl_record *r, pl_span id, enum pl_severity severity);
void pl_record_cvss(struct pl_record *r, pl_span source, pl_span vector, double score);
void pl_record_reference(struct pl_record *r, pl_span url);
void pl_record_cwe(struct pl_record *r, pl_span cwe);
/* A new row with one range, [introduced, fixed): both empty says every version. */
struct pl_affected *pl_record_affected(struct pl_record *r, pl_span stream, pl_span package,
                                       const char *scheme, enum pl_status status, pl_span fixed);
pl_rc pl_record_emit(struct pl_record *r, struct pl_advisory_sink *out,
                     struct pl_err *err) PL_CHECKED;

/* Text made in the record's arena; empty when it is full (and the record failed). */
pl_span pl_record_printf(struct pl_record *r, const char *fmt, ...) PL_PRINTF(2, 3);
pl_span pl_record_copy(struct pl_record *r, pl_span s);
pl_span pl_record_lower(struct pl_record *r, pl_span s); /* ASCII */

/* The CVE that an identifier ends in ("UBUNTU-CVE-2024-1" -> "CVE-2024-1"); false when none. */
bool pl_cve_suffix(pl_span id, pl_span *out);

/* Is there an object key of this name inside so many containers (1: the top object; 2: an object
 * in the top array, or in a member of the top object)? Looks at the head only, which may be cut
 * anywhere. */
bool pl_head_key(pl_span head, unsigned depth, const char *key);
/* First byte that is no blank or byte order mark; 0 when none. */
char pl_head_first(pl_span head);

/* The whole rest of a file into buf, PL_ELIMIT over max bytes. */
pl_rc pl_read_all(struct pl_reader *in, size_t max, struct pl_buf *buf,
                  struct pl_err *err) PL_CHECKED;

/* A reader over bytes at hand. */
struct pl_span_reader {
    struct pl_reader reader;
    pl_span left;
};
void pl_span_reader_init(struct pl_span_reader *r, pl_span bytes);

/* Strings of a JSON array; anything else in it is passed over. */
#define pl_json_each_text(array, i, text)                                                          \
    for (size_t i = 0, n_##i = json_array_size(array); i < n_##i; i++)                             \
        if ((text = pl_json_span(json_array_get(array, i))).len)
