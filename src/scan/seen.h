/* seen.h - images that were scanned before, by their chain of layers: who was built on whom.
 *
 * One small file in the cache folder, a line for each image: chain ID, number of layers, digest,
 * reference. It tells what images somebody has, so it is as private as the reports are (0600). An
 * image whose first layers are all layers of one seen before was built on that.
 * Spec of the chain ID: OCI image-spec, config.md, "Layer ChainID". */
#pragma once
#include "base/log.h"
#include "model/report.h"

enum { PL_SEEN_IMAGES = 4096 }; /* the newest are kept; a line is at most some 600 bytes */

/* Looks for the base with the most layers and fills report->base; then remembers this image. Only
 * images whose layers all have a diff ID count. Text goes to keep. A file that cannot be read or
 * written costs nothing but the knowledge, and is said in the log. */
void pl_seen(const char *cache_dir, struct pl_report *report, const struct pl_log *log,
             struct pl_arena *keep);
