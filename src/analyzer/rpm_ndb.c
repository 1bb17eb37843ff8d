/* rpm_ndb.c - rpm's own container, used by SUSE since 15: slots, then blobs in blocks of 16 bytes.
 *
 * All numbers are little-endian. Each blob has a head, the bytes, padding, and a tail with an
 * Adler-32 of all before it. Spec: rpm, lib/backend/ndb/rpmpkg.c. */
#include <zlib.h>

#include "analyzer/rpm.h"

enum { PAGE = 4096, BLOCK = 16, SLOT = 16, SLOTS_PER_PAGE = PAGE / SLOT, HEAD = 16, TAIL = 12 };

struct slot {
    uint32_t package, block, n_blocks;
};

bool pl_rpm_is_ndb(pl_span bytes) { return pl_span_starts(bytes, PL_LIT("RpmP")); }

static bool read_slot(pl_span in, struct slot *out)
{
    return pl_span_skip_lit(&in, PL_LIT("Slot")) && pl_span_u32le(&in, &out->package) &&
           pl_span_u32le(&in, &out->block) && pl_span_u32le(&in, &out->n_blocks);
}

/* The bytes of one blob, or why not. A wrong sum is said, and the bytes are given all the same:
 * a header that still reads is worth more than silence. */
static const char *read_blob(pl_span file, const struct slot *slot, pl_span *out, bool *sum_wrong)
{
    pl_span all = pl_span_sub(pl_span_from(file, (size_t)slot->block * BLOCK), 0,
                              (size_t)slot->n_blocks * BLOCK);
    pl_span in = all, tail = all;
    uint32_t package, generation, size, sum, tail_size;
    if (all.len != (size_t)slot->n_blocks * BLOCK || !pl_span_skip_lit(&in, PL_LIT("BlbS")) ||
        !pl_span_u32le(&in, &package) || !pl_span_u32le(&in, &generation) ||
        !pl_span_u32le(&in, &size) || package != slot->package)
        return "no blob where its slot points";
    if (size > all.len - HEAD || all.len - HEAD - size < TAIL)
        return "a blob longer than its blocks";
    pl_span_take(&in, size, out);
    *sum_wrong = !pl_span_skip(&tail, all.len - TAIL) || !pl_span_u32le(&tail, &sum) ||
                 !pl_span_u32le(&tail, &tail_size) || !pl_span_eq(tail, PL_LIT("BlbE")) ||
                 tail_size != size ||
                 sum != adler32(1, (const Bytef *)all.ptr, (uInt)(all.len - TAIL));
    return NULL;
}

static pl_rc read_package(struct pl_rpm *r, const struct slot *slot, size_t *budget,
                          struct pl_err *err)
{
    pl_span blob = PL_SPAN_NONE;
    bool sum_wrong = false;
    if ((size_t)slot->n_blocks * BLOCK > *budget) {
        pl_broken_add(&r->broken, "package %u: its blob overlaps others", slot->package);
        return PL_OK;
    }
    *budget -= (size_t)slot->n_blocks * BLOCK;
    const char *why = read_blob(r->in->bytes, slot, &blob, &sum_wrong);
    if (why) {
        pl_broken_add(&r->broken, "package %u: %s", slot->package, why);
        return PL_OK;
    }
    if (sum_wrong)
        pl_broken_add(&r->broken, "package %u: its checksum is wrong", slot->package);
    return pl_rpm_blob(r, blob, "package", slot->package, err);
}

pl_rc pl_rpm_ndb(struct pl_rpm *r, struct pl_err *err)
{
    pl_span in = r->in->bytes, slots;
    uint32_t version, generation, n_pages;
    size_t budget = r->in->bytes.len;
    if (!pl_span_skip(&in, 4) || !pl_span_u32le(&in, &version) ||
        !pl_span_u32le(&in, &generation) || !pl_span_u32le(&in, &n_pages) || version != 0) {
        pl_broken_add(&r->broken, "the header of the NDB file is not of version 0");
        return PL_OK;
    }
    slots = pl_span_sub(r->in->bytes, 2 * SLOT, (size_t)n_pages * PAGE - 2 * SLOT);
    if (n_pages == 0 || (size_t)n_pages * PAGE > r->in->bytes.len)
        pl_broken_add(&r->broken, "%u pages of slots do not fit into the file", n_pages);
    for (pl_span one; n_pages && pl_span_take(&slots, SLOT, &one);) {
        struct slot slot;
        if (!read_slot(one, &slot)) {
            pl_broken_add(&r->broken, "a slot without its magic");
            continue;
        }
        pl_rc rc = slot.package ? read_package(r, &slot, &budget, err) : PL_OK;
        if (rc)
            return rc;
    }
    return PL_OK;
}
