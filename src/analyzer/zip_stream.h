/* zip_stream.h - a zip archive of an image, read once from its front.
 *
 * Archives lie in archives: the blocks of one archive's entry are the bytes of the next, so that
 * however deep they lie, nothing is written to disk and no archive is held in memory.
 *
 * Reading from the front means believing local headers. The central directory at the end, which a
 * Java virtual machine goes by, may name fewer entries than there are local headers, or name other
 * sizes: an entry that only it knows is not seen here, one that it has dropped is. Both are
 * oddities of hand-made archives. What lies over itself (entries that share bytes, the trick of
 * some bombs) costs nothing here: every byte passes once.
 *
 * In front of the first entry may stand anything: Spring Boot's executable jars begin with a shell
 * script. Spec: APPNOTE.TXT 6.3 (PKWARE), 4.3.7 local header, 4.3.9 data descriptor. */
#pragma once
#include "analyzer/analyzer.h"

/* What one file of the layer may cost, with everything nested in it. */
struct pl_zip_budget {
    uint64_t entries, bytes; /* seen, inflated so far */
    uint64_t max_bytes;      /* 0 until the outermost archive is opened */
    const struct pl_limits *limits;
    bool spent;
};

struct pl_zip_entry {
    pl_span name; /* as in the archive: any bytes; valid until the next entry */
    uint64_t size;
    bool size_known; /* a data descriptor behind the data may tell it later */
    bool directory, encrypted;
};

struct pl_zip;

/* from: borrowed for the life of the zip. PL_EFORMAT: there is no zip in it. */
pl_rc pl_zip_open(struct pl_blocks *from, struct pl_zip_budget *budget, struct pl_zip **out,
                  struct pl_err *err) PL_CHECKED;
void pl_zip_close(struct pl_zip *z);
PL_AUTO_DEFINE(zip, struct pl_zip *, pl_zip_close)

/* The next entry, NULL at the end. An error is the end of this archive: PL_EFORMAT it is broken or
 * cut, PL_ELIMIT the budget is spent, else what the source of the bytes said. */
pl_rc pl_zip_next(struct pl_zip *z, const struct pl_zip_entry **out, struct pl_err *err) PL_CHECKED;
/* The entry's bytes. An error may be this entry's alone (an unknown method, a wrong checksum):
 * pl_zip_next() tells. */
struct pl_blocks *pl_zip_data(struct pl_zip *z);
/* Did the bytes that the zip is read from fail (and not the zip)? */
pl_rc pl_zip_source_failed(const struct pl_zip *z);
