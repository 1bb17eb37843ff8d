#include "cmd/write.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "cmd/output.h"
#include "report/layout.h"

/* ---- words to jobs ---- */

static pl_rc add_job(struct pl_jobs *jobs, pl_span name, const char *file, size_t n_images,
                     struct pl_err *err)
{
    const struct pl_format *f = pl_format_find(name);
    if (!f) {
        char known[256] = "";
        for (size_t i = 0; i < pl_n_formats; i++)
            snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "",
                     pl_formats[i]->name);
        return pl_fail(err, PL_EUSAGE, "--format: no format \"%.*s\" (%s)", PL_FMT(name), known);
    }
    pl_rc rc = pl_format_check(f, n_images, err);
    if (rc)
        return rc;
    if (jobs->n == PL_MOST_JOBS)
        return pl_fail(err, PL_EUSAGE, "--format is there more than %d times", PL_MOST_JOBS);
    for (size_t i = 0; i < jobs->n; i++)
        if (!strcmp(jobs->items[i].file, file))
            return pl_fail(err, PL_EUSAGE,
                           "two formats for %s: give one a file of its own (--format %s=FILE)",
                           strcmp(file, "-") != 0 ? file : "standard output", f->name);
    jobs->items[jobs->n++] = (struct pl_job){ f, file };
    return PL_OK;
}

pl_rc pl_jobs_plan(const struct pl_option_list *l, const char *output, size_t n_images,
                   struct pl_jobs *out, struct pl_err *err)
{
    struct pl_jobs jobs = { .n = 0 };
    const char *rest = output ? output : "-";
    bool used = !output;
    pl_rc rc = l->n ? PL_OK : add_job(&jobs, PL_LIT("table"), rest, n_images, err);
    for (size_t i = 0; i < l->n && !rc; i++) {
        const char *equals = strchr(l->values[i], '=');
        pl_span name = pl_span_str(l->values[i]);
        if (equals)
            name.len = (size_t)(equals - l->values[i]);
        if (equals && !equals[1])
            return pl_fail(err, PL_EUSAGE, "--format %s needs a file behind \"=\"", l->values[i]);
        used = used || !equals;
        rc = add_job(&jobs, name, equals ? equals + 1 : rest, n_images, err);
    }
    if (rc)
        return rc;
    if (l->n && !used)
        return pl_fail(err, PL_EUSAGE, "--output %s: every --format has a file of its own", output);
    *out = jobs;
    return PL_OK;
}

pl_rc pl_jobs_check(const struct pl_jobs *jobs, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    for (size_t i = 0; i < jobs->n && !rc; i++)
        rc = pl_output_check(jobs->items[i].file, err);
    return rc;
}

/* ---- a screen and its habits ---- */

bool pl_screen_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < PL_COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct pl_format_opts pl_screen_opts(FILE *out)
{
    struct pl_format_opts o = { .unicode = pl_screen_unicode() };
    struct winsize w;
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    if (!isatty(fileno(out)))
        return o;
    if (ioctl(fileno(out), TIOCGWINSZ, &w) == 0)
        o.columns = w.ws_col;
    o.colour = !(plain && *plain) && term && strcmp(term, "dumb") != 0;
    return o;
}

void pl_complain(const char *command, const char *what, const char *why)
{
    PL_AUTO(arena) struct pl_arena a;
    pl_arena_init(&a, PL_MIB);
    pl_span safe = pl_layout_text(&a, pl_span_str(why), pl_screen_unicode());
    pl_span name = pl_layout_text(&a, pl_span_str(what ? what : ""), pl_screen_unicode());
    fprintf(stderr, "plimsoll %s: %.*s%s%.*s\n", command, PL_FMT(name), what ? ": " : "",
            PL_FMT(safe));
}

/* ---- signals ---- */

static void interrupted(int number)
{
    pl_output_abandon_all();
    _exit(128 + number);
}

void pl_catch_signals(void)
{
    struct sigaction end = { .sa_handler = interrupted }, quiet = { .sa_handler = SIG_IGN };
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGPIPE, &quiet, NULL);
}

/* ---- writing ---- */

static pl_rc write_one(const struct pl_job *j, const struct pl_report *const *reports, size_t n,
                       const struct pl_write_opts *how, struct pl_err *err)
{
    struct pl_output out;
    pl_rc rc = pl_output_open(&out, j->file, err);
    if (rc)
        return rc;
    struct pl_format_opts o = pl_screen_opts(out.file);
    o.verbose = how->verbose;
    o.quiet = how->quiet;
    o.several = how->several;
    rc = j->format->write(reports, n, &o, out.file, err);
    if (!rc)
        return pl_output_close(&out, err);
    pl_output_drop(&out);
    return rc;
}

/* A reader that has gone (head, a closed pager) needs no line about it. */
bool pl_jobs_write(const struct pl_jobs *jobs, const struct pl_report *const *reports, size_t n,
                   const struct pl_write_opts *o)
{
    bool good = true;
    for (size_t i = 0; i < jobs->n; i++) {
        struct pl_err err = { 0 };
        errno = 0;
        if (!write_one(&jobs->items[i], reports, n, o, &err))
            continue;
        good = false;
        if (!strstr(err.msg, strerror(EPIPE)))
            pl_complain(o->command, NULL, err.msg);
    }
    return good;
}
