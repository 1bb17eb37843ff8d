#include "analyzer/zip_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

/* Script in front of the first entry: Spring Boot's has 10 KiB, a native launcher some hundred. */
enum { MAX_PREFIX = 4 << 20, SIGNATURE = 4 };

struct pl_zip {
    struct pl_blocks data; /* of the current entry; first, see read_data() */
    struct pl_blocks *from;
    struct pl_zip_budget *budget;
    struct archive *archive;
    char head[2 * SIGNATURE]; /* bytes before `pending` that were looked at already */
    pl_span begin, pending;   /* still to be given to libarchive */
    pl_rc source_rc;
    struct pl_err source_err;
    pl_rc over_rc; /* this archive cannot be read on */
    struct pl_err over_err;
    struct pl_zip_entry entry;
    bool in_entry, over;
};

/* ---- where it begins ---- */

static bool is_signature(const char *p) { return memcmp(p, "PK\3\4", SIGNATURE) == 0; }

/* Search the block, and across its border with the last bytes of the one before. True: found, with
 * begin and pending set. */
static bool find_begin(struct pl_zip *z, size_t *n_tail, pl_span block)
{
    size_t n = block.len < SIGNATURE - 1 ? block.len : SIGNATURE - 1;
    memcpy(z->head + *n_tail, block.ptr, n);
    for (size_t i = 0; i + SIGNATURE <= *n_tail + n && i < *n_tail; i++)
        if (is_signature(z->head + i)) {
            z->begin = pl_span_of(z->head + i, *n_tail - i);
            z->pending = block;
            return true;
        }
    size_t at = pl_span_find(block, PL_LIT("PK\3\4"));
    if (at != SIZE_MAX) {
        z->pending = pl_span_from(block, at);
        return true;
    }
    size_t all = *n_tail + n, keep = SIGNATURE - 1;
    if (block.len >= keep) {
        memcpy(z->head, block.ptr + block.len - keep, keep);
        *n_tail = keep;
    } else {
        keep = all < keep ? all : keep;
        memmove(z->head, z->head + all - keep, keep);
        *n_tail = keep;
    }
    return false;
}

static pl_rc skip_prefix(struct pl_zip *z, struct pl_err *err)
{
    size_t n_tail = 0;
    uint64_t passed = 0;
    while (passed < MAX_PREFIX) {
        pl_span block;
        pl_rc rc = z->from->read(z->from, &block, err);
        if (rc)
            return z->source_rc = rc;
        if (passed == 0 && pl_span_starts(block, PL_LIT("PK\5\6"))) {
            z->over = true; /* an archive of nothing */
            return PL_OK;
        }
        if (block.len == 0)
            break;
        if (find_begin(z, &n_tail, block))
            return PL_OK;
        passed += block.len;
    }
    return pl_fail(err, PL_EFORMAT, "no zip entry in the first %llu bytes",
                   (unsigned long long)passed);
}

/* ---- libarchive's side ---- */

static la_ssize_t give(struct archive *a, void *ctx, const void **buf)
{
    struct pl_zip *z = ctx;
    pl_span block = z->begin;
    z->begin = PL_SPAN_NONE;
    if (block.len == 0) {
        block = z->pending;
        z->pending = PL_SPAN_NONE;
    }
    if (block.len == 0 && !z->source_rc)
        z->source_rc = z->from->read(z->from, &block, &z->source_err);
    if (z->source_rc) {
        archive_set_error(a, EIO, "source");
        return ARCHIVE_FATAL;
    }
    *buf = block.ptr;
    return (la_ssize_t)block.len;
}

static pl_rc broken(struct pl_zip *z, struct pl_err *err)
{
    const char *why = archive_error_string(z->archive);
    if (z->source_rc) {
        if (err)
            *err = z->source_err;
        return z->source_rc;
    }
    if (archive_errno(z->archive) == ENOMEM)
        return pl_fail(err, PL_ENOMEM, "zip: out of memory");
    return pl_fail(err, PL_EFORMAT, "zip: %s", why ? why : "cut off or broken");
}

/* The archive ends here, and says so once more when asked again. */
static pl_rc give_up(struct pl_zip *z, pl_rc rc)
{
    z->over = true;
    z->over_rc = rc;
    return rc;
}

static pl_rc spent(struct pl_zip *z, struct pl_err *err)
{
    z->budget->spent = true;
    pl_rc rc =
        z->budget->entries > z->budget->limits->zip_entries
            ? pl_fail(&z->over_err, PL_ELIMIT, "more than %zu entries, nested ones included",
                      z->budget->limits->zip_entries)
            : pl_fail(&z->over_err, PL_ELIMIT, "more than %llu MiB would have to be inflated",
                      (unsigned long long)(z->budget->max_bytes / PL_MIB));
    if (err)
        *err = z->over_err;
    return give_up(z, rc);
}

static pl_rc read_data(struct pl_blocks *blocks, pl_span *out, struct pl_err *err)
{
    struct pl_zip *z = (struct pl_zip *)blocks;
    const void *buf = NULL;
    size_t len = 0;
    la_int64_t offset = 0;
    *out = PL_SPAN_NONE;
    if (z->over || !z->in_entry) {
        if (z->over_rc && err)
            *err = z->over_err;
        return z->over_rc;
    }
    int code = archive_read_data_block(z->archive, &buf, &len, &offset);
    if (code == ARCHIVE_EOF) {
        z->in_entry = false;
        return PL_OK;
    }
    if (code == ARCHIVE_FATAL)
        z->over = true;
    if (code != ARCHIVE_OK) {
        z->in_entry = false;
        pl_rc rc = broken(z, &z->over_err);
        if (err)
            *err = z->over_err;
        z->over_rc = z->over ? rc : PL_OK;
        return rc;
    }
    z->budget->bytes += len;
    if (z->budget->bytes > z->budget->max_bytes || z->budget->spent)
        return spent(z, err);
    *out = pl_span_of(buf, len);
    return PL_OK;
}

/* libarchive would inflate what has no size in front without telling; here it counts. */
static pl_rc leave_entry(struct pl_zip *z, struct pl_err *err)
{
    pl_span block = PL_LIT("x");
    pl_rc rc = PL_OK;
    while (z->in_entry && !z->entry.size_known && !z->entry.encrypted && !rc && block.len)
        rc = read_data(&z->data, &block, err);
    z->in_entry = false;
    return z->over ? z->over_rc : PL_OK; /* a flaw of the entry alone is not the archive's */
}

/* ---- verbs ---- */

static pl_rc start(struct pl_zip *z, struct pl_err *err)
{
    pl_rc rc = skip_prefix(z, err);
    if (rc || z->over)
        return rc;
    z->archive = archive_read_new();
    if (!z->archive)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (archive_read_support_format_zip_streamable(z->archive) != ARCHIVE_OK ||
        archive_read_open2(z->archive, z, NULL, give, NULL, NULL) != ARCHIVE_OK)
        return broken(z, err);
    return PL_OK;
}

pl_rc pl_zip_open(struct pl_blocks *from, struct pl_zip_budget *budget, struct pl_zip **out,
                  struct pl_err *err)
{
    PL_AUTO(zip) struct pl_zip *z = calloc(1, sizeof(*z));
    if (!z)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    z->data.read = read_data;
    z->from = from;
    z->budget = budget;
    if (!budget->max_bytes)
        budget->max_bytes = budget->limits->zip_bytes + budget->limits->zip_expansion * from->size;
    pl_rc rc = start(z, err);
    if (!rc)
        *out = pl_take(z);
    return rc;
}

void pl_zip_close(struct pl_zip *z)
{
    if (!z)
        return;
    if (z->archive)
        archive_read_free(z->archive);
    free(z);
}

static void tell(struct pl_zip *z, struct archive_entry *e)
{
    const char *name = archive_entry_pathname(e);
    z->entry.name = pl_span_str(name ? name : "?");
    z->entry.size_known = archive_entry_size_is_set(e);
    z->entry.size =
        z->entry.size_known && archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 0;
    z->entry.directory =
        archive_entry_filetype(e) == AE_IFDIR || pl_span_ends(z->entry.name, PL_LIT("/"));
    z->entry.encrypted = archive_entry_is_encrypted(e);
    z->data.size = z->entry.size;
    z->in_entry = true;
}

pl_rc pl_zip_next(struct pl_zip *z, const struct pl_zip_entry **out, struct pl_err *err)
{
    struct archive_entry *e;
    pl_rc rc = leave_entry(z, err);
    if (rc || z->over) {
        if (rc && err)
            *err = z->over_err;
        *out = NULL;
        return rc;
    }
    int code = archive_read_next_header(z->archive, &e);
    if (code == ARCHIVE_EOF) {
        z->over = true;
        *out = NULL;
        return PL_OK;
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
        rc = give_up(z, broken(z, &z->over_err));
        if (err)
            *err = z->over_err;
        return rc;
    }
    if (++z->budget->entries > z->budget->limits->zip_entries)
        return spent(z, err);
    tell(z, e);
    *out = &z->entry;
    return PL_OK;
}

struct pl_blocks *pl_zip_data(struct pl_zip *z) { return &z->data; }

pl_rc pl_zip_source_failed(const struct pl_zip *z) { return z->source_rc; }
