/* db.c - `plimsoll db build|update|status|show|search`
 *
 *     $ plimsoll db status
 *     advisories.db, built 2026-11-22T08:00:00Z, sha256:9c1b7e...
 *
 *     FEED          RECORDS  PUBLISHED
 *     debian         43,112  2026-11-21
 *     secdb          31,004  2026-11-22
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advisory/advisory_db.h"
#include "cmd/command.h"
#include "scan/db_update.h"
#include "scan/scan.h"

enum { COLUMNS = 100, OUTPUT_BYTES = 256 << 20 };

struct words {
    const char *db, *feeds, *output, *only;
    bool quiet, verbose, force, offline, insecure;
    unsigned timeout_s;
    char **rest;
    int n_rest;
};

/* ---- printing ---- */

/* Names and texts are a publisher's bytes: nothing of them may steer the terminal. */
static void put_text(pl_span s, size_t width)
{
    size_t shown = 0;
    for (size_t i = 0; i < s.len && shown < width; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool control = c < 0x20 || c == 0x7f ||
                       (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0);
        putchar(control ? ' ' : c);
        shown += (c & 0xc0) != 0x80;
    }
}

static size_t columns_of(pl_span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void put_cell(pl_span s, size_t width)
{
    size_t n = columns_of(s);
    put_text(s, width);
    for (; n < width; n++)
        putchar(' ');
}

/* Words of a paragraph, at most COLUMNS wide. */
static void put_paragraph(pl_span s, const char *indent)
{
    pl_span word;
    size_t at = 0, left = strlen(indent);
    while (pl_span_word(&s, &word)) {
        size_t n = columns_of(word);
        if (at && at + 1 + n > COLUMNS) {
            putchar('\n');
            at = 0;
        }
        if (at == 0) {
            fputs(indent, stdout);
            at = left;
        } else {
            putchar(' ');
            at++;
        }
        put_text(word, COLUMNS - left);
        at += n;
    }
    if (at)
        putchar('\n');
}

static const char *grouped(uint64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static int fail(const struct pl_err *err)
{
    fflush(stdout);
    fprintf(stderr, "plimsoll db: %s\n", err->msg);
    return err->rc == PL_EUSAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "plimsoll db: %s%s (plimsoll db --help)\n", why, what);
    return PL_EXIT_USAGE;
}

static int finish(void)
{
    if (ferror(stdout) || fflush(stdout)) {
        fprintf(stderr, "plimsoll db: standard output: %s\n", strerror(errno));
        return PL_EXIT_FAILED;
    }
    return PL_EXIT_OK;
}

static pl_rc open_db(const struct words *w, struct pl_advisory_db **out, struct pl_err *err)
{
    char path[4096];
    bool shipped;
    if (!w->db && !pl_default_db(path, sizeof(path), &shipped))
        return pl_fail(err, PL_EABSENT,
                       "there is no advisory database yet: `plimsoll db update` "
                       "downloads one, --db FILE names one");
    return pl_advisory_db_open(w->db ? w->db : path, out, err);
}

/* ---- build ---- */

static void log_event(void *ctx, enum pl_level level, const char *text)
{
    const struct words *w = ctx;
    if (w->quiet || (level == PL_LOG_DEBUG && !w->verbose))
        return;
    for (const char *p = text; *p; p++)
        fputc((unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p, stderr);
    fputc('\n', stderr);
}

/* A build that is interrupted leaves nothing behind. */
static void on_signal(int number)
{
    pl_advisory_db_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction a = { .sa_handler = on_signal };
    for (size_t i = 0; i < PL_COUNT(numbers); i++)
        sigaction(numbers[i], &a, NULL);
}

static int build(struct words *w)
{
    struct pl_err err = { 0 };
    struct pl_db_build_report r;
    struct pl_log log = { .event = log_event, .ctx = w };
    char records[32], skipped[32];
    if (!w->feeds || !w->output || w->n_rest)
        return usage("build needs --feeds DIR and --output FILE", "");
    catch_signals();
    if (pl_db_build(w->feeds, w->output, &PL_LIMITS, &log, &r, &err))
        return fail(&err);
    if (!w->quiet)
        fprintf(stderr, "%s: %s records of %llu files, %s skipped\n", w->output,
                grouped(r.records, records), (unsigned long long)r.files,
                grouped(r.skipped, skipped));
    return PL_EXIT_OK;
}

/* ---- update ---- */

/* $XDG_DATA_HOME/plimsoll or ~/.local/share/plimsoll, made when it is not there. */
static bool data_folder(char *buf, size_t size)
{
    const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = -1;
    if (base && base[0] == '/')
        n = snprintf(buf, size, "%s/plimsoll", base);
    else if (home && home[0] == '/')
        n = snprintf(buf, size, "%s/.local/share/plimsoll", home);
    if (n <= 0 || (size_t)n >= size)
        return false;
    for (char *p = buf + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(buf, 0755);
            *p = '/';
        }
    return mkdir(buf, 0755) == 0 || errno == EEXIST;
}

static int update(struct words *w)
{
    char folder[4000], feeds[4096], output[4096];
    struct pl_err err = { 0 };
    struct pl_db_update_report r;
    struct pl_log log = { .event = log_event, .ctx = w };
    char records[32];
    if (w->n_rest)
        return usage("update takes no argument: ", w->rest[0]);
    if ((!w->feeds || !w->output) && !data_folder(folder, sizeof(folder)))
        return usage("no home folder to keep feeds in: name --feeds DIR and --output FILE", "");
    snprintf(feeds, sizeof(feeds), "%s/feeds", folder);
    snprintf(output, sizeof(output), "%s/advisories.db", folder);
    struct pl_db_update_opts o = {
        .feeds_dir = w->feeds ? w->feeds : feeds,
        .output = w->output ? w->output : output,
        .only = w->only,
        .force = w->force,
        .offline = w->offline,
        .insecure = w->insecure,
        .timeout_s = w->timeout_s,
        .limits = &PL_LIMITS,
        .log = &log,
    };
    catch_signals();
    if (pl_db_update(&o, &r, &err))
        return fail(&err);
    if (w->quiet)
        return PL_EXIT_OK;
    fprintf(stderr, "%u files new, %u unchanged, %u could not be had\n", r.fetched, r.unchanged,
            r.failed);
    if (r.built)
        fprintf(stderr, "%s: %s records\n", o.output, grouped(r.build.records, records));
    return PL_EXIT_OK;
}

/* ---- status ---- */

static int status(struct words *w)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = NULL;
    PL_AUTO(arena) struct pl_arena a;
    struct pl_database_info info;
    struct pl_err err = { 0 };
    char number[32];
    pl_arena_init(&a, OUTPUT_BYTES);
    if (w->n_rest)
        return usage("status takes no argument: ", w->rest[0]);
    if (open_db(w, &db, &err) || pl_advisory_db_info(db, &a, &info, &err))
        return fail(&err);
    printf("database  ");
    put_text(info.path, COLUMNS - 10);
    printf("\nbuilt     ");
    put_text(info.built_at, COLUMNS - 10);
    printf("\ndigest    ");
    put_text(info.digest, COLUMNS - 10);
    printf("\n\n%-20s %14s  %s\n", "FEED", "RECORDS", "PUBLISHED");
    for (size_t i = 0; i < info.n_feeds; i++) {
        put_cell(info.feeds[i].name, 20);
        printf(" %14s  ", grouped(info.feeds[i].records, number));
        put_text(info.feeds[i].published_at.len ? info.feeds[i].published_at : PL_LIT("-"), 30);
        putchar('\n');
    }
    return finish();
}

/* ---- show, search ---- */

struct rows {
    pl_span last;
    char id[256];
    size_t n;
};

static void show_row(void *ctx, const struct pl_advisory_row *r)
{
    struct rows *rows = ctx;
    if (!pl_span_eq(pl_span_str(rows->id), pl_span_sub(r->id, 0, sizeof(rows->id) - 1))) {
        snprintf(rows->id, sizeof(rows->id), "%.*s", PL_FMT(r->id));
        putchar('\n');
        put_text(r->id, 60);
        printf("  (");
        put_text(r->feed, 30);
        printf(")\n");
        put_paragraph(r->title, "  ");
    }
    rows->n++;
    if (r->package.len == 0)
        return;
    printf("  ");
    put_cell(r->stream, 18);
    putchar(' ');
    put_cell(r->package, 26);
    putchar(' ');
    put_cell(r->status, 13);
    putchar(' ');
    put_cell(r->severity, 10);
    putchar(' ');
    put_text(r->fixed.len ? r->fixed : r->note, COLUMNS - 74);
    putchar('\n');
}

static void show_facts(const struct pl_vuln_facts *f)
{
    put_text(f->id, COLUMNS);
    printf("%s%s\n", f->rejected ? "  rejected" : "",
           f->known_exploited
               ? (f->ransomware ? "  known exploited, by ransomware too" : "  known exploited")
               : "");
    put_paragraph(f->title, "  ");
    put_paragraph(f->description, "  ");
    if (f->severity != PL_SEVERITY_UNKNOWN)
        printf("  severity   %s\n", pl_severity_text(f->severity));
    for (size_t i = 0; i < f->n_cvss; i++) {
        double score = f->cvss[i].score >= 0 ? f->cvss[i].score : pl_cvss_score(f->cvss[i].vector);
        printf("  cvss       %.1f  ", score);
        put_text(f->cvss[i].vector, 60);
        putchar(' ');
        put_text(f->cvss[i].source, 20);
        putchar('\n');
    }
    if (f->epss >= 0)
        printf("  epss       %.4f, percentile %.4f\n", f->epss, f->epss_percentile);
    if (f->published.len) {
        printf("  published  ");
        put_text(f->published, 40);
        putchar('\n');
    }
    for (size_t i = 0; i < f->n_references && i < 10; i++) {
        printf("  ");
        put_text(f->references[i], COLUMNS - 2);
        putchar('\n');
    }
}

/* Rows come before the facts are complete, so they wait. */
struct kept_rows {
    struct pl_arena *a;
    struct pl_vec rows;
    bool full;
};

static void keep_row(void *ctx, const struct pl_advisory_row *r)
{
    struct kept_rows *k = ctx;
    struct pl_advisory_row *at = pl_vec_push(k->a, &k->rows);
    k->full |= !at || !pl_arena_copy(k->a, r->id, &at->id) ||
               !pl_arena_copy(k->a, r->feed, &at->feed) ||
               !pl_arena_copy(k->a, r->title, &at->title) ||
               !pl_arena_copy(k->a, r->stream, &at->stream) ||
               !pl_arena_copy(k->a, r->package, &at->package) ||
               !pl_arena_copy(k->a, r->fixed, &at->fixed) ||
               !pl_arena_copy(k->a, r->status, &at->status) ||
               !pl_arena_copy(k->a, r->severity, &at->severity) ||
               !pl_arena_copy(k->a, r->note, &at->note);
}

static int show(struct words *w)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = NULL;
    PL_AUTO(arena) struct pl_arena a;
    struct pl_err err = { 0 };
    struct pl_vuln_facts facts;
    struct rows rows = { 0 };
    pl_arena_init(&a, OUTPUT_BYTES);
    struct kept_rows kept = { .a = &a, .rows = PL_VEC(struct pl_advisory_row) };
    if (w->n_rest != 1)
        return usage("show needs one ID, such as CVE-2021-44228", "");
    if (open_db(w, &db, &err) ||
        pl_advisory_db_show(db, pl_span_str(w->rest[0]), &a, &facts, keep_row, &kept, &err))
        return fail(&err);
    if (kept.full)
        return pl_fail(&err, PL_ELIMIT, "%s: too much to show", w->rest[0]), fail(&err);
    show_facts(&facts);
    for (size_t i = 0; i < kept.rows.n; i++)
        show_row(&rows, (struct pl_advisory_row *)kept.rows.items + i);
    return finish();
}

static void search_row(void *ctx, const struct pl_advisory_row *r)
{
    struct rows *rows = ctx;
    rows->n++;
    put_cell(r->id.len ? r->id : r->package, 30);
    putchar(' ');
    if (r->id.len && r->stream.len) { /* found by another of its names */
        put_text(r->stream, 30);
        putchar(' ');
    }
    put_text(r->id.len ? r->title : r->stream, COLUMNS - 62);
    putchar('\n');
}

static int search(struct words *w)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = NULL;
    struct pl_err err = { 0 };
    struct rows rows = { 0 };
    if (w->n_rest != 1)
        return usage("search needs one WORD", "");
    if (open_db(w, &db, &err) ||
        pl_advisory_db_search(db, pl_span_str(w->rest[0]), search_row, &rows, &err))
        return fail(&err);
    if (rows.n == 0)
        fprintf(stderr, "plimsoll db: nothing in the database is named like \"%s\"\n", w->rest[0]);
    return finish();
}

/* ---- words ---- */

static const struct {
    const char *name;
    int (*run)(struct words *w);
} verbs[] = { { "build", build },
              { "update", update },
              { "status", status },
              { "show", show },
              { "search", search } };

enum {
    OPT_HELP = 'h',
    OPT_DB = 256,
    OPT_FEEDS,
    OPT_OUTPUT,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_ONLY,
    OPT_FORCE,
    OPT_OFFLINE,
    OPT_INSECURE,
    OPT_TIMEOUT
};

static const struct option options[] = {
    { "help", no_argument, NULL, OPT_HELP },
    { "db", required_argument, NULL, OPT_DB },
    { "feeds", required_argument, NULL, OPT_FEEDS },
    { "output", required_argument, NULL, OPT_OUTPUT },
    { "quiet", no_argument, NULL, OPT_QUIET },
    { "verbose", no_argument, NULL, OPT_VERBOSE },
    { "only", required_argument, NULL, OPT_ONLY },
    { "force", no_argument, NULL, OPT_FORCE },
    { "offline", no_argument, NULL, OPT_OFFLINE },
    { "insecure", no_argument, NULL, OPT_INSECURE },
    { "timeout", required_argument, NULL, OPT_TIMEOUT },
    { NULL, 0, NULL, 0 },
};

/* False: wrong, and said so. */
static bool read_words(int argc, char **argv, struct words *w, bool *help)
{
    int c;
    uint64_t seconds;
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (c) {
        case OPT_HELP: *help = true; break;
        case OPT_DB: w->db = optarg; break;
        case OPT_FEEDS: w->feeds = optarg; break;
        case OPT_OUTPUT: w->output = optarg; break;
        case OPT_QUIET: w->quiet = true; break;
        case OPT_VERBOSE: w->verbose = true; break;
        case OPT_ONLY: w->only = optarg; break;
        case OPT_FORCE: w->force = true; break;
        case OPT_OFFLINE: w->offline = true; break;
        case OPT_INSECURE: w->insecure = true; break;
        case OPT_TIMEOUT:
            if (!pl_span_decimal(pl_span_str(optarg), 1000000, &seconds)) {
                usage("--timeout takes seconds: ", optarg);
                return false;
            }
            w->timeout_s = (unsigned)seconds;
            break;
        case ':': usage("a value is missing after ", argv[optind - 1]); return false;
        default: usage("no such option: ", argv[optind - 1]); return false;
        }
    }
    w->rest = argv + optind;
    w->n_rest = argc - optind;
    return true;
}

static int run(int argc, char **argv)
{
    struct words w = { 0 };
    bool help = false;
    if (!read_words(argc, argv, &w, &help))
        return PL_EXIT_USAGE;
    if (help) {
        fputs(pl_help("db"), stdout);
        return finish();
    }
    if (w.n_rest == 0)
        return usage("which one: build, update, status, show or search?", "");
    const char *verb = *w.rest++;
    w.n_rest--;
    for (size_t i = 0; i < PL_COUNT(verbs); i++)
        if (!strcmp(verbs[i].name, verb))
            return verbs[i].run(&w);
    return usage("no such word: ", verb);
}

const struct pl_command pl_command_db = {
    .name = "db",
    .what = "build or update the advisory database, and ask it",
    .run = run,
};
