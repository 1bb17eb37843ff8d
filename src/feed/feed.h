/* feed.h - publishers' formats to advisories: one file per format, one word in feeds.def.
 *
 * A reader is given one file's bytes as a stream (already uncompressed; each member of an archive
 * is a file of its own), tells by content whether it is its format, and hands each record to the
 * sink. Memory does not grow with the feed. */
#pragma once
#include "base/json.h"
#include "base/limits.h"
#include "model/advisory.h"

struct pl_feed_file {
    const char *path; /* below the feeds folder, archive members as "osv/Go/all.zip!/GO-1.json" */
    pl_span head;     /* the first bytes (up to 64 KiB), for sniffing */
    struct pl_reader *reader; /* gives the whole file, head included */
    /* Begin again at the first byte, for formats whose definitions point forward (OVAL). */
    pl_rc (*rewind)(struct pl_feed_file *f, struct pl_err *err);
    const struct pl_limits *limits;
};

struct pl_feed {
    const char *name; /* "debian": stable; stored with each advisory */
    const char *what; /* for people: "Debian security tracker" */
    const char *spec;
    const char *folder; /* usual folder below the feeds folder: "debian" */
    unsigned rank;      /* of two publishers that speak of one package and vulnerability, the lower
                           rank is believed (the distribution itself before a collector) */
    bool (*sniff)(const struct pl_feed_file *f);
    pl_rc (*read)(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err);
};

extern const struct pl_feed *const pl_feeds[];
extern const size_t pl_n_feeds;
const struct pl_feed *pl_feed_find(pl_span name);
const struct pl_feed *pl_feed_sniff(const struct pl_feed_file *f); /* NULL: no feed */

/* Walk a feeds folder (or one file): every file, uncompressed (gz, bz2, xz, zst), every member of
 * zip and tar. fn gets each; files are offered in order of path. What cannot be opened goes to
 * sink->skip. */
typedef pl_rc (*pl_feed_fn)(void *ctx, struct pl_feed_file *f, struct pl_err *err);
pl_rc pl_feed_walk(const char *dir, const struct pl_limits *limits, struct pl_advisory_sink *sink,
                   pl_feed_fn fn, void *ctx, struct pl_err *err) PL_CHECKED;
