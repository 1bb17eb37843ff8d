/* zip_maker.h - zip archives for tests, byte by byte, so that they can be as wrong as needed.
 * Spec: APPNOTE.TXT 6.3 (PKWARE). */
#pragma once
#include <string.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"

struct zip_file {
    const char *name;
    pl_span bytes;
    bool deflate;
    bool descriptor; /* sizes behind the data, as Java's own tools write them */
    bool encrypted;  /* says so; the data are not */
    uint32_t size;   /* a lie; 0: the truth */
    uint16_t method; /* a lie; 0: the truth */
    bool bad_crc;
};

struct zip {
    struct pl_buf b, directory;
    unsigned n;
};

static inline void zip_le(struct pl_buf *b, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        pl_buf_char(b, (char)(v >> 8 * i));
}

static inline void zip_deflate(struct pl_buf *out, pl_span bytes)
{
    z_stream z = { 0 };
    size_t room = bytes.len + bytes.len / 1000 + 128;
    deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    pl_buf_reserve(out, room);
    z.next_in = (Bytef *)(uintptr_t)(bytes.ptr ? bytes.ptr : "");
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)room;
    deflate(&z, Z_FINISH);
    out->len += z.total_out;
    deflateEnd(&z);
}

static inline void zip_put(struct zip *z, struct zip_file f)
{
    PL_AUTO(buf) struct pl_buf data = { 0 };
    uint64_t at = z->b.len;
    uint16_t flags = (uint16_t)((f.descriptor ? 8 : 0) | (f.encrypted ? 1 : 0));
    uint16_t method = f.method ? f.method : f.deflate ? 8 : 0;
    uint32_t crc = (uint32_t)crc32(0, (const Bytef *)f.bytes.ptr, (uInt)f.bytes.len) ^ f.bad_crc;
    uint32_t size = f.size ? f.size : (uint32_t)f.bytes.len;
    if (f.deflate)
        zip_deflate(&data, f.bytes);
    else
        pl_buf_add(&data, f.bytes);
    uint32_t stored = f.size && !f.deflate ? f.size : (uint32_t)data.len;
    pl_buf_add(&z->b, PL_LIT("PK\3\4"));
    zip_le(&z->b, 20, 2);
    zip_le(&z->b, flags, 2);
    zip_le(&z->b, method, 2);
    zip_le(&z->b, 0x21 << 16, 4);
    zip_le(&z->b, f.descriptor ? 0 : crc, 4);
    zip_le(&z->b, f.descriptor ? 0 : stored, 4);
    zip_le(&z->b, f.descriptor ? 0 : size, 4);
    zip_le(&z->b, strlen(f.name), 2);
    zip_le(&z->b, 0, 2);
    pl_buf_add(&z->b, pl_span_str(f.name));
    pl_buf_add(&z->b, pl_buf_span(&data));
    if (f.descriptor) {
        pl_buf_add(&z->b, PL_LIT("PK\7\10"));
        zip_le(&z->b, crc, 4);
        zip_le(&z->b, stored, 4);
        zip_le(&z->b, size, 4);
    }
    pl_buf_add(&z->directory, PL_LIT("PK\1\2"));
    zip_le(&z->directory, 20, 2);
    zip_le(&z->directory, 20, 2);
    zip_le(&z->directory, flags, 2);
    zip_le(&z->directory, method, 2);
    zip_le(&z->directory, 0x21 << 16, 4);
    zip_le(&z->directory, crc, 4);
    zip_le(&z->directory, stored, 4);
    zip_le(&z->directory, size, 4);
    zip_le(&z->directory, strlen(f.name), 2);
    zip_le(&z->directory, 0, 2 + 2 + 2 + 2 + 4);
    zip_le(&z->directory, at, 4);
    pl_buf_add(&z->directory, pl_span_str(f.name));
    z->n++;
}

static inline void zip_text(struct zip *z, const char *name, const char *text)
{
    zip_put(z, (struct zip_file){ .name = name, .bytes = pl_span_str(text), .deflate = true });
}

/* Ends the archive; its bytes are z->b. */
static inline pl_span zip_end(struct zip *z)
{
    uint64_t at = z->b.len;
    pl_buf_add(&z->b, pl_buf_span(&z->directory));
    pl_buf_add(&z->b, PL_LIT("PK\5\6"));
    zip_le(&z->b, 0, 4);
    zip_le(&z->b, z->n, 2);
    zip_le(&z->b, z->n, 2);
    zip_le(&z->b, z->directory.len, 4);
    zip_le(&z->b, at, 4);
    zip_le(&z->b, 0, 2);
    return pl_buf_span(&z->b);
}

static inline void zip_done(struct zip *z)
{
    pl_buf_done(&z->b);
    pl_buf_done(&z->directory);
}
static inline void zip_auto(struct zip *z) { zip_done(z); }
#define ZIP __attribute__((cleanup(zip_auto))) struct zip
