/* digest.h - "sha256:<64 hex>" as registries and image configurations write it.
 * Spec: OCI image-spec, descriptor.md "Digests". */
#pragma once
#include "base/err.h"
#include "base/span.h"

#define PL_DIGEST_TEXT 136 /* "sha512:" and 128 hex and NUL */

typedef struct pl_digest {
    char text[PL_DIGEST_TEXT]; /* empty: none */
} pl_digest;

/* sha256, sha384, sha512 with lower-case hex of the right length; else PL_EFORMAT. */
pl_rc pl_digest_parse(pl_span text, pl_digest *out, struct pl_err *err) PL_CHECKED;
bool pl_digest_eq(const pl_digest *a, const pl_digest *b);
static inline bool pl_digest_set(const pl_digest *d) { return d->text[0] != '\0'; }
static inline pl_span pl_digest_span(const pl_digest *d) { return pl_span_str(d->text); }
/* The hex after the colon, and the algorithm before it. */
pl_span pl_digest_hex(const pl_digest *d);
pl_span pl_digest_algorithm(const pl_digest *d);

/* A running hash. algorithm: "sha256", "sha512", "sha384", "sha1", "md5". */
struct pl_hasher;
pl_rc pl_hasher_new(pl_span algorithm, struct pl_hasher **out, struct pl_err *err) PL_CHECKED;
void pl_hasher_add(struct pl_hasher *h, pl_span bytes);
void pl_hasher_finish(struct pl_hasher *h, pl_digest *out); /* once */
void pl_hasher_free(struct pl_hasher *h);
void pl_sha256(pl_span bytes, pl_digest *out);
PL_AUTO_DEFINE(hasher, struct pl_hasher *, pl_hasher_free)
