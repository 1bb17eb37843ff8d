/* rpm.h - an rpm database in three containers, all of which hold the same header blobs.
 *
 * A container's reader finds the blobs and hands each to pl_rpm_blob(); what it cannot follow is
 * counted in `broken`, and the walk goes on. Nothing here trusts an offset, a length or a link:
 * pages are visited once, so that work is linear in the size of the file. */
#pragma once
#include "analyzer/packages.h"
#include "base/buf.h"

struct pl_rpm {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_broken broken;
    uint64_t n;              /* packages put */
    struct pl_buf blob;      /* a blob that lies in pieces is put together here */
    struct pl_arena scratch; /* emptied for each package */
};

/* Is it this container? By its magic. */
bool pl_rpm_is_bdb(pl_span bytes);
bool pl_rpm_is_ndb(pl_span bytes);
bool pl_rpm_is_sqlite(pl_span bytes);
/* Walk all blobs. The error is the sink's; PL_ELIMIT when scratch memory ends. */
pl_rc pl_rpm_bdb(struct pl_rpm *r, struct pl_err *err) PL_CHECKED;
pl_rc pl_rpm_ndb(struct pl_rpm *r, struct pl_err *err) PL_CHECKED;
pl_rc pl_rpm_sqlite(struct pl_rpm *r, struct pl_err *err) PL_CHECKED;

/* One header blob: puts the package and its files. `where` names the blob in messages. */
pl_rc pl_rpm_blob(struct pl_rpm *r, pl_span blob, const char *where, uint64_t number,
                  struct pl_err *err) PL_CHECKED;

/* "openssl-1:3.0.7-1.src.rpm" apart: name and version-release; both empty when it is none. */
void pl_rpm_source(pl_span file, pl_span *name, pl_span *version);

/* Pages seen, one bit each. */
struct pl_seen {
    uint8_t *bits;
    size_t n;
};
bool pl_seen_init(struct pl_seen *s, struct pl_arena *a, size_t n);
/* True the first time, false ever after and when there is no such page. */
bool pl_seen_first(struct pl_seen *s, size_t page);
