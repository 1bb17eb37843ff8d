/* arena.h - memory that dies together, with a ceiling.
 *
 * An arena is one lifetime: everything taken from it is freed by one pl_arena_done(). Its ceiling
 * is the memory limit of what it serves: pl_arena_alloc() answers NULL there, which the caller
 * turns into PL_ELIMIT. Arenas are passed, never ambient, and are not shared between threads. */
#pragma once
#include "base/span.h"

struct pl_arena {
    struct pl_arena_block *blocks;
    char *at, *end; /* free room in the newest block */
    size_t used, ceiling;
};

void pl_arena_init(struct pl_arena *a, size_t ceiling_bytes);
void pl_arena_done(struct pl_arena *a);
void pl_arena_reset(struct pl_arena *a); /* empty again; keeps one block */

/* Zeroed, aligned for any type; NULL when the ceiling or the machine says no. size 0 is fine. */
void *pl_arena_alloc(struct pl_arena *a, size_t size);
void *pl_arena_array(struct pl_arena *a, size_t n, size_t size); /* checks the product */
/* Copies; the copy is followed by a NUL that is not part of the span, so .ptr is also a C string
 * when the bytes hold no NUL. False when there is no room. */
bool pl_arena_copy(struct pl_arena *a, pl_span s, pl_span *out);
char *pl_arena_str(struct pl_arena *a, pl_span s);
char *pl_arena_printf(struct pl_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A growing array inside an arena: struct pl_vec of one element type. Old storage stays in the
 * arena, so growth by doubling costs at most as much again. */
struct pl_vec {
    void *items;
    size_t n, room, size; /* size: of one element */
};
#define PL_VEC(type) ((struct pl_vec){ .size = sizeof(type) })
/* A zeroed new last element, or NULL. */
void *pl_vec_push(struct pl_arena *a, struct pl_vec *v);

static inline void pl_auto_arena(struct pl_arena *a) { pl_arena_done(a); }
