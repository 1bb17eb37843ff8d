/* convert.c - `plimsoll convert REPORT.json [--format FORMAT]`: a saved report in any other format.
 *
 *     $ plimsoll scan --format json=shop.json shop.tar
 *     $ plimsoll convert shop.json --format sarif --output shop.sarif */
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/saved.h"
#include "cmd/write.h"

struct words {
    struct pl_option_list formats;
    const char *output;
    bool verbose, help;
};

static int fail(const struct pl_err *err)
{
    pl_complain("convert", NULL, err->msg);
    return err->rc == PL_EUSAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static pl_rc parse_words(struct words *w, int argc, char **argv, struct pl_err *err)
{
    const struct pl_option table[] = {
        { "format", 0, PL_OPTION_LIST, "FORMAT or FORMAT=FILE", &w->formats, 0 },
        { "output", 0, PL_OPTION_TEXT, "FILE", &w->output, 0 },
        { "verbose", 'v', PL_OPTION_FLAG, NULL, &w->verbose, 0 },
        { "help", 'h', PL_OPTION_FLAG, NULL, &w->help, 0 },
    };
    int n = 0;
    pl_rc rc = pl_options_parse(table, PL_COUNT(table), argc, argv, &n, err);
    if (rc || w->help)
        return rc;
    return n == 1 ? PL_OK
                  : pl_fail(err, PL_EUSAGE,
                            "wants one REPORT.json that `plimsoll scan --format json` wrote");
}

static pl_rc convert(const struct words *w, const char *file, bool *written, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena keep;
    PL_AUTO(free) void *room = NULL;
    struct pl_report_set set = { 0 };
    struct pl_jobs jobs;
    pl_arena_init(&keep, 4 * PL_REPORT_FILE_BYTES);
    /* Words first: a wrong one needs no report. */
    pl_rc rc = pl_jobs_plan(&w->formats, w->output, 1, &jobs, err);
    if (!rc)
        rc = pl_jobs_check(&jobs, err);
    if (!rc)
        rc = pl_saved_read(file, &keep, &set, err);
    if (!rc)
        rc = pl_jobs_plan(&w->formats, w->output, set.n, &jobs, err);
    if (rc)
        return rc;
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): freed when the scope ends */
    const struct pl_report **reports = room = calloc(set.n + 1, sizeof(*reports));
    if (!reports)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (size_t i = 0; i < set.n; i++)
        reports[i] = &set.items[i];
    const struct pl_write_opts o = { .command = "convert",
                                     .verbose = w->verbose,
                                     .several = set.list };
    *written = pl_jobs_write(&jobs, reports, set.n, &o);
    return PL_OK;
}

static int run(int argc, char **argv)
{
    struct pl_err err = { 0 };
    struct words w = { 0 };
    bool written = false;
    if (parse_words(&w, argc, argv, &err))
        return fail(&err);
    if (w.help)
        return fputs(pl_help("convert"), stdout) < 0 ? PL_EXIT_FAILED : PL_EXIT_OK;
    pl_catch_signals();
    if (convert(&w, argv[1], &written, &err))
        return fail(&err);
    return written ? PL_EXIT_OK : PL_EXIT_FAILED;
}

const struct pl_command pl_command_convert = {
    .name = "convert",
    .what = "write a saved report in any other format",
    .run = run,
};
