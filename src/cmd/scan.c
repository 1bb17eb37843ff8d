/* scan.c - `plimsoll scan [OPTIONS] TARGET...`: the main job.
 *
 * Words to options, one pl_scan_run() for each target, the reports to where they belong, and an
 * exit status that scripts can trust. Reports go to standard output, everything else to standard
 * error. */
#include "scan/scan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/write.h"
#include "report/words.h"

enum { OLD_DAYS = 7 };

/* What the words said, before it is understood. */
struct words {
    struct pl_option_list formats;
    struct pl_option_list vex;
    const char *output, *classes, *severities, *fail_on, *ignore_file, *policy;
    bool quiet, verbose, strict, help;
    struct pl_scan_opts scan;
};

struct plan {
    struct words words;
    struct pl_jobs jobs;
    char **targets;
    size_t n_targets;
    /* What the judge is given; the plan's own. */
    struct pl_ignores *ignores;
    struct pl_vex *vex;
    struct pl_policy *policy;
};

/* ---- words to a plan ---- */

static pl_rc list_classes(struct words *w, struct pl_err *err)
{
    pl_span rest = pl_span_str(w->classes), word;
    enum pl_class c;
    while (pl_span_split(&rest, ',', &word)) {
        if (!pl_class_parse(pl_span_trim(word), &c))
            return pl_fail(err, PL_EUSAGE,
                           "--class: no class \"%.*s\" (os-vuln, app-vuln, malware, sensitive, "
                           "baseline, build, trust)",
                           PL_FMT(word));
        w->scan.classes |= 1u << c;
    }
    return PL_OK;
}

/* Our own six words only: a publisher's "important" would hide a question of whose scale. */
static bool severity_word(pl_span word, enum pl_severity *out)
{
    for (int s = PL_SEVERITY_UNKNOWN; s <= PL_SEVERITY_CRITICAL; s++)
        if (pl_span_eq_nocase(word, pl_span_str(pl_severity_text((enum pl_severity)s)))) {
            *out = (enum pl_severity)s;
            return true;
        }
    return false;
}

static const char severity_words[] = "critical, high, medium, low, negligible, unknown";

static pl_rc list_severities(struct words *w, struct pl_err *err)
{
    pl_span rest = pl_span_str(w->severities), word;
    enum pl_severity s;
    while (pl_span_split(&rest, ',', &word)) {
        if (!severity_word(pl_span_trim(word), &s))
            return pl_fail(err, PL_EUSAGE, "--severity: no severity \"%.*s\" (%s)", PL_FMT(word),
                           severity_words);
        w->scan.severities |= 1u << s;
    }
    return PL_OK;
}

static pl_rc check_words(struct words *w, struct pl_err *err)
{
    pl_rc rc = w->classes ? list_classes(w, err) : PL_OK;
    if (!rc && w->severities)
        rc = list_severities(w, err);
    if (rc)
        return rc;
    bool by_policy = w->fail_on && !strcmp(w->fail_on, "policy");
    if (by_policy && !w->policy)
        return pl_fail(err, PL_EUSAGE, "--fail-on policy wants a policy: --policy FILE");
    if (w->fail_on && !by_policy && !severity_word(pl_span_str(w->fail_on), &w->scan.fail_on))
        return pl_fail(err, PL_EUSAGE, "--fail-on takes a severity (%s) or policy, not \"%s\"",
                       severity_words, w->fail_on);
    w->scan.fail_on_set = w->fail_on && !by_policy;
    pl_span os = { 0 }, arch = pl_span_str(w->scan.platform);
    if (w->scan.platform && (!pl_span_split(&arch, '/', &os) || !os.len || !arch.len))
        return pl_fail(err, PL_EUSAGE, "--platform takes OS/ARCH, such as linux/arm64, not \"%s\"",
                       w->scan.platform);
    return PL_OK;
}

static pl_rc make_plan(struct plan *p, int argc, char **argv, struct pl_err *err)
{
    struct words *w = &p->words;
    struct pl_scan_opts *s = &w->scan;
    const struct pl_option table[] = {
        { "format", 0, PL_OPTION_LIST, "FORMAT or FORMAT=FILE", &w->formats, 0 },
        { "output", 0, PL_OPTION_TEXT, "FILE", &w->output, 0 },
        { "class", 0, PL_OPTION_TEXT, "LIST", &w->classes, 0 },
        { "severity", 0, PL_OPTION_TEXT, "LIST", &w->severities, 0 },
        { "ignore-unfixed", 0, PL_OPTION_FLAG, NULL, &s->ignore_unfixed, 0 },
        { "platform", 0, PL_OPTION_TEXT, "OS/ARCH", &s->platform, 0 },
        { "db", 0, PL_OPTION_TEXT, "FILE", &s->db, 0 },
        { "fail-on", 0, PL_OPTION_TEXT, "SEVERITY", &w->fail_on, 0 },
        { "policy", 0, PL_OPTION_TEXT, "FILE", &w->policy, 0 },
        { "vex", 0, PL_OPTION_LIST, "FILE", &w->vex, 0 },
        { "ignore-file", 0, PL_OPTION_TEXT, "FILE", &w->ignore_file, 0 },
        { "strict", 0, PL_OPTION_FLAG, NULL, &w->strict, 0 },
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
    if (rc || w->help)
        return rc;
    p->targets = argv + 1;
    p->n_targets = (size_t)n;
    if (n == 0)
        return pl_fail(err, PL_EUSAGE, "no TARGET: an image, an archive or a folder");
    rc = check_words(w, err);
    return rc ? rc : pl_jobs_plan(&w->formats, w->output, p->n_targets, &p->jobs, err);
}

/* ---- the judge's files ---- */

/* Taken when it lies in the folder that somebody works in, and said: what it hides must surprise
 * nobody. */
static const char usual_ignores[] = ".plimsollignore.yaml";

static pl_rc read_ignores(struct plan *p, const struct pl_log *log, struct pl_err *err)
{
    const char *file = p->words.ignore_file;
    if (!file && access(usual_ignores, F_OK) == 0) {
        file = usual_ignores;
        pl_log(log, PL_LOG_WARNING, "findings are ignored as %s in this folder says", file);
    }
    return file ? pl_ignores_read(file, &p->ignores, err) : PL_OK;
}

static pl_rc read_vex(struct plan *p, const struct pl_log *log, struct pl_err *err)
{
    const struct pl_option_list *l = &p->words.vex;
    if (l->n == 0)
        return PL_OK;
    p->vex = pl_vex_new();
    if (!p->vex)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < l->n; i++)
        rc = pl_vex_read(p->vex, l->values[i], log, err);
    return rc;
}

/* Before the scan: who wrote a wrong word waits for nothing. */
static pl_rc read_files(struct plan *p, const struct pl_log *log, struct pl_err *err)
{
    pl_rc rc = read_ignores(p, log, err);
    if (!rc)
        rc = read_vex(p, log, err);
    if (!rc && p->words.policy)
        rc = pl_policy_read(p->words.policy, &p->policy, err);
    p->words.scan.ignores = p->ignores;
    p->words.scan.vex = p->vex;
    p->words.scan.policy = p->policy;
    return rc;
}

static void plan_done(struct plan *p)
{
    pl_ignores_free(p->ignores);
    pl_vex_free(p->vex);
    pl_policy_free(p->policy);
}

/* ---- saying things ---- */

static void complain(const char *what, const char *why) { pl_complain("scan", what, why); }

/* The sentence of a failed scan often begins with the target already. */
static void complain_of(const char *target, const struct pl_err *err)
{
    bool named = !strncmp(err->msg, target, strlen(target));
    complain(named ? NULL : target, err->msg);
}

/* Old or small knowledge is said once, with the remedy. */
static void offer_update(const struct plan *p, const struct pl_report *const *reports, size_t n)
{
    int64_t built, now;
    if (p->words.quiet || p->words.scan.offline)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct pl_database_info *db = &reports[i]->database;
        if (db->shipped) {
            fputs("plimsoll: judged by the small database that ships with the program; `plimsoll "
                  "db update` brings the full feeds\n",
                  stderr);
            return;
        }
        if (pl_words_days(db->built_at, &built) && pl_words_days(reports[i]->generated_at, &now) &&
            now - built > OLD_DAYS) {
            fprintf(stderr,
                    "plimsoll: the advisory database is %lld days old; `plimsoll db update` brings "
                    "the full feeds of today\n",
                    (long long)(now - built));
            return;
        }
    }
}

/* ---- the run ---- */

struct run {
    struct pl_scan **scans;
    const struct pl_report **reports;
    size_t n; /* of those that could be scanned */
};

static void run_done(struct run *r)
{
    for (size_t i = 0; i < r->n; i++)
        pl_scan_free(r->scans[i]);
    free(r->scans);
    free(r->reports);
}

static bool write_all(const struct plan *p, const struct run *r)
{
    const struct pl_write_opts o = { .command = "scan",
                                     .verbose = p->words.verbose,
                                     .quiet = p->words.quiet,
                                     .several = p->n_targets > 1 };
    return r->n == 0 || pl_jobs_write(&p->jobs, r->reports, r->n, &o);
}

static bool in_part(const struct pl_report *r) { return !pl_words_whole(r); }

static int exit_status(const struct plan *p, const struct run *r, bool written)
{
    bool denied = false, partial = false;
    for (size_t i = 0; i < r->n; i++) {
        denied = denied || !r->reports[i]->verdict.allowed;
        partial = partial || in_part(r->reports[i]);
    }
    if (!written || r->n < p->n_targets)
        return PL_EXIT_FAILED;
    if (denied)
        return PL_EXIT_DENIED;
    return partial && p->words.strict ? PL_EXIT_PARTIAL : PL_EXIT_OK;
}

static void scan_all(struct plan *p, struct run *r, struct pl_progress *progress)
{
    p->words.scan.limits = &PL_LIMITS;
    p->words.scan.log = pl_progress_log(progress);
    for (size_t i = 0; i < p->n_targets; i++) {
        struct pl_err err = { 0 };
        struct pl_scan *s = NULL;
        pl_progress_target(progress, p->targets[i]);
        pl_rc rc = pl_scan_run(p->targets[i], &p->words.scan, &s, &err);
        pl_progress_clear(progress);
        if (rc) {
            complain_of(p->targets[i], &err);
            continue;
        }
        r->reports[r->n] = pl_scan_report(s);
        r->scans[r->n++] = s;
    }
}

static int run_plan(struct plan *p)
{
    const char *term = getenv("TERM");
    bool bars = !p->words.quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    PL_AUTO(progress)
    struct pl_progress *progress =
        pl_progress_new(bars, p->words.verbose ? PL_LOG_DEBUG : PL_LOG_WARNING, p->words.quiet);
    struct run r = { .scans = calloc(p->n_targets, sizeof(struct pl_scan *)),
                     .reports = calloc(p->n_targets, sizeof(struct pl_report *)) };
    int status = PL_EXIT_FAILED;
    if (progress && r.scans && r.reports) {
        struct pl_err err = { 0 };
        if (read_files(p, pl_progress_log(progress), &err)) {
            complain(NULL, err.msg);
            run_done(&r);
            plan_done(p);
            return PL_EXIT_USAGE;
        }
        scan_all(p, &r, progress);
        offer_update(p, r.reports, r.n);
        status = exit_status(p, &r, write_all(p, &r));
    } else {
        complain(NULL, "out of memory");
    }
    run_done(&r);
    plan_done(p);
    return status;
}

static int run(int argc, char **argv)
{
    struct pl_err err = { 0 };
    struct plan p = { 0 };
    if (make_plan(&p, argc, argv, &err)) {
        complain(NULL, err.msg);
        return PL_EXIT_USAGE;
    }
    if (p.words.help)
        return fputs(pl_help("scan"), stdout) < 0 ? PL_EXIT_FAILED : PL_EXIT_OK;
    if (pl_jobs_check(&p.jobs, &err)) {
        complain(NULL, err.msg);
        return PL_EXIT_FAILED;
    }
    pl_catch_signals();
    return run_plan(&p);
}

const struct pl_command pl_command_scan = {
    .name = "scan",
    .what = "say what is wrong with an image, in which layer, and what mends it",
    .run = run,
};
