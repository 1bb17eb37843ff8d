#include "advisory/intern.h"

#include <stdlib.h>

#include "base/map.h"

void pl_intern_init(struct pl_intern *in, size_t ceiling_bytes)
{
    *in = (struct pl_intern){ .ceiling = ceiling_bytes };
}

void pl_intern_done(struct pl_intern *in)
{
    free(in->bytes);
    free(in->ends);
    free(in->slots);
    *in = (struct pl_intern){ .ceiling = in->ceiling };
}

pl_span pl_intern_text(const struct pl_intern *in, uint32_t number)
{
    if (number == 0 || number > in->n)
        return PL_SPAN_NONE;
    return pl_span_of(in->bytes + in->ends[number - 1],
                      (size_t)(in->ends[number] - in->ends[number - 1]));
}

static size_t slot_of(const struct pl_intern *in, pl_span text)
{
    size_t i = pl_hash(text) & (in->n_slots - 1);
    while (in->slots[i] && !pl_span_eq(pl_intern_text(in, in->slots[i]), text))
        i = (i + 1) & (in->n_slots - 1);
    return i;
}

uint32_t pl_intern_find(const struct pl_intern *in, pl_span text)
{
    return in->n_slots ? in->slots[slot_of(in, text)] : 0;
}

static bool grow_slots(struct pl_intern *in)
{
    size_t n = in->n_slots ? in->n_slots * 2 : 1024;
    uint32_t *slots = calloc(n, sizeof(*slots));
    if (!slots)
        return false;
    free(in->slots);
    in->slots = slots;
    in->n_slots = n;
    for (uint32_t k = 1; k <= in->n; k++)
        in->slots[slot_of(in, pl_intern_text(in, k))] = k;
    return true;
}

static bool grow_bytes(struct pl_intern *in, size_t more)
{
    if (more <= in->room - in->len)
        return true;
    size_t room = in->room ? in->room + in->room / 2 : 4096;
    while (room - in->len < more)
        room *= 2;
    char *p = realloc(in->bytes, room);
    if (!p)
        return false;
    in->bytes = p;
    in->room = room;
    return true;
}

static bool grow_ends(struct pl_intern *in)
{
    if (in->n + 2 <= in->n_room)
        return true;
    uint32_t room = in->n_room ? in->n_room + in->n_room / 2 : 1024;
    uint64_t *p = realloc(in->ends, room * sizeof(*p));
    if (!p)
        return false;
    if (!in->ends)
        p[0] = 0;
    in->ends = p;
    in->n_room = room;
    return true;
}

static size_t cost(const struct pl_intern *in)
{
    return in->len + in->n * sizeof(*in->ends) + in->n_slots * sizeof(*in->slots);
}

uint32_t pl_intern_put(struct pl_intern *in, pl_span text, bool *made, struct pl_err *err)
{
    if (made)
        *made = false;
    uint32_t found = pl_intern_find(in, text);
    if (found)
        return found;
    if (in->n > UINT32_MAX / 4 || text.len > in->ceiling || cost(in) > in->ceiling - text.len) {
        pl_fail(err, PL_ELIMIT, "the feeds name too many things (%u, %zu bytes)", in->n, in->len);
        return 0;
    }
    if (((in->n + 1) * (size_t)4 > in->n_slots * 3 && !grow_slots(in)) ||
        !grow_bytes(in, text.len) || !grow_ends(in)) {
        pl_fail(err, PL_ENOMEM, "out of memory");
        return 0;
    }
    size_t slot = slot_of(in, text);
    if (text.len)
        memcpy(in->bytes + in->len, text.ptr, text.len);
    in->len += text.len;
    in->ends[++in->n] = in->len;
    in->slots[slot] = in->n;
    if (made)
        *made = true;
    return in->n;
}
