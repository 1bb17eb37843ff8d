/* progress.h - what is under way, on a terminal: a bar for each layer in flight, and one line of
 * the sum. Nothing at all when standard error is no terminal. Warnings pass through here too, so
 * that they and the bars do not overwrite each other. */
#pragma once
#include "base/log.h"

struct pl_progress;

/* bars: draw them (a terminal, and not --quiet). least: events below it are not printed. NULL when
 * memory ends. */
struct pl_progress *pl_progress_new(bool bars, enum pl_level least, bool quiet);
/* For the library; valid until pl_progress_free(). */
const struct pl_log *pl_progress_log(struct pl_progress *p);
/* Name in front of messages ("shop/api:1.4"), and a fresh start of the bars. */
void pl_progress_target(struct pl_progress *p, const char *target);
void pl_progress_clear(struct pl_progress *p); /* take the bars off the screen */
void pl_progress_free(struct pl_progress *p);
PL_AUTO_DEFINE(progress, struct pl_progress *, pl_progress_free)
