/* source.h - where image bytes come from: one file per transport, one word in transports.def.
 *
 * pl_source_open() turns the user's words into an opened target: its image (manifest and
 * configuration are read, and checked against their digests) and, layer by layer, a stream of
 * stored bytes. It parses no layer; the one who reads the stream checks digest and diff ID.
 * The calling process has one thread. A source may run helper processes of its own (an archive
 * reader, a downloader); pl_source_close() ends and reaps them. */
#pragma once
#include "base/limits.h"
#include "base/log.h"
#include "model/image.h"

/* Stored bytes of one layer. fd is the caller's to close. For a file: positioned reads from offset;
 * for a pipe (seekable false) plain reads. length UINT64_MAX: to the end of file. */
struct pl_stream {
    int fd;
    bool seekable;
    uint64_t offset, length;
};

struct pl_source_opts {
    const char *platform;  /* "linux/arm64/v8"; NULL: linux and this machine's, else the only one */
    const char *authfile;  /* NULL: the usual places */
    const char *cache_dir; /* for spooling standard input; NULL: TMPDIR */
    bool insecure;         /* unverified TLS and plain HTTP */
    unsigned timeout_s;    /* 0: none */
    const struct pl_limits *limits;
    const struct pl_log *log;
    struct pl_arena *arena; /* the image lives here */
};

struct pl_source;
struct pl_sink;

struct pl_source_ops {
    /* Layers will be opened: what that needs is fetched now, and read_order is settled. May be
     * NULL; without the call layer_open does the same. */
    pl_rc (*prepare)(struct pl_source *s, struct pl_err *err);
    /* Begin to read layer `index` (of image->layers, not empty, not unreadable). Layers may be
     * opened while others are being read; opened in order of `read_order` when that is set. */
    pl_rc (*layer_open)(struct pl_source *s, unsigned index, struct pl_stream *out,
                        struct pl_err *err);
    /* After a short or failed stream: why, when the source knows (network, archive). May be NULL.
     */
    pl_rc (*layer_status)(struct pl_source *s, unsigned index, struct pl_err *err);
    void (*close)(struct pl_source *s);
};

struct pl_source {
    const struct pl_source_ops *ops;
    struct pl_image *image;
    /* All layer indices in the order they are to be opened, those that cannot be (empty,
     * unreadable) last; NULL: any order. Another order works, at the price of inflating again. */
    const unsigned *read_order;
    int rootfs_fd; /* a directory tree instead of layers (one pseudo layer, index 0); else -1 */
    /* Not NULL: the bytes of the one layer are no tar but a document that names packages; this
     * reads it, in the layer's child, and its failure is the scan's. */
    pl_rc (*document)(pl_span bytes, const struct pl_limits *limits, struct pl_sink *out,
                      struct pl_err *err);
};

struct pl_files; /* image/files.h: a directory's or an archive's files by name */

struct pl_transport {
    const char *name;   /* "docker-archive" */
    const char *what;   /* one line for people */
    const char *syntax; /* "docker-archive:FILE" */
    const char *spec;
    /* Could the files at a bare existing path be this? NULL: never sniffed. Rows are asked in the
     * order of the list. */
    bool (*sniff)(struct pl_files *files);
    /* Open such files, taken on success. ref: what followed the path's colon, or empty. */
    pl_rc (*open_files)(struct pl_files **files, pl_span ref, const struct pl_source_opts *o,
                        struct pl_source **out, struct pl_err *err);
    /* rest: the target without "name:" ("//host/repo:tag" for docker, bare references too). NULL:
     * rest is PATH[:REF], and open_files does it. */
    pl_rc (*open)(const char *rest, const struct pl_source_opts *o, struct pl_source **out,
                  struct pl_err *err);
};
extern const struct pl_transport *const pl_transports[];
extern const size_t pl_n_transports;

/* Any TARGET of the command line: transport:rest, an existing path (sniffed), "-", or a bare
 * reference (docker://). PL_EUSAGE for words that are no target, with the remedy. */
pl_rc pl_source_open(const char *target, const struct pl_source_opts *o, struct pl_source **out,
                     struct pl_err *err) PL_CHECKED;
void pl_source_close(struct pl_source *s);
PL_AUTO_DEFINE(source, struct pl_source *, pl_source_close)

/* ---- shared by the transports ---- */

/* Manifest, index and configuration documents (image/manifest.c). */
pl_rc pl_manifest_parse(pl_span json, pl_span media_type, const struct pl_limits *limits,
                        struct pl_arena *a, struct pl_image *image, pl_digest *config_digest,
                        struct pl_err *err) PL_CHECKED;
/* Fills os, architecture, config, image_id, and joins history with the manifest's layers: only
 * when the numbers agree does history say which command made which layer (and empty entries come
 * in); builders that write one entry or none are no error. Adds a gap for each layer that is
 * marked unreadable by then. */
pl_rc pl_config_parse(pl_span json, const struct pl_limits *limits, struct pl_arena *a,
                      struct pl_image *image, struct pl_err *err) PL_CHECKED;
/* The descriptor of an index that fits the platform; attestation entries are not images.
 * PL_EABSENT lists the platforms there are. */
struct pl_descriptor {
    pl_span media_type;
    pl_digest digest;
    uint64_t size;
};
pl_rc pl_index_choose(pl_span json, const char *platform, struct pl_arena *a,
                      struct pl_descriptor *out, struct pl_err *err) PL_CHECKED;
/* "index", "manifest", "schema1" or NULL, by media type and then by shape. */
const char *pl_document_kind(pl_span media_type, pl_span json);
/* Note what stood in the way while opening (a foreign layer, no layers named). */
void pl_image_gap(struct pl_image *image, struct pl_arena *a, int32_t layer, const char *reason,
                  const char *fmt, ...) PL_PRINTF(5, 6);
