#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void pl_log(const struct pl_log *log, enum pl_level level, const char *fmt, ...)
{
    if (!log || !log->event)
        return;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log->event(log->ctx, level, text);
}

void pl_log_progress(const struct pl_log *log, const char *what, size_t index, size_t n,
                     uint64_t done, uint64_t total)
{
    if (log && log->progress)
        log->progress(log->ctx, what, index, n, done, total);
}
