/* tar_maker.h - tars, byte by byte, for tests: also those that no tar program would write. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "image/source.h"

struct tar_header {
    const char *name, *link;
    char type;
    uint64_t size;
    unsigned mode, major, minor;
};

/* ustar, POSIX.1 "pax": "ustar Interchange Format". */
static inline void tar_put(struct pl_buf *b, const struct tar_header *h)
{
    char r[512] = { 0 };
    unsigned sum = 0;
    snprintf(r, 100, "%s", h->name);
    snprintf(r + 100, 8, "%07o", (h->mode ? h->mode : 0644) & 07777);
    snprintf(r + 108, 8, "%07o", 0);
    snprintf(r + 116, 8, "%07o", 0);
    if (h->size < (uint64_t)1 << 33) {
        snprintf(r + 124, 12, "%011llo", (unsigned long long)h->size);
    } else { /* GNU base-256 */
        r[124] = (char)0x80;
        for (int i = 0; i < 8; i++)
            r[135 - i] = (char)(h->size >> 8 * i);
    }
    snprintf(r + 136, 12, "%011o", 0);
    memset(r + 148, ' ', 8);
    r[156] = h->type ? h->type : '0';
    if (h->link)
        snprintf(r + 157, 100, "%s", h->link);
    memcpy(r + 257, "ustar\00000", 8);
    snprintf(r + 329, 8, "%07o", h->major & 07777777);
    snprintf(r + 337, 8, "%07o", h->minor & 07777777);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)r[i];
    snprintf(r + 148, 8, "%06o", sum);
    pl_buf_add(b, pl_span_of(r, 512));
}

static inline void tar_pad(struct pl_buf *b)
{
    static const char zeros[512];
    pl_buf_add(b, pl_span_of(zeros, (512 - b->len % 512) % 512));
}

static inline void tar_file(struct pl_buf *b, const char *name, pl_span bytes)
{
    tar_put(b, &(struct tar_header){ .name = name, .size = bytes.len });
    pl_buf_add(b, bytes);
    tar_pad(b);
}

static inline void tar_link(struct pl_buf *b, char type, const char *name, const char *target)
{
    tar_put(b, &(struct tar_header){ .name = name, .type = type, .link = target });
}

static inline void tar_dir(struct pl_buf *b, const char *name)
{
    tar_put(b, &(struct tar_header){ .name = name, .type = '5', .mode = 0755 });
}

/* A GNU long name ('L') or link ('K') before the next header. */
static inline void tar_long(struct pl_buf *b, char type, pl_span text)
{
    tar_put(b, &(struct tar_header){ .name = "././@LongLink", .type = type, .size = text.len + 1 });
    pl_buf_add(b, text);
    pl_buf_char(b, '\0');
    tar_pad(b);
}

/* A pax header with one record before the next header. */
static inline void tar_pax(struct pl_buf *b, const char *key, pl_span value)
{
    struct pl_buf r = { 0 };
    size_t n = strlen(key) + value.len + 3;
    size_t total = n + 1;
    for (;;) { /* the length counts its own digits */
        int digits = snprintf(NULL, 0, "%zu", total);
        if (n + (size_t)digits == total)
            break;
        total = n + (size_t)digits;
    }
    pl_buf_printf(&r, "%zu %s=", total, key);
    pl_buf_add(&r, value);
    pl_buf_char(&r, '\n');
    tar_put(b, &(struct tar_header){ .name = "PaxHeaders/x", .type = 'x', .size = r.len });
    pl_buf_add(b, pl_buf_span(&r));
    tar_pad(b);
    pl_buf_done(&r);
}

static inline void tar_end(struct pl_buf *b)
{
    static const char zeros[1024];
    pl_buf_add(b, pl_span_of(zeros, sizeof(zeros)));
}

/* One gzip member, appended. */
static inline void gzip_put(struct pl_buf *b, pl_span bytes, int level)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t most = deflateBound(&z, bytes.len) + 64;
    if (!pl_buf_reserve(b, most))
        abort();
    z.next_in = (unsigned char *)(uintptr_t)bytes.ptr;
    z.avail_in = (unsigned)bytes.len;
    z.next_out = (unsigned char *)b->ptr + b->len;
    z.avail_out = (unsigned)most;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    b->len += z.total_out;
    deflateEnd(&z);
}

/* The bytes as a file in memory. */
static inline struct pl_stream stream_of(pl_span bytes)
{
    int fd = memfd_create("layer", MFD_CLOEXEC);
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + at, bytes.len - at);
        if (n <= 0)
            abort();
        at += (size_t)n;
    }
    return (struct pl_stream){ .fd = fd, .seekable = true, .length = bytes.len };
}
