/* WWW-Authenticate as a server may send it. */
#include "image/registry_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena arena;
    struct pl_vec found = PL_VEC(struct pl_challenge);
    pl_arena_init(&arena, 4 << 20);
    (void)!pl_challenges_parse(pl_span_of(data, size), &arena, &found);
    const struct pl_challenge *c = found.items;
    volatile size_t bytes = 0; /* every byte of every part is touched */
    for (size_t i = 0; i < found.n; i++) {
        const pl_span parts[] = { c[i].scheme, c[i].realm, c[i].service, c[i].scope, c[i].error };
        for (size_t k = 0; k < PL_COUNT(parts); k++)
            for (size_t n = 0; n < parts[k].len; n++)
                bytes = bytes + (unsigned char)parts[k].ptr[n];
    }
    pl_arena_done(&arena);
    return 0;
}
