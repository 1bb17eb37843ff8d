#include "base/map.h"

#include <stdlib.h>
#include <sys/random.h>

struct pl_map_slot {
    uint64_t hash; /* 0: free */
    pl_span key;
    void *value;
};

static uint64_t rotl(uint64_t x, int b) { return (x << b) | (x >> (64 - b)); }

#define ROUND(v0, v1, v2, v3)                                                                      \
    do {                                                                                           \
        v0 += v1, v2 += v3;                                                                        \
        v1 = rotl(v1, 13) ^ v0, v3 = rotl(v3, 16) ^ v2;                                            \
        v0 = rotl(v0, 32);                                                                         \
        v2 += v1, v0 += v3;                                                                        \
        v1 = rotl(v1, 17) ^ v2, v3 = rotl(v3, 21) ^ v0;                                            \
        v2 = rotl(v2, 32);                                                                         \
    } while (0)

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
uint64_t pl_hash(pl_span s)
{
    static uint64_t key[2];
    if (!key[0] && getrandom(key, sizeof(key), GRND_NONBLOCK) != sizeof(key))
        key[0] = (uint64_t)(uintptr_t)&key, key[1] = (uint64_t)(uintptr_t)s.ptr;
    key[0] |= 1;
    uint64_t v0 = key[0] ^ 0x736f6d6570736575ull, v1 = key[1] ^ 0x646f72616e646f6dull;
    uint64_t v2 = key[0] ^ 0x6c7967656e657261ull, v3 = key[1] ^ 0x7465646279746573ull;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t m;
        memcpy(&m, s.ptr + i, 8);
        v3 ^= m;
        ROUND(v0, v1, v2, v3);
        v0 ^= m;
    }
    uint64_t m = (uint64_t)s.len << 56;
    for (size_t k = 0; i + k < s.len; k++)
        m |= (uint64_t)(unsigned char)s.ptr[i + k] << 8 * k;
    v3 ^= m;
    ROUND(v0, v1, v2, v3);
    v0 ^= m;
    v2 ^= 0xff;
    ROUND(v0, v1, v2, v3);
    ROUND(v0, v1, v2, v3);
    ROUND(v0, v1, v2, v3);
    uint64_t h = v0 ^ v1 ^ v2 ^ v3;
    return h ? h : 1;
}

void pl_map_done(struct pl_map *m)
{
    free(m->slots);
    *m = (struct pl_map){ 0 };
}

static struct pl_map_slot *slot_of(const struct pl_map *m, uint64_t hash, pl_span key)
{
    size_t i = hash & (m->room - 1);
    while (m->slots[i].hash && (m->slots[i].hash != hash || !pl_span_eq(m->slots[i].key, key)))
        i = (i + 1) & (m->room - 1);
    return &m->slots[i];
}

void *pl_map_get(const struct pl_map *m, pl_span key)
{
    return m->room ? slot_of(m, pl_hash(key), key)->value : NULL;
}

void **pl_map_at(struct pl_map *m, pl_span key)
{
    if ((m->n + 1) * 4 > m->room * 3) {
        struct pl_map bigger = { .room = m->room ? m->room * 2 : 64, .n = m->n };
        bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
        if (!bigger.slots)
            return NULL;
        for (size_t i = 0; i < m->room; i++)
            if (m->slots[i].hash)
                *slot_of(&bigger, m->slots[i].hash, m->slots[i].key) = m->slots[i];
        free(m->slots);
        *m = bigger;
    }
    uint64_t hash = pl_hash(key);
    struct pl_map_slot *s = slot_of(m, hash, key);
    if (!s->hash) {
        s->hash = hash;
        s->key = key;
        m->n++;
    }
    return &s->value;
}

bool pl_map_next(const struct pl_map *m, size_t *at, pl_span *key, void **value)
{
    for (; *at < m->room; ++*at) {
        if (!m->slots[*at].hash)
            continue;
        *key = m->slots[*at].key;
        *value = m->slots[*at].value;
        ++*at;
        return true;
    }
    return false;
}
