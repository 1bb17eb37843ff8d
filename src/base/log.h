/* log.h - events from the library to whoever runs it. The library never prints: it reports an
 * event, and the command decides what a person sees. Text from images is escaped by the printer.
 */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum pl_level { PL_LOG_DEBUG, PL_LOG_INFO, PL_LOG_WARNING };

struct pl_log {
    void (*event)(void *ctx, enum pl_level level, const char *text);
    /* What is under way: layer `index` of `n` has done `done` of `total` bytes (0: unknown). */
    void (*progress)(void *ctx, const char *what, size_t index, size_t n, uint64_t done,
                     uint64_t total);
    void *ctx;
};

/* log may be NULL. */
void pl_log(const struct pl_log *log, enum pl_level level, const char *fmt, ...) PL_PRINTF(3, 4);
void pl_log_progress(const struct pl_log *log, const char *what, size_t index, size_t n,
                     uint64_t done, uint64_t total);
