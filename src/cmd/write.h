/* write.h - reports to where the words asked for them: --format, FORMAT=FILE, --output. */
#pragma once
#include "cmd/options.h"
#include "report/format.h"

enum { PL_MOST_JOBS = 16 };

struct pl_job {
    const struct pl_format *format;
    const char *file; /* "-": standard output */
};

struct pl_jobs {
    struct pl_job items[PL_MOST_JOBS];
    size_t n;
};

/* One job for each --format; none: the table. output NULL: standard output. PL_EUSAGE when a word
 * is no format, two want one place, or a format cannot hold that many images. */
pl_rc pl_jobs_plan(const struct pl_option_list *formats, const char *output, size_t n_images,
                   struct pl_jobs *out, struct pl_err *err) PL_CHECKED;
/* Could they all be written? Asked before a long scan. */
pl_rc pl_jobs_check(const struct pl_jobs *jobs, struct pl_err *err) PL_CHECKED;

struct pl_write_opts {
    const char *command; /* "scan": in front of complaints */
    bool verbose, quiet, several;
};
/* Every job is tried, whatever became of the others; what failed is said on standard error. False
 * when one did. */
bool pl_jobs_write(const struct pl_jobs *jobs, const struct pl_report *const *reports, size_t n,
                   const struct pl_write_opts *o);

/* Does the locale have more than ASCII? */
bool pl_screen_unicode(void);
/* Columns and colour of a terminal; 0 columns where out is none. */
struct pl_format_opts pl_screen_opts(FILE *out);
/* "plimsoll COMMAND: WHAT: WHY" on standard error, escaped; what may be NULL. */
void pl_complain(const char *command, const char *what, const char *why);
/* Children end with their parent; what is half-written is removed. SIGPIPE becomes an error of the
 * write that met it. */
void pl_catch_signals(void);
