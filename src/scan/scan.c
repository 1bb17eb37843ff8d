#include "scan/scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "advisory/advisory_db.h"
#include "analyzer/analyzer.h"
#include "image/sbom.h"
#include "image/source.h"
#include "inventory/inventory_build.h"
#include "judge/judge.h"
#include "scan/layers.h"
#include "scan/seen.h"

enum {
    REPORT_MEMORY = 1u << 30
}; /* all text of one report; the inventory's own ceiling is lower */

struct pl_scan {
    struct pl_arena keep;
    struct pl_report report;
};

static bool readable(const char *path) { return access(path, R_OK) == 0; }

/* $XDG_DATA_HOME/plimsoll or ~/.local/share/plimsoll; and the like for the cache. */
static bool user_folder(const char *variable, const char *below_home, const char *name, char *buf,
                        size_t size)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    int n = -1;
    if (base && base[0] == '/')
        n = snprintf(buf, size, "%s/plimsoll%s", base, name);
    else if (home && home[0] == '/')
        n = snprintf(buf, size, "%s/%s/plimsoll%s", home, below_home, name);
    return n > 0 && (size_t)n < size;
}

/* Beside the program (a build folder), or in ../share/plimsoll (installed). */
static bool shipped_db(char *buf, size_t size)
{
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0)
        return false;
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return false;
    *slash = '\0';
    static const char *const below[] = { "", "/../share/plimsoll" };
    for (size_t i = 0; i < PL_COUNT(below); i++) {
        int k = snprintf(buf, size, "%s%s/advisories.db", exe, below[i]);
        if (k > 0 && (size_t)k < size && readable(buf))
            return true;
    }
    return false;
}

bool pl_default_db(char *buf, size_t size, bool *shipped)
{
    *shipped = false;
    if (user_folder("XDG_DATA_HOME", ".local/share", "/advisories.db", buf, size) && readable(buf))
        return true;
    *shipped = shipped_db(buf, size);
    return *shipped;
}

bool pl_default_cache(char *buf, size_t size)
{
    return user_folder("XDG_CACHE_HOME", ".cache", "", buf, size);
}

static bool wants(const struct pl_scan_opts *o, enum pl_class c)
{
    return !o->classes || (o->classes & 1u << c);
}

static pl_rc open_db(const struct pl_scan_opts *o, struct pl_scan *s, struct pl_advisory_db **out,
                     struct pl_err *err)
{
    char path[4096];
    bool shipped = false;
    if (!wants(o, PL_CLASS_OS_VULN) && !wants(o, PL_CLASS_APP_VULN))
        return PL_OK;
    if (o->db)
        snprintf(path, sizeof(path), "%s", o->db);
    else if (!pl_default_db(path, sizeof(path), &shipped))
        return PL_OK; /* packages are listed all the same, and the report says what is missing */
    pl_rc rc = pl_advisory_db_open(path, out, err);
    if (!rc)
        rc = pl_advisory_db_info(*out, &s->keep, &s->report.database, err);
    if (rc)
        return rc;
    s->report.database.shipped = shipped;
    return PL_OK;
}

static bool now(struct pl_arena *keep, pl_span *out)
{
    time_t t = time(NULL);
    struct tm tm;
    char text[32];
    gmtime_r(&t, &tm);
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return pl_arena_copy(keep, pl_span_of(text, n), out);
}

/* What changes the outcome of reading a layer, beside the layer. */
static bool rules_digest(struct pl_arena *keep, pl_span *out)
{
    struct pl_buf text __attribute__((cleanup(pl_auto_buf))) = { 0 };
    pl_analyzers_revision(&text);
    pl_digest d;
    pl_sha256(pl_buf_span(&text), &d);
    return !text.failed && pl_arena_copy(keep, pl_digest_span(&d), out);
}

static bool append_gaps(struct pl_scan *s, const struct pl_gap *gaps, size_t n)
{
    struct pl_report *r = &s->report;
    struct pl_gap *all = pl_arena_array(&s->keep, r->n_gaps + n, sizeof(*all));
    if (!all)
        return false;
    if (r->n_gaps)
        memcpy(all, r->gaps, r->n_gaps * sizeof(*all));
    if (n)
        memcpy(all + r->n_gaps, gaps, n * sizeof(*all));
    r->gaps = all;
    r->n_gaps += n;
    return true;
}

/* Classes that this scan did not judge say so; match has filled in its own. */
static void set_coverage(struct pl_scan *s, const struct pl_scan_opts *o)
{
    for (int c = 0; c < PL_N_CLASSES; c++) {
        struct pl_coverage *v = &s->report.coverage[c];
        bool judged = v->class_id == (enum pl_class)c && (v->by.len || v->detail.len);
        v->class_id = (enum pl_class)c;
        if (judged && wants(o, v->class_id))
            continue;
        v->state = PL_COVERAGE_SKIPPED;
        v->by = v->as_of = PL_SPAN_NONE;
        v->detail = wants(o, v->class_id) ? PL_LIT("this version does not judge it")
                                          : PL_LIT("not asked for");
    }
}

/* Matching knows all packages; of a class that nobody asked for nothing is said. */
static void drop_unasked(struct pl_scan *s, const struct pl_scan_opts *o)
{
    struct pl_report *r = &s->report;
    size_t n_findings = 0, n_gaps = 0;
    enum pl_class c;
    for (size_t i = 0; i < r->n_findings; i++)
        if (wants(o, r->findings[i].class_id))
            r->findings[n_findings++] = r->findings[i];
    for (size_t i = 0; i < r->n_gaps; i++)
        if (!pl_class_parse(r->gaps[i].class_name, &c) || wants(o, c))
            r->gaps[n_gaps++] = r->gaps[i];
    r->n_findings = n_findings;
    r->n_gaps = n_gaps;
}

/* Without a database nothing is known of any package, and that is what the report says. */
static pl_rc say_no_database(struct pl_scan *s, const struct pl_scan_opts *o, struct pl_err *err)
{
    static const enum pl_class needs[] = { PL_CLASS_OS_VULN, PL_CLASS_APP_VULN };
    const struct pl_gap gap = {
        .class_name = PL_LIT("os-vuln"),
        .layer = -1,
        .reason = PL_LIT("no-advisories"),
        .detail = PL_LIT("there is no advisory database here: `plimsoll db update` makes one, "
                         "--db FILE names one"),
    };
    for (size_t i = 0; i < PL_COUNT(needs); i++)
        if (wants(o, needs[i]))
            s->report.coverage[needs[i]] = (struct pl_coverage){
                .class_id = needs[i],
                .state = PL_COVERAGE_UNSUPPORTED,
                .detail = PL_LIT("no advisory database"),
            };
    if (wants(o, PL_CLASS_OS_VULN) && !append_gaps(s, &gap, 1))
        return pl_fail(err, PL_ELIMIT, "more gaps than the report holds");
    return PL_OK;
}

/* What a bill of materials knows of its image beside the packages: the ports that it exposes. */
static bool take_ports(struct pl_image *image, const struct pl_inventory *v, struct pl_arena *keep)
{
    struct pl_vec ports = PL_VEC(pl_span);
    for (size_t i = 0; i < v->n_facts; i++) {
        pl_span rest = v->facts[i].bytes, line;
        if (!pl_span_eq(v->facts[i].kind, PL_LIT(PL_SBOM_PORTS)))
            continue;
        while (pl_span_line(&rest, &line)) {
            pl_span *port = pl_vec_push(keep, &ports);
            if (!port)
                return false;
            *port = line;
        }
    }
    image->config.exposed_ports = ports.items;
    image->config.n_exposed_ports = ports.n;
    return true;
}

/* Layers to inventory to findings. */
static pl_rc judge_layers(struct pl_scan *s, struct pl_source *source,
                          const struct pl_layer_set *layers, struct pl_advisory_db *db,
                          const struct pl_scan_opts *o, const char *cache_dir, struct pl_err *err)
{
    struct pl_report *r = &s->report;
    pl_rc rc = pl_inventory_build(source->image, layers->layers, layers->n, o->limits, &s->keep,
                                  &r->inventory, err);
    if (rc)
        return rc;
    if (!append_gaps(s, source->image->gaps.items, source->image->gaps.n) ||
        !append_gaps(s, layers->gaps.items, layers->gaps.n) ||
        !append_gaps(s, r->inventory.gaps, r->inventory.n_gaps))
        return pl_fail(err, PL_ELIMIT, "more gaps than the report holds");
    if (source->document && !take_ports(source->image, &r->inventory, &s->keep))
        return pl_fail(err, PL_ELIMIT, "more ports than the report holds");
    if (source->image->gaps.n || layers->gaps.n)
        r->inventory.all_layers_read = false;
    rc = db ? pl_match_packages(db, &r->inventory, &s->keep, r, err) : say_no_database(s, o, err);
    if (rc)
        return rc;
    drop_unasked(s, o);
    set_coverage(s, o);
    if (cache_dir && source->rootfs_fd < 0 && !source->document)
        pl_seen(cache_dir, r, o->log, &s->keep);
    struct pl_judge_opts judge = { .fail_on_set = o->fail_on_set,
                                   .fail_on = o->fail_on,
                                   .severities = o->severities,
                                   .ignore_unfixed = o->ignore_unfixed,
                                   .ignores = o->ignores,
                                   .vex = o->vex,
                                   .policy = o->policy,
                                   .log = o->log };
    return pl_judge(r, &judge, &s->keep, err);
}

static pl_rc run(struct pl_scan *s, const char *target, const struct pl_scan_opts *o,
                 struct pl_err *err)
{
    PL_AUTO(advisory_db) struct pl_advisory_db *db = NULL;
    PL_AUTO(source) struct pl_source *source = NULL;
    char cache[4096];
    const char *cache_dir = o->cache_dir;
    if (!cache_dir && pl_default_cache(cache, sizeof(cache)))
        cache_dir = cache;

    pl_rc rc = open_db(o, s, &db, err);
    if (rc)
        return rc;
    struct pl_source_opts so = { .platform = o->platform,
                                 .authfile = o->authfile,
                                 .cache_dir = cache_dir,
                                 .insecure = o->insecure,
                                 .timeout_s = o->timeout_s,
                                 .limits = o->limits,
                                 .log = o->log,
                                 .arena = &s->keep };
    rc = pl_source_open(target, &so, &source, err);
    if (rc)
        return rc;
    s->report.image = source->image;
    struct pl_layer_set layers = { 0 };
    rc = pl_layers_read(source, o, o->no_cache ? NULL : cache_dir, &s->keep, &layers, err);
    if (!rc)
        rc = judge_layers(s, source, &layers, db, o, o->no_cache ? NULL : cache_dir, err);
    pl_layers_done(&layers);
    return rc;
}

pl_rc pl_scan_run(const char *target, const struct pl_scan_opts *o, struct pl_scan **out,
                  struct pl_err *err)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    PL_AUTO(scan) struct pl_scan *s = calloc(1, sizeof(*s));
    if (!s)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_arena_init(&s->keep, REPORT_MEMORY);
    if (!now(&s->keep, &s->report.generated_at) || !rules_digest(&s->keep, &s->report.rules_digest))
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = run(s, target, o, err);
    if (rc)
        return rc;
    clock_gettime(CLOCK_MONOTONIC, &end);
    s->report.seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    *out = pl_take(s);
    return PL_OK;
}

const struct pl_report *pl_scan_report(const struct pl_scan *s) { return &s->report; }

void pl_scan_free(struct pl_scan *s)
{
    if (!s)
        return;
    pl_arena_done(&s->keep);
    free(s);
}
