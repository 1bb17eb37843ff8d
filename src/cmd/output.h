/* output.h - where a report goes: a file that is there whole or not at all, or standard output. */
#pragma once
#include "base/err.h"
#include <stdio.h>

struct pl_output {
    FILE *file;
    char path[4096]; /* where it belongs; empty: standard output, or written in place */
    char temp[4096 + 32];
    const char *name; /* as the user wrote it */
};

/* name "-": standard output. A regular file is written beside its place and moved there by
 * pl_output_close(); a device or pipe is written in place. */
pl_rc pl_output_open(struct pl_output *o, const char *name, struct pl_err *err) PL_CHECKED;
/* Flushes, checks and moves into place. PL_EIO when a byte could not be written. */
pl_rc pl_output_close(struct pl_output *o, struct pl_err *err) PL_CHECKED;
void pl_output_drop(struct pl_output *o); /* leave nothing behind; fine when closed */
/* Could it be opened? Asked before a long scan. */
pl_rc pl_output_check(const char *name, struct pl_err *err) PL_CHECKED;
/* For a signal handler: unlink what is half-written. */
void pl_output_abandon_all(void);
