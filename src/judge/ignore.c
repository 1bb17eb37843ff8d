#include "judge/ignore.h"

#include <stdlib.h>

#include "base/date.h"
#include "judge/naming.h"

enum { FILE_BYTES = 8 << 20, MEMORY = 256 << 20 };

struct entry {
    pl_span id, package, path, reason;
    int class_id; /* -1: any */
    pl_span expires_text;
    int64_t expires; /* day since 1970 */
    bool has_expires;
    unsigned line;
};

struct pl_ignores {
    struct pl_arena a;
    const char *file;
    struct entry *entries;
    size_t n;
};

static pl_rc read_class(const char *file, const struct pl_yaml *y, struct entry *e,
                        struct pl_err *err)
{
    pl_span word = { 0 };
    enum pl_class c;
    e->class_id = -1;
    pl_rc rc = pl_yaml_text(file, y, "class", &word, err);
    if (rc || !word.len)
        return rc;
    if (!pl_class_parse(word, &c))
        return pl_yaml_fail(file, pl_yaml_get(y, "class"), err,
                            "no class \"%.*s\" (os-vuln, app-vuln, malware, sensitive, baseline, "
                            "build, trust)",
                            PL_FMT(word));
    e->class_id = (int)c;
    return PL_OK;
}

static pl_rc read_expiry(const char *file, const struct pl_yaml *y, struct entry *e,
                         struct pl_err *err)
{
    pl_rc rc = pl_yaml_text(file, y, "expires", &e->expires_text, err);
    e->has_expires = e->expires_text.len > 0;
    if (rc || !e->has_expires)
        return rc;
    if (!pl_date_days(e->expires_text, &e->expires))
        return pl_yaml_fail(file, pl_yaml_get(y, "expires"), err,
                            "expires wants a day such as 2027-01-31, not \"%.*s\"",
                            PL_FMT(e->expires_text));
    return PL_OK;
}

static pl_rc read_entry(const char *file, const struct pl_yaml *y, struct entry *e,
                        struct pl_err *err)
{
    static const char *const keys[] = { "id", "package", "path", "class", "reason", "expires" };
    e->line = y->line;
    pl_rc rc = pl_yaml_keys(file, y, keys, PL_COUNT(keys), err);
    rc = rc ? rc : pl_yaml_text(file, y, "id", &e->id, err);
    rc = rc ? rc : pl_yaml_text(file, y, "package", &e->package, err);
    rc = rc ? rc : pl_yaml_text(file, y, "path", &e->path, err);
    rc = rc ? rc : pl_yaml_text(file, y, "reason", &e->reason, err);
    rc = rc ? rc : read_class(file, y, e, err);
    rc = rc ? rc : read_expiry(file, y, e, err);
    if (!rc && !e->id.len && !e->package.len && !e->path.len && e->class_id < 0)
        return pl_yaml_fail(file, y, err,
                            "an entry must name at least one of id, package, path, class");
    return rc;
}

/* A list; or a map whose only key is "ignore", above the list. */
static pl_rc read_list(struct pl_ignores *g, const struct pl_yaml *top, struct pl_err *err)
{
    static const char *const keys[] = { "ignore" };
    if (top && top->kind == PL_YAML_MAP) {
        pl_rc rc = pl_yaml_keys(g->file, top, keys, 1, err);
        if (rc)
            return rc;
        top = pl_yaml_get(top, "ignore");
    }
    if (!top || (top->kind == PL_YAML_TEXT && top->plain && top->text.len == 0))
        return PL_OK; /* nothing is ignored */
    if (top->kind != PL_YAML_LIST)
        return pl_yaml_fail(g->file, top, err,
                            "a list is wanted: \"- id: CVE-...\" and \"  reason: ...\" below it");
    g->entries = pl_arena_array(&g->a, top->n ? top->n : 1, sizeof(*g->entries));
    if (!g->entries)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    for (const struct pl_yaml *y = top->first; y; y = y->next) {
        pl_rc rc = read_entry(g->file, y, &g->entries[g->n++], err);
        if (rc)
            return rc;
    }
    return PL_OK;
}

pl_rc pl_ignores_read(const char *file, struct pl_ignores **out, struct pl_err *err)
{
    PL_AUTO(ignores) struct pl_ignores *g = calloc(1, sizeof(*g));
    struct pl_yaml *top = NULL;
    pl_span text;
    if (!g)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_arena_init(&g->a, MEMORY);
    g->file = pl_arena_str(&g->a, pl_span_str(file));
    if (!g->file)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_rc rc = pl_read_whole(file, FILE_BYTES, &g->a, &text, err);
    rc = rc ? rc : pl_yaml_parse(g->file, text, &g->a, &top, err);
    rc = rc ? rc : read_list(g, top, err);
    if (!rc)
        *out = pl_take(g);
    return rc;
}

void pl_ignores_free(struct pl_ignores *g)
{
    if (!g)
        return;
    pl_arena_done(&g->a);
    free(g);
}

size_t pl_ignores_count(const struct pl_ignores *g) { return g->n; }

/* ---- applying ---- */

static bool names(const struct entry *e, const struct pl_report *r, const struct pl_finding *f)
{
    const struct pl_package *p = pl_package_of(r, f);
    if (e->class_id >= 0 && e->class_id != (int)f->class_id)
        return false;
    if (e->id.len && !pl_named_by_id(f, e->id))
        return false;
    if (e->package.len && !pl_named_by_package(p, &r->inventory.os, e->package))
        return false;
    return !e->path.len || pl_named_by_path(f, p, e->path);
}

static pl_span first_name(const struct entry *e)
{
    return e->id.len        ? e->id
           : e->package.len ? e->package
           : e->path.len    ? e->path
                            : PL_LIT("a class");
}

/* It holds through the day that it names. */
static bool expired(const struct pl_ignores *g, const struct entry *e, int64_t today,
                    const struct pl_log *log)
{
    if (!e->has_expires || today <= e->expires)
        return false;
    pl_log(log, PL_LOG_WARNING, "%s:%u: the entry for %.*s expired on %.*s and no longer applies",
           g->file, e->line, PL_FMT(first_name(e)), PL_FMT(e->expires_text));
    return true;
}

static bool suppress(const struct pl_ignores *g, const struct entry *e, struct pl_finding *f,
                     struct pl_arena *keep)
{
    char *by = pl_arena_printf(keep, "ignore-file %s line %u", g->file, e->line);
    f->suppressed_by = pl_span_str(by);
    return by && pl_arena_copy(keep, e->reason, &f->suppressed_reason);
}

pl_rc pl_ignores_apply(const struct pl_ignores *g, struct pl_report *r, const struct pl_log *log,
                       struct pl_arena *keep, struct pl_err *err)
{
    int64_t today = INT64_MAX;
    (void)pl_date_days(r->generated_at, &today);
    for (size_t k = 0; k < g->n; k++) {
        const struct entry *e = &g->entries[k];
        if (expired(g, e, today, log))
            continue;
        size_t hits = 0;
        for (size_t i = 0; i < r->n_findings; i++) {
            struct pl_finding *f = &r->findings[i];
            if (f->suppressed_by.len || !names(e, r, f))
                continue;
            hits++;
            if (!suppress(g, e, f, keep))
                return pl_fail(err, PL_ELIMIT, "the report needs more memory than one scan has");
        }
        if (!hits)
            pl_log(log, PL_LOG_DEBUG, "%s:%u: nothing here is named by the entry for %.*s", g->file,
                   e->line, PL_FMT(first_name(e)));
    }
    return PL_OK;
}
