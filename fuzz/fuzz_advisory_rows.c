/* fuzz_advisory_rows.c - the packed bytes of the advisory database: entries, parts, rows, and the
 * frames around them. What is read as an entry is packed again and must read the same. */
#include <stdlib.h>

#include "advisory/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void entries(pl_span in, struct pl_arena *a)
{
    struct pl_entry_row e, again;
    struct pl_buf tail = { 0 };
    bool broken = false;
    while (pl_entry_unpack(&in, a, &e, &broken)) {
        tail.len = 0;
        again = (struct pl_entry_row){ 0 };
        pl_entry_pack_tail(&tail, &e);
        pl_span packed = pl_buf_span(&tail);
        if (!pl_entry_unpack_tail(&packed, a, &again) || again.n_ranges != e.n_ranges ||
            again.status != e.status || again.n_versions != e.n_versions)
            abort();
    }
    pl_buf_done(&tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena a;
    struct pl_part part;
    struct pl_advisory_body advisory;
    struct pl_vuln_body vuln;
    pl_span in = pl_span_of(data, size), body, parts;
    uint8_t kind;
    pl_arena_init(&a, 64 << 20);
    if (!pl_span_u8(&in, &kind))
        return 0;
    if (kind & 8 && pl_body_inflate(in, &a, &body))
        in = body;
    parts = in;
    switch (kind & 3) {
    case 0: entries(in, &a); break;
    case 1: (void)pl_part_unpack(&parts, &a, &part); break;
    case 2: (void)pl_advisory_body_unpack(in, &a, &advisory); break;
    default:
        if (pl_vuln_body_unpack(in, &a, &vuln))
            while (pl_span_text(&vuln.parts, &body) && pl_part_unpack(&body, &a, &part))
                continue;
    }
    pl_arena_done(&a);
    return 0;
}
