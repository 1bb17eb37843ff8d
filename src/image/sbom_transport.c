/* sbom_transport.c - sbom:FILE, a bill of materials in an image's place. It is opened as an image
 * of one layer whose bytes are the document; the one who reads the layer hands them to
 * pl_sbom_read(), in the same child without rights that reads any layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/sbom.h"
#include "image/source.h"

struct bill {
    struct pl_source base;
    int fd;
    bool seekable;
    uint64_t size;
};

static pl_rc layer_open(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err)
{
    struct bill *b = (struct bill *)s;
    if (index != 0)
        return pl_fail(err, PL_EABSENT, "layer %u: no such layer", index);
    int fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot open the file");
    *out = (struct pl_stream){ .fd = fd, .seekable = b->seekable, .length = b->size };
    return PL_OK;
}

static void close_bill(struct pl_source *s)
{
    pl_close_fd(((struct bill *)s)->fd);
    free(s);
}

static const struct pl_source_ops ops = { .layer_open = layer_open, .close = close_bill };

static pl_rc open_path(const char *rest, const struct pl_source_opts *o, struct pl_source **out,
                       struct pl_err *err)
{
    bool standard = !strcmp(rest, "-");
    struct stat st;
    if (!*rest)
        return pl_fail(err, PL_EUSAGE, "sbom: wants a CycloneDX or SPDX file");
    PL_AUTO(fd)
    int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(rest, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return pl_fail_errno(err, errno == ENOENT ? PL_EABSENT : PL_EIO, errno, "%s", rest);
    if (S_ISDIR(st.st_mode))
        return pl_fail(err, PL_EFORMAT, "%s: is a directory; sbom: wants a CycloneDX or SPDX file",
                       rest);
    if (S_ISREG(st.st_mode) && st.st_size == 0)
        return pl_fail(err, PL_EFORMAT, "%s: is empty", rest);
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    struct pl_layer *layer = pl_arena_alloc(o->arena, sizeof(*layer));
    struct bill *b = calloc(1, sizeof(*b));
    if (!image || !layer || !b) {
        free(b);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    bool regular = S_ISREG(st.st_mode);
    layer->size = image->size = regular ? (uint64_t)st.st_size : 0;
    image->layers = layer;
    image->n_layers = 1;
    *b = (struct bill){
        .base = { .ops = &ops, .image = image, .rootfs_fd = -1, .document = pl_sbom_read },
        .fd = pl_take_fd(&fd),
        .seekable = regular,
        .size = regular ? (uint64_t)st.st_size : UINT64_MAX
    };
    *out = &b->base;
    return PL_OK;
}

const struct pl_transport pl_transport_sbom = {
    .name = "sbom",
    .what = "a bill of materials: CycloneDX or SPDX, JSON",
    .syntax = "sbom:FILE",
    .spec = "CycloneDX 1.2 to 1.6 (ECMA-424); SPDX 2.2, 2.3 (ISO/IEC 5962)",
    .open = open_path,
};
