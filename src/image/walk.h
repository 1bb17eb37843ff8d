/* walk.h - the files of one layer, one after the other, as they stream past.
 *
 * Two walkers: a tar layer (tar.c: inflate, both hashes, tar, in a ring of buffers with a second
 * thread) and a directory tree (tree.c, rootfs:DIR). Both run in a sandboxed child. A file's bytes
 * are offered in blocks that point into the ring: valid until the next call. */
#pragma once
#include <stdatomic.h>

#include "base/limits.h"
#include "image/source.h"
#include "model/layer_report.h"

struct pl_walk;

/* Before the first walk, outside of the sandbox: loads what the libraries would otherwise open
 * files for. */
void pl_walk_prepare(void);

/* The stream's descriptor stays the caller's and must stay open. */
pl_rc pl_walk_tar(const struct pl_stream *stream, const struct pl_limits *limits,
                  struct pl_walk **out, struct pl_err *err) PL_CHECKED;
pl_rc pl_walk_tree(int dir_fd, const struct pl_limits *limits, struct pl_walk **out,
                   struct pl_err *err) PL_CHECKED;

/* The next entry (whiteouts already told as such); *out NULL at the end. Unread bytes of the
 * entry before are skipped. PL_EFORMAT, PL_ELIMIT: the rest of the layer cannot be read; what was
 * read so far counts, with a gap. Path is cleaned; an entry that leads outside the root is given
 * with its ".." parts resolved against the root, as tar readers of container engines do. */
pl_rc pl_walk_next(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err) PL_CHECKED;
/* Why the entry just given is not to be taken as a file: its path is too long or missing, its
 * directory cannot be read. reason: a word of struct pl_gap. NULL: nothing is wrong with it. */
const char *pl_walk_flaw(const struct pl_walk *w, const char **reason);
/* The next block of the entry's bytes, without a copy; empty span at its end. Holes of sparse files
 * are given as zeros. PL_EAUTH: this file cannot be read, the walk goes on; all else ends it. */
pl_rc pl_walk_read(struct pl_walk *w, pl_span *out, struct pl_err *err) PL_CHECKED;
/* Reads what is left (padding, further gzip members) and tells sizes and digests as measured. A
 * flaw is returned once, here or by the calls above; asked again, it tells what was measured, with
 * diff_id unset where the layer did not inflate to its end. */
pl_rc pl_walk_finish(struct pl_walk *w, struct pl_layer_totals *out, struct pl_err *err) PL_CHECKED;
void pl_walk_close(struct pl_walk *w);
PL_AUTO_DEFINE(walk, struct pl_walk *, pl_walk_close)

/* Bytes of the stored stream consumed so far, for progress. */
uint64_t pl_walk_position(const struct pl_walk *w);
/* The same, told as it grows: for a page shared with the parent. */
void pl_walk_watch(struct pl_walk *w, _Atomic uint64_t *position);
