/* cache.h - layer reports on disk: a layer seen once is not read again.
 *
 * A report is kept under its diff ID (or any digest that names the layer's bytes) and a key that
 * stands for whoever made it: analyzers' revisions, the form of the report. Files appear whole
 * (renamed into place) and carry their own digest: one that is damaged is as good as absent.
 * Folders are 0700, files 0600: reports tell what is in private images. Two processes may share it.
 */
#pragma once
#include "base/buf.h"
#include "base/digest.h"

struct pl_cache;

#define PL_CACHE_BYTES ((uint64_t)2 << 30) /* some 5,000 layers of 50,000 files */

/* The part of the key that the caller makes once: the digest of what shapes a report. revision is
 * pl_analyzers_revision()'s text; the report's own form is added here. */
void pl_cache_key(pl_span revision, pl_digest *out);

/* dir is made when absent (its parents are not). A folder that cannot be written is PL_EIO; the
 * scan goes on without a cache. */
pl_rc pl_cache_open(const char *dir, uint64_t max_bytes, struct pl_cache **out,
                    struct pl_err *err) PL_CHECKED;
/* When something was put and the whole is larger than max_bytes, the least recently used goes. */
void pl_cache_close(struct pl_cache *c);
PL_AUTO_DEFINE(cache, struct pl_cache *, pl_cache_close)

struct pl_cached { /* a mapped file */
    pl_span bytes; /* the report */
    void *map;
    size_t map_len;
};
/* False when absent, damaged, or of another version. */
bool pl_cache_get(struct pl_cache *c, const pl_digest *layer, const pl_digest *key,
                  struct pl_cached *out);
void pl_cached_done(struct pl_cached *c);
static inline void pl_auto_cached(struct pl_cached *c) { pl_cached_done(c); }

pl_rc pl_cache_put(struct pl_cache *c, const pl_digest *layer, const pl_digest *key, pl_span report,
                   struct pl_err *err) PL_CHECKED;
