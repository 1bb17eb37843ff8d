/* files.h - an image's files by name, whether they lie in a directory or in a tar archive.
 *
 * Layouts (OCI, docker-archive, dir) are written once against this. Names are paths below the top,
 * without "./"; one that leads outside is PL_EABSENT like any other that is not there. */
#pragma once
#include "image/source.h"

struct pl_files;

struct pl_file { /* a regular file, links already followed */
    pl_span name;
    uint64_t size;
    uint64_t at;    /* an archive's entry; in its order */
    bool truncated; /* the archive ends before it does */
};

struct pl_files_ops {
    pl_rc (*find)(struct pl_files *f, pl_span name, struct pl_file *out, struct pl_err *err);
    /* All bytes of a small file, file->size of them, into buf. */
    pl_rc (*read)(struct pl_files *f, const struct pl_file *file, char *buf, struct pl_err *err);
    pl_rc (*open)(struct pl_files *f, const struct pl_file *file, struct pl_stream *out,
                  struct pl_err *err);
    pl_rc (*status)(struct pl_files *f, const struct pl_file *file, struct pl_err *err);
    void (*close)(struct pl_files *f);
};

struct pl_files {
    const struct pl_files_ops *ops;
    bool is_directory;
    bool ordered; /* files are best opened in the order of `at` */
    pl_rc damage; /* the archive could not be read to its end: PL_EFORMAT, PL_ELIMIT, ... */
    char damage_text[256];
};

static inline void pl_files_close(struct pl_files *f)
{
    if (f)
        f->ops->close(f);
}
PL_AUTO_DEFINE(files, struct pl_files *, pl_files_close)

/* A directory; fd is taken over on success. Symbolic links that stay inside are followed. */
pl_rc pl_files_directory(int *fd, struct pl_files **out, struct pl_err *err) PL_CHECKED;
/* A path of either kind: a directory, a tar file (compressed or not) or "-". */
pl_rc pl_files_open(const char *path, const struct pl_source_opts *o, struct pl_files **out,
                    struct pl_err *err) PL_CHECKED;

/* The directory itself, or the whole archive as one stream; the descriptor is the caller's. */
pl_rc pl_files_top(struct pl_files *f, int *out, struct pl_err *err) PL_CHECKED;
pl_rc pl_files_whole(struct pl_files *f, struct pl_stream *out, struct pl_err *err) PL_CHECKED;

bool pl_files_have(struct pl_files *f, const char *name);
/* A whole document into the arena. PL_EABSENT, PL_ELIMIT over max bytes. */
pl_rc pl_files_document(struct pl_files *f, pl_span name, size_t max, struct pl_arena *a,
                        pl_span *out, struct pl_err *err) PL_CHECKED;
/* The same, and PL_EDIGEST when its bytes are not those. size 0: not claimed. */
pl_rc pl_files_checked(struct pl_files *f, pl_span name, size_t max, const pl_digest *digest,
                       uint64_t size, struct pl_arena *a, pl_span *out,
                       struct pl_err *err) PL_CHECKED;
/* Hash and compare; names both digests when they differ. */
pl_rc pl_check_digest(pl_span bytes, const pl_digest *want, struct pl_err *err) PL_CHECKED;

/* ---- a source whose layers are such files (stored.c) ---- */

/* Where layer i of image (not yet joined with history) lies; name.len 0: nowhere. Marks what
 * cannot be read (missing, truncated), takes the mark off foreign layers that are there after all,
 * and sums up sizes. */
void pl_stored_locate(struct pl_files *f, struct pl_image *image, size_t i, pl_span name,
                      struct pl_file *out);
/* files (taken on success) and located[] in the order of the layers that are not empty. Call after
 * pl_config_parse(). Says in a gap what of the archive could not be read. */
pl_rc pl_stored_source(struct pl_files **files, struct pl_image *image,
                       const struct pl_file *located, const struct pl_source_opts *o,
                       struct pl_source **out, struct pl_err *err) PL_CHECKED;
/* PL_EABSENT when the user asked for another platform than the one image there is. */
pl_rc pl_check_platform(const struct pl_image *image, const char *platform,
                        struct pl_err *err) PL_CHECKED;

/* ---- "FILE[:REF]" ---- */

/* The longest beginning of rest that exists is the path, so that names with colons work; ref is
 * what follows its colon, or empty. Both in the arena. */
pl_rc pl_split_path(const char *rest, struct pl_arena *a, const char **path, pl_span *ref,
                    struct pl_err *err) PL_CHECKED;
