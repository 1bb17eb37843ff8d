/* archive.h - a tar archive that holds an image: its index, and its entries as streams.
 *
 * The archive is an attacker's, so libarchive only ever runs in a child process without rights. One
 * child reads the whole archive once and answers with the index (and, of a compressed one, the
 * small documents in it). Entries of a plain tar are then ranges of the file itself. Entries of a
 * compressed one come from a feeder, a second child that inflates once, in the archive's order,
 * and writes each entry that was asked for into a pipe of its own. */
#pragma once
#include "base/buf.h"
#include "image/files.h"

/* Gives the archive's bytes from their start, as often as asked: fd is the caller's. */
struct pl_opener {
    pl_rc (*open)(struct pl_opener *o, int *fd, struct pl_err *err);
    /* Why the stream ended early, when known. May be NULL. */
    pl_rc (*status)(struct pl_opener *o, struct pl_err *err);
    void (*close)(struct pl_opener *o);
};

/* A file that can be positioned. fd is taken over on success. */
pl_rc pl_archive_file(int *fd, const struct pl_limits *limits, struct pl_files **out,
                      struct pl_err *err) PL_CHECKED;
/* Anything that can be read again. The opener is taken over on success. */
pl_rc pl_archive_stream(struct pl_opener *opener, const struct pl_limits *limits,
                        struct pl_files **out, struct pl_err *err) PL_CHECKED;
/* Copy a stream into an unlinked file in cache_dir, TMPDIR or /tmp. */
pl_rc pl_spool(int from, const struct pl_source_opts *o, int *out, struct pl_err *err) PL_CHECKED;

/* Names of the regular files and links, in order, for choosing what an archive is.
 * NULL at the end. */
const char *pl_archive_name(const struct pl_files *f, size_t i);

/* ---- what the children run (archive_child.c); shown for the fuzzer ---- */

/* Where a child reads from: positioned reads when seekable, so that a shared descriptor is fine. */
struct pl_archive_input {
    int fd;
    bool seekable;
    uint64_t at, size; /* size of a seekable one */
};
/* Read all of it, write the index to answer (flushed to answer_fd unless that is -1). Damage is
 * part of the answer, with the entries before it. */
void pl_archive_index(struct pl_archive_input *in, const struct pl_limits *limits, int answer_fd,
                      struct pl_buf *answer);
/* An index from such an answer. */
pl_rc pl_archive_index_parse(pl_span answer, const struct pl_limits *limits, struct pl_files **out,
                             struct pl_err *err) PL_CHECKED;
/* Serve entries as they are asked for over the socket (SOCK_SEQPACKET, non-blocking) until it is
 * closed. SIGPIPE must be ignored. */
pl_rc pl_archive_feed(struct pl_archive_input *in, const struct pl_limits *limits, int control,
                      struct pl_err *err) PL_CHECKED;

/* A request carries the write end of a pipe; the reply is sent before that is closed. */
struct pl_feed_request {
    uint64_t entry;
};
struct pl_feed_reply {
    uint64_t entry;
    int32_t rc;
    char msg[256];
};
