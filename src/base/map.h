/* map.h - text to pointer, hashed with a per-process random key (SipHash-like mixing), because
 * the keys come from images and an attacker would choose colliding ones.
 *
 * Keys are borrowed and must outlive the map; values are the caller's. */
#pragma once
#include "base/span.h"

struct pl_map {
    struct pl_map_slot *slots;
    size_t n, room;
};

void pl_map_done(struct pl_map *m);
void *pl_map_get(const struct pl_map *m, pl_span key); /* NULL when absent */
/* The place of the key's value, made (as NULL) when absent; NULL when memory ends. Valid until
 * the next pl_map_at(). */
void **pl_map_at(struct pl_map *m, pl_span key);
/* Walk in no particular order: start with *at = 0. */
bool pl_map_next(const struct pl_map *m, size_t *at, pl_span *key, void **value);
uint64_t pl_hash(pl_span s);

static inline void pl_auto_map(struct pl_map *m) { pl_map_done(m); }
