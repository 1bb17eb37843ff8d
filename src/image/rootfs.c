/* rootfs.c - a root file system without an image around it: a directory, or one tar of it (a
 * distribution's minirootfs, `docker export`). It becomes an image of one layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/archive.h"

struct root {
    struct pl_source base;
    int fd; /* the tar; -1 */
    uint64_t size;
};

static pl_rc layer_open(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err)
{
    struct root *r = (struct root *)s;
    if (index != 0 || r->fd < 0)
        return pl_fail(err, PL_EABSENT, "layer %u: no such layer", index);
    int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot open the archive");
    *out = (struct pl_stream){ .fd = fd, .seekable = true, .length = r->size };
    return PL_OK;
}

static void close_root(struct pl_source *s)
{
    pl_close_fd(((struct root *)s)->fd);
    pl_close_fd(s->rootfs_fd);
    free(s);
}

static const struct pl_source_ops ops = { .layer_open = layer_open, .close = close_root };

/* Takes both descriptors on success; one of them is -1. */
static pl_rc make_source(int *dir, int *tar, uint64_t size, const struct pl_source_opts *o,
                         struct pl_source **out, struct pl_err *err)
{
    struct pl_image *image = pl_arena_alloc(o->arena, sizeof(*image));
    struct pl_layer *layer = pl_arena_alloc(o->arena, sizeof(*layer));
    struct root *r = calloc(1, sizeof(*r));
    if (!image || !layer || !r) {
        free(r);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    layer->size = image->size = size;
    image->layers = layer;
    image->n_layers = 1;
    *r = (struct root){ .base = { .ops = &ops, .image = image, .rootfs_fd = pl_take_fd(dir) },
                        .fd = pl_take_fd(tar),
                        .size = size };
    *out = &r->base;
    return PL_OK;
}

static pl_rc open_files(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                        struct pl_source **out, struct pl_err *err)
{
    PL_AUTO(fd) int dir = -1;
    PL_AUTO(fd) int tar = -1;
    struct pl_stream whole = { .fd = -1 };
    (void)ref;
    pl_rc rc = (*files)->is_directory ? pl_files_top(*files, &dir, err)
                                      : pl_files_whole(*files, &whole, err);
    tar = whole.fd;
    if (!rc)
        rc = make_source(&dir, &tar, whole.length, o, out, err);
    if (!rc)
        pl_files_close(pl_take(*files));
    return rc;
}

/* Said outright, nothing has to be read to find out what it is. */
static pl_rc open_path(const char *rest, const struct pl_source_opts *o, struct pl_source **out,
                       struct pl_err *err)
{
    struct stat st;
    PL_AUTO(fd) int none = -1;
    if (!*rest)
        return pl_fail(err, PL_EUSAGE, "rootfs: wants a directory or a tar file");
    if (!strcmp(rest, "-")) {
        PL_AUTO(files) struct pl_files *files = NULL;
        pl_rc rc = pl_files_open(rest, o, &files, err);
        return rc ? rc : open_files(&files, PL_SPAN_NONE, o, out, err);
    }
    PL_AUTO(fd) int fd = open(rest, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return pl_fail_errno(err, errno == EACCES ? PL_EAUTH : PL_EABSENT, errno, "%s", rest);
    if (S_ISDIR(st.st_mode))
        return make_source(&fd, &none, 0, o, out, err);
    if (!S_ISREG(st.st_mode))
        return pl_fail(err, PL_EFORMAT, "%s: neither a directory nor a tar file", rest);
    if (st.st_size == 0)
        return pl_fail(err, PL_EFORMAT, "%s: is empty", rest);
    return make_source(&none, &fd, (uint64_t)st.st_size, o, out, err);
}

static const char *const usual[] = { "etc", "usr",  "bin",  "sbin", "lib", "lib64",
                                     "var", "root", "home", "opt",  "dev", "proc" };

static unsigned usual_bit(const char *path)
{
    size_t n = strcspn(path, "/");
    for (size_t i = 0; i < PL_COUNT(usual); i++)
        if (strlen(usual[i]) == n && !strncmp(usual[i], path, n))
            return 1U << i;
    return 0;
}

/* Two of the usual top folders: a source tree has "bin" or "lib" too, but seldom more. */
static bool sniff(struct pl_files *f)
{
    unsigned seen = 0;
    const char *name;
    PL_AUTO(fd) int fd = -1;
    if (f->is_directory && pl_files_top(f, &fd, NULL) == PL_OK) {
        for (size_t i = 0; i < PL_COUNT(usual); i++)
            if (faccessat(fd, usual[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                seen |= 1U << i;
    } else {
        for (size_t i = 0; (name = pl_archive_name(f, i)); i++)
            seen |= usual_bit(name);
    }
    return seen & (seen - 1);
}

const struct pl_transport pl_transport_rootfs = {
    .name = "rootfs",
    .what = "a root file system: a directory, or a tar of one",
    .syntax = "rootfs:DIR or rootfs:FILE",
    .spec = "hier(7)",
    .sniff = sniff,
    .open_files = open_files,
    .open = open_path,
};
