/* intern.h - text to small numbers, for building: 1, 2, 3 ... in order of first appearance.
 *
 * A full set of feeds has some two million distinct names; each costs its bytes and about twenty
 * more here, where a general map would take a hundred. */
#pragma once
#include "base/err.h"
#include "base/span.h"

struct pl_intern {
    char *bytes; /* all texts, one behind another */
    size_t len, room, ceiling;
    uint64_t *ends; /* ends[i]: where text i ends; ends[0] is 0 */
    uint32_t n, n_room;
    uint32_t *slots;
    size_t n_slots;
};

void pl_intern_init(struct pl_intern *in, size_t ceiling_bytes);
void pl_intern_done(struct pl_intern *in);
/* The number of a text, made when new. 0: no room, and err says so. */
uint32_t pl_intern_put(struct pl_intern *in, pl_span text, bool *made, struct pl_err *err);
uint32_t pl_intern_find(const struct pl_intern *in, pl_span text); /* 0: absent */
pl_span pl_intern_text(const struct pl_intern *in, uint32_t number);

static inline void pl_auto_intern(struct pl_intern *in) { pl_intern_done(in); }
