/* diff.c - `plimsoll diff A B`: two saved reports, or two targets that are scanned now: what is
 * new, gone and changed.
 *
 *     $ plimsoll diff shop-1.4.json shop-1.5.json
 *     $ plimsoll diff --fail-on high shop-1.4.json registry.example/shop/api:1.5 */
#include "report/diff.h"

#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "cmd/progress.h"
#include "cmd/saved.h"
#include "cmd/write.h"
#include "scan/scan.h"

struct words {
    const char *format, *output, *fail_on;
    bool verbose, quiet, help;
    enum pl_severity at;
    struct pl_scan_opts scan;
};

/* One side: read or scanned. */
struct side {
    struct pl_arena keep;
    struct pl_scan *scan;
    const struct pl_report *report;
};

static void side_done(struct side *s)
{
    pl_scan_free(s->scan);
    pl_arena_done(&s->keep);
}

/* ---- words ---- */

static bool severity_word(const char *word, enum pl_severity *out)
{
    for (int s = PL_SEVERITY_UNKNOWN; s <= PL_SEVERITY_CRITICAL; s++)
        if (pl_span_eq_nocase(pl_span_str(word),
                              pl_span_str(pl_severity_text((enum pl_severity)s)))) {
            *out = (enum pl_severity)s;
            return true;
        }
    return false;
}

static pl_rc check_words(struct words *w, int n, struct pl_err *err)
{
    if (n != 2)
        return pl_fail(err, PL_EUSAGE,
                       "wants two: reports that `plimsoll scan --format json` wrote, or targets");
    if (w->format && strcmp(w->format, "table") != 0 && strcmp(w->format, "json") != 0)
        return pl_fail(err, PL_EUSAGE, "--format: no format \"%s\" (table, json)", w->format);
    if (w->fail_on && !severity_word(w->fail_on, &w->at))
        return pl_fail(err, PL_EUSAGE,
                       "--fail-on takes a severity (critical, high, medium, low, negligible, "
                       "unknown), not \"%s\"",
                       w->fail_on);
    return PL_OK;
}

static pl_rc parse_words(struct words *w, int argc, char **argv, struct pl_err *err)
{
    struct pl_scan_opts *s = &w->scan;
    const struct pl_option table[] = {
        { "format", 0, PL_OPTION_TEXT, "FORMAT", &w->format, 0 },
        { "output", 0, PL_OPTION_TEXT, "FILE", &w->output, 0 },
        { "fail-on", 0, PL_OPTION_TEXT, "SEVERITY", &w->fail_on, 0 },
        { "platform", 0, PL_OPTION_TEXT, "OS/ARCH", &s->platform, 0 },
        { "db", 0, PL_OPTION_TEXT, "FILE", &s->db, 0 },
        { "offline", 0, PL_OPTION_FLAG, NULL, &s->offline, 0 },
        { "cache-dir", 0, PL_OPTION_TEXT, "DIR", &s->cache_dir, 0 },
        { "no-cache", 0, PL_OPTION_FLAG, NULL, &s->no_cache, 0 },
        { "jobs", 0, PL_OPTION_NUMBER, "N", &s->jobs, 256 },
        { "timeout", 0, PL_OPTION_NUMBER, "SECONDS", &s->timeout_s, 7 * 86400 },
        { "authfile", 0, PL_OPTION_TEXT, "FILE", &s->authfile, 0 },
        { "insecure", 0, PL_OPTION_FLAG, NULL, &s->insecure, 0 },
        { "quiet", 'q', PL_OPTION_FLAG, NULL, &w->quiet, 0 },
        { "verbose", 'v', PL_OPTION_FLAG, NULL, &w->verbose, 0 },
        { "help", 'h', PL_OPTION_FLAG, NULL, &w->help, 0 },
    };
    int n = 0;
    pl_rc rc = pl_options_parse(table, PL_COUNT(table), argc, argv, &n, err);
    return rc || w->help ? rc : check_words(w, n, err);
}

/* ---- the sides ---- */

static pl_rc read_side(const char *file, struct side *s, struct pl_err *err)
{
    struct pl_report_set set;
    pl_rc rc = pl_saved_read(file, &s->keep, &set, err);
    if (rc)
        return rc;
    if (set.n != 1)
        return pl_fail(err, PL_EUSAGE, "%s holds %zu reports; two single ones are compared", file,
                       set.n);
    /* cppcheck-suppress autoVariables ; the items are in s->keep */
    s->report = &set.items[0];
    return PL_OK;
}

static pl_rc scan_side(const char *target, const struct words *w, struct pl_progress *progress,
                       struct side *s, struct pl_err *err)
{
    pl_progress_target(progress, target);
    pl_rc rc = pl_scan_run(target, &w->scan, &s->scan, err);
    pl_progress_clear(progress);
    if (!rc)
        s->report = pl_scan_report(s->scan);
    return rc;
}

static pl_rc get_side(const char *word, const struct words *w, struct pl_progress *progress,
                      struct side *s, struct pl_err *err)
{
    pl_arena_init(&s->keep, 4 * PL_REPORT_FILE_BYTES);
    return pl_saved_looks(word) ? read_side(word, s, err) : scan_side(word, w, progress, s, err);
}

/* ---- the run ---- */

static pl_rc write_diff(const struct words *w, const struct pl_diff *d, struct pl_err *err)
{
    struct pl_output out;
    bool json = w->format && !strcmp(w->format, "json");
    pl_rc rc = pl_output_open(&out, w->output ? w->output : "-", err);
    if (rc)
        return rc;
    struct pl_format_opts o = pl_screen_opts(out.file);
    o.verbose = w->verbose;
    rc = json ? pl_diff_json(d, out.file, err) : pl_diff_text(d, &o, out.file, err);
    if (!rc)
        return pl_output_close(&out, err);
    pl_output_drop(&out);
    return rc;
}

static pl_rc compare(struct words *w, char **argv, bool *denied, struct pl_err *err)
{
    const char *term = getenv("TERM");
    bool bars = !w->quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    PL_AUTO(progress)
    struct pl_progress *progress =
        pl_progress_new(bars, w->verbose ? PL_LOG_DEBUG : PL_LOG_WARNING, w->quiet);
    PL_AUTO(arena) struct pl_arena a;
    struct side sides[2] = { 0 };
    struct pl_diff d;
    pl_arena_init(&a, 4 * PL_REPORT_FILE_BYTES);
    if (!progress)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    w->scan.limits = &PL_LIMITS;
    w->scan.log = pl_progress_log(progress);
    pl_rc rc = get_side(argv[1], w, progress, &sides[0], err);
    if (!rc)
        rc = get_side(argv[2], w, progress, &sides[1], err);
    if (!rc)
        rc = pl_diff_make(sides[0].report, sides[1].report, &a, &d, err);
    if (!rc)
        rc = write_diff(w, &d, err);
    if (!rc)
        *denied = w->fail_on && pl_diff_new_at(&d, w->at);
    side_done(&sides[0]);
    side_done(&sides[1]);
    return rc;
}

static int run(int argc, char **argv)
{
    struct pl_err err = { 0 };
    struct words w = { 0 };
    bool denied = false;
    pl_rc rc = parse_words(&w, argc, argv, &err);
    if (!rc && w.help)
        return fputs(pl_help("diff"), stdout) < 0 ? PL_EXIT_FAILED : PL_EXIT_OK;
    pl_catch_signals();
    if (!rc)
        rc = pl_output_check(w.output ? w.output : "-", &err);
    if (!rc)
        rc = compare(&w, argv, &denied, &err);
    if (!rc)
        return denied ? PL_EXIT_DENIED : PL_EXIT_OK;
    pl_complain("diff", NULL, err.msg);
    return rc == PL_EUSAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

const struct pl_command pl_command_diff = {
    .name = "diff",
    .what = "compare two reports or targets: what is new, gone, changed",
    .run = run,
};
