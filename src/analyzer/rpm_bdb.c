/* rpm_bdb.c - rpm's oldest container: a Berkeley DB hash file (RHEL to 8, SLES to 12).
 *
 * Every page is looked at in turn, so a broken bucket table costs nothing. Hash pages hold key and
 * value items by turns; a value is inline or names a chain of overflow pages. The file is in the
 * byte order of the machine that made it. Spec: Berkeley DB, src/dbinc/db_page.h. */
#include "analyzer/rpm.h"

enum {
    PAGE_HASH_UNSORTED = 2, /* RHEL 5 and before */
    PAGE_OVERFLOW = 7,
    PAGE_HASH_META = 8,
    PAGE_HASH = 13,
    ITEM_INLINE = 1,
    ITEM_OFF_PAGE = 3,
    PAGE_HEAD = 26,
};
#define MAGIC 0x00061561u

struct bdb {
    struct pl_rpm *r;
    pl_span file;
    bool swapped; /* big-endian */
    uint32_t page_size, n_pages;
    struct pl_seen seen; /* overflow pages: each belongs to one value */
};

static uint32_t u32_at(const struct bdb *b, pl_span page, size_t at)
{
    uint32_t v = 0;
    pl_span in = pl_span_from(page, at);
    (void)(b->swapped ? pl_span_u32be(&in, &v) : pl_span_u32le(&in, &v));
    return v;
}

static uint16_t u16_at(const struct bdb *b, pl_span page, size_t at)
{
    uint16_t v = 0;
    pl_span in = pl_span_from(page, at);
    (void)(b->swapped ? pl_span_u16be(&in, &v) : pl_span_u16le(&in, &v));
    return v;
}

static uint8_t u8_at(pl_span page, size_t at) { return at < page.len ? (uint8_t)page.ptr[at] : 0; }

bool pl_rpm_is_bdb(pl_span bytes)
{
    uint32_t little = 0, big = 0;
    pl_span a = pl_span_from(bytes, 12), b = a;
    return pl_span_u32le(&a, &little) && pl_span_u32be(&b, &big) &&
           (little == MAGIC || big == MAGIC);
}

/* A whole page, or empty. */
static pl_span page_at(const struct bdb *b, uint32_t number)
{
    pl_span page = number < b->n_pages
                       ? pl_span_sub(b->file, (size_t)number * b->page_size, b->page_size)
                       : PL_SPAN_NONE;
    return page.len == b->page_size ? page : PL_SPAN_NONE;
}

/* Put a value together from its overflow pages. False: the chain is broken. */
static bool read_chain(struct bdb *b, uint32_t first, uint32_t size)
{
    struct pl_buf *blob = &b->r->blob;
    blob->len = 0;
    for (uint32_t number = first; number && blob->len < size;) {
        pl_span page = page_at(b, number);
        if (!page.len || u8_at(page, 25) != PAGE_OVERFLOW || !pl_seen_first(&b->seen, number))
            return false;
        pl_span part = pl_span_sub(page, PAGE_HEAD, u16_at(b, page, 22));
        if (!part.len)
            return false;
        pl_buf_add(blob, pl_span_sub(part, 0, size - blob->len));
        number = u32_at(b, page, 16);
    }
    return blob->len == size && !blob->failed;
}

static pl_rc read_value(struct bdb *b, uint32_t number, pl_span item, struct pl_err *err)
{
    switch (u8_at(item, 0)) {
    case ITEM_INLINE:
        /* Key 0 counts the packages ever installed: four bytes, no header. */
        if (item.len <= 16)
            return PL_OK;
        return pl_rpm_blob(b->r, pl_span_from(item, 1), "page", number, err);
    case ITEM_OFF_PAGE:
        if (item.len >= 12 && read_chain(b, u32_at(b, item, 4), u32_at(b, item, 8)))
            return pl_rpm_blob(b->r, pl_buf_span(&b->r->blob), "page", number, err);
        pl_broken_add(&b->r->broken, "page %u: a value whose overflow pages do not follow", number);
        return PL_OK;
    default: pl_broken_add(&b->r->broken, "page %u: an item of unknown type", number); return PL_OK;
    }
}

/* Items lie at the end of the page, the first one last: each ends where the one before begins. */
static pl_rc read_hash_page(struct bdb *b, uint32_t number, pl_span page, struct pl_err *err)
{
    size_t n = u16_at(b, page, 20), end = page.len;
    for (size_t i = 0; i < n; i++) {
        size_t at = u16_at(b, page, PAGE_HEAD + 2 * i);
        /* 65536 does not fit into 16 bits, and no item begins there. */
        if (at < PAGE_HEAD + 2 * n || at >= end) {
            pl_broken_add(&b->r->broken, "page %u: item %zu lies outside", number, i);
            return PL_OK;
        }
        pl_rc rc = i % 2 ? read_value(b, number, pl_span_sub(page, at, end - at), err) : PL_OK;
        if (rc)
            return rc;
        end = at;
    }
    return PL_OK;
}

static const char *read_meta(struct bdb *b)
{
    uint32_t size = u32_at(b, b->file, 20);
    if (u8_at(b->file, 25) != PAGE_HASH_META)
        return "not a hash file";
    if (u8_at(b->file, 24) != 0)
        return "an encrypted file";
    if (u8_at(b->file, 26) & 1)
        return "a file with page checksums, which rpm never makes";
    if (size < 512 || size > 65536 || (size & (size - 1)))
        return "a page size that cannot be";
    b->page_size = size;
    b->n_pages = (uint32_t)(b->file.len / size);
    return NULL;
}

pl_rc pl_rpm_bdb(struct pl_rpm *r, struct pl_err *err)
{
    struct bdb b = { .r = r, .file = r->in->bytes };
    b.swapped = u32_at(&b, b.file, 12) != MAGIC;
    const char *why = read_meta(&b);
    if (why) {
        pl_sink_gap(r->out, r->in->path, "unknown-format", "Berkeley DB: %s", why);
        return PL_OK;
    }
    uint32_t last = u32_at(&b, b.file, 32);
    if (last >= b.n_pages)
        pl_broken_add(&r->broken, "the file ends after page %u of %u", b.n_pages - 1, last);
    if (!pl_seen_init(&b.seen, r->in->tmp, b.n_pages))
        return pl_fail(err, PL_ELIMIT, "rpm: no memory to note %u pages", b.n_pages);
    for (uint32_t i = 1; i < b.n_pages; i++) {
        pl_span page = page_at(&b, i);
        uint8_t type = u8_at(page, 25);
        if (type > PAGE_HASH)
            pl_broken_add(&r->broken, "page %u: of unknown type %u", i, type);
        if (type != PAGE_HASH && type != PAGE_HASH_UNSORTED)
            continue;
        pl_rc rc = read_hash_page(&b, i, page, err);
        if (rc)
            return rc;
    }
    return PL_OK;
}
