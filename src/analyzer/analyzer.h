/* analyzer.h - one file per artefact kind: bytes in, packages and facts out.
 *
 * An analyzer runs in the layer's sandboxed child. It is handed a whole file and a sink that
 * copies what it keeps; it allocates nothing that outlives the call. One more analyzer is one
 * file with its row and one word in analyzers.def; docs/adding-an-analyzer.md walks through one. */
#pragma once
#include "base/arena.h"
#include "base/limits.h"
#include "model/layer_report.h"

struct pl_input {
    pl_span path;   /* clean, from the image root */
    pl_span bytes;  /* the whole file; may hold anything */
    pl_span beside; /* bytes of path + row->beside where the layer has it; else empty */
    uint32_t mode;
    const struct pl_limits *limits;
    struct pl_arena *tmp; /* scratch, emptied after the call */
};

/* A file's bytes in order, for rows that do not want it whole: archives, programs. */
struct pl_blocks {
    /* The next block, borrowed until the next call; empty at the end. */
    pl_rc (*read)(struct pl_blocks *b, pl_span *block, struct pl_err *err);
    uint64_t size; /* as the entry says */
};

/* Bytes that lie in memory, given in pieces of at most that size (0: in one). */
struct pl_memory_blocks {
    struct pl_blocks blocks;
    pl_span rest;
    size_t piece;
};
void pl_memory_blocks_init(struct pl_memory_blocks *m, pl_span bytes, size_t piece);

struct pl_analyzer {
    const char *name;         /* "dpkg": stable; in reports and in the cache key */
    const char *what;         /* one line for people: `plimsoll rules list`, the manual */
    const char *spec;         /* where the format is written down */
    const char *const *paths; /* globs from the image root, "!" takes away; NULL-ended */
    const char *magic;        /* content must begin so, where the name proves nothing; NULL: any */
    size_t magic_len;         /* at most 64; a row for every path ("**") must have one */
    const char *beside;       /* a companion file is wanted too: "-wal"; NULL: none */
    size_t max_bytes;         /* 0: limits->file_bytes */
    unsigned revision;        /* raise it when output changes: cached layers are then read anew */
    pl_rc (*parse)(const struct pl_input *in, struct pl_sink *out, struct pl_err *err);
    /* Instead of parse: the file as it streams past, whatever its size; in->bytes is empty,
     * max_bytes does not count, no companion. It may stop reading early. When rows that take it
     * whole want the same file, they are handed the same bytes; so is a second row that streams,
     * up to 64 MiB. An error of read() is not the row's to explain: hand it on. NULL: parse. */
    pl_rc (*stream)(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                    struct pl_err *err);
    /* Reads what applications bring, not the system: left out of a scan that does not ask for it.
     */
    bool application;
    /* parse is called without bytes, whatever the size of the file: its path says all. */
    bool by_name;
    /* For rows whose knowledge is data. rules: the folder of rules/ that is part of the revision;
     * more_paths: globs beside `paths`, NULL-ended; prepare: what costs time or needs more rights
     * than a layer's child has, done before it is made, and again for nothing. */
    const char *rules;
    const char *const *(*more_paths)(void);
    void (*prepare)(void);
};

extern const struct pl_analyzer *const pl_analyzers[];
extern const size_t pl_n_analyzers;

/* Which rows want this path? At most max are written; returns how many. Made once for all rows
 * (a table by last path component and by suffix), so that it costs a hash per file. */
size_t pl_analyzers_for(pl_span path, const struct pl_analyzer **out, size_t max);
/* The same without the rows of applications, whose rules then need not be read either. */
size_t pl_analyzers_for_system(pl_span path, const struct pl_analyzer **out, size_t max);
/* Make that table now, before children are: false when there is no memory for it. */
bool pl_analyzers_ready(bool system_only);
/* "dpkg/1 apk/1 ...": part of the cache key. */
void pl_analyzers_revision(struct pl_buf *out);
