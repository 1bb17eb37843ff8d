#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct pl_arena_block {
    struct pl_arena_block *next;
    size_t size;
    _Alignas(16) char bytes[];
};

enum { BLOCK_SMALL = 4 << 10, BLOCK_LARGE = 256 << 10 };

void pl_arena_init(struct pl_arena *a, size_t ceiling_bytes)
{
    *a = (struct pl_arena){ .ceiling = ceiling_bytes };
}

void pl_arena_done(struct pl_arena *a)
{
    while (a->blocks) {
        struct pl_arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    *a = (struct pl_arena){ .ceiling = a->ceiling };
}

void pl_arena_reset(struct pl_arena *a)
{
    struct pl_arena_block *keep = a->blocks;
    if (!keep)
        return;
    while (keep->next) {
        struct pl_arena_block *next = keep->next->next;
        a->used -= keep->next->size;
        free(keep->next);
        keep->next = next;
    }
    memset(keep->bytes, 0, (size_t)(a->at - keep->bytes));
    a->at = keep->bytes;
    a->end = keep->bytes + keep->size;
}

static bool grow(struct pl_arena *a, size_t size)
{
    /* Blocks grow with the arena, so that a small one stays small. */
    size_t block = a->used < BLOCK_SMALL ? BLOCK_SMALL : a->used;
    if (block > BLOCK_LARGE)
        block = BLOCK_LARGE;
    if (block < size)
        block = size;
    if (block > a->ceiling - a->used) {
        if (size > a->ceiling - a->used)
            return false;
        block = size;
    }
    struct pl_arena_block *b = calloc(1, sizeof(*b) + block);
    if (!b)
        return false;
    b->size = block;
    b->next = a->blocks;
    a->blocks = b;
    a->at = b->bytes;
    a->end = b->bytes + block;
    a->used += block;
    return true;
}

void *pl_arena_alloc(struct pl_arena *a, size_t size)
{
    if (size > SIZE_MAX - 15)
        return NULL;
    size = size ? (size + 15) & ~(size_t)15 : 16;
    if ((size_t)(a->end - a->at) < size && !grow(a, size))
        return NULL;
    void *p = a->at;
    a->at += size;
    return p;
}

void *pl_arena_array(struct pl_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    return pl_arena_alloc(a, bytes);
}

bool pl_arena_copy(struct pl_arena *a, pl_span s, pl_span *out)
{
    char *p = pl_arena_str(a, s);
    if (!p)
        return false;
    *out = pl_span_of(p, s.len);
    return true;
}

char *pl_arena_str(struct pl_arena *a, pl_span s)
{
    if (s.len == SIZE_MAX)
        return NULL;
    char *p = pl_arena_alloc(a, s.len + 1);
    if (p && s.len)
        memcpy(p, s.ptr, s.len);
    return p;
}

char *pl_arena_printf(struct pl_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : pl_arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void *pl_vec_push(struct pl_arena *a, struct pl_vec *v)
{
    if (v->n == v->room) {
        size_t room = v->room ? v->room * 2 : 8;
        char *items = pl_arena_array(a, room, v->size);
        if (!items)
            return NULL;
        if (v->n)
            memcpy(items, v->items, v->n * v->size);
        v->items = items;
        v->room = room;
    }
    return (char *)v->items + v->size * v->n++;
}
