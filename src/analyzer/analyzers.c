#include <pthread.h>
#include <stdlib.h>

#include "analyzer/analyzer.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/rules.h"

#define ANALYZER(name) extern const struct pl_analyzer pl_analyzer_##name;
#include "analyzer/analyzers.def"
#undef ANALYZER

const struct pl_analyzer *const pl_analyzers[] = {
#define ANALYZER(name) &pl_analyzer_##name,
#include "analyzer/analyzers.def"
#undef ANALYZER
};
const size_t pl_n_analyzers = sizeof(pl_analyzers) / sizeof(pl_analyzers[0]);

/* Every glob hangs in one table under what is literal in it: its whole path, its folder, its last
 * component or that one's suffix. A file is looked up under each of these (so a handful of hashes
 * whatever the number of rows), and only the globs found there are really compared. What has
 * nothing literal at its end hangs in `rest`; no row should need that. A row for every path ("**")
 * is not compared at all: its magic decides, by the caller's look at the first bytes. */
enum by { BY_PATH, BY_FOLDER, BY_NAME, BY_SUFFIX, N_BY };

struct hook {
    const struct pl_analyzer *row;
    pl_span glob;
    struct hook *next;
};

/* One for all rows, one for those of the system alone. */
static struct router {
    struct pl_map table[N_BY];
    struct hook *rest, *every;
    bool failed; /* memory ended: nothing may be looked up in it */
} routers[2], *making;

static bool literal(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("*?{}", s.ptr[i]))
            return false;
    return true;
}

static void hang(enum by by, pl_span key, struct hook hook)
{
    struct hook *h = malloc(sizeof(*h));
    void **at = pl_map_at(&making->table[by], key);
    if (!h || !at)
        making->failed = true;
    if (making->failed)
        return;
    *h = hook;
    h->next = *at;
    *at = h;
}

static void hang_in(struct hook **list, struct hook hook)
{
    struct hook *h = malloc(sizeof(*h));
    if (!h)
        making->failed = true;
    if (making->failed)
        return;
    *h = hook;
    h->next = *list;
    *list = h;
}

/* ".jar" of "*.jar"; empty when the component does not end in a literal suffix. */
static pl_span suffix_of(pl_span name)
{
    size_t dot = pl_span_rchr(name, '.');
    pl_span suffix = dot == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(name, dot);
    return literal(suffix) ? suffix : PL_SPAN_NONE;
}

/* "*.{jar,war}" hangs under each of its suffixes. */
static bool hang_braces(struct hook hook, pl_span name)
{
    if (name.len < 5 || !pl_span_starts(name, PL_LIT("*.{")) || name.ptr[name.len - 1] != '}')
        return false;
    pl_span words = pl_span_sub(name, 3, name.len - 4), word;
    if (!literal(words) || pl_span_chr(words, '.') != SIZE_MAX)
        return false;
    while (pl_span_split(&words, ',', &word)) {
        char *key = malloc(word.len + 1);
        if (!key) {
            making->failed = true;
            return true;
        }
        key[0] = '.';
        if (word.len)
            memcpy(key + 1, word.ptr, word.len);
        hang(BY_SUFFIX, pl_span_of(key, word.len + 1), hook);
    }
    return true;
}

static void hang_glob(const struct pl_analyzer *row, pl_span glob)
{
    struct hook hook = { .row = row, .glob = glob };
    pl_span name = pl_span_basename(glob), folder = pl_span_dirname(glob);
    if (pl_span_eq(glob, PL_LIT("**")))
        hang_in(&making->every, hook);
    else if (literal(glob))
        hang(BY_PATH, glob, hook);
    else if (folder.len && literal(folder))
        hang(BY_FOLDER, folder, hook);
    else if (literal(name))
        hang(BY_NAME, name, hook);
    else if (suffix_of(name).len > 1)
        hang(BY_SUFFIX, suffix_of(name), hook);
    else if (!hang_braces(hook, name))
        hang_in(&making->rest, hook);
}

static void hang_globs(const struct pl_analyzer *row, const char *const *globs)
{
    for (const char *const *glob = globs; *glob; glob++)
        if (**glob != '!')
            hang_glob(row, pl_span_str(*glob));
}

static void make_table(bool system_only)
{
    making = &routers[system_only];
    for (size_t i = 0; i < pl_n_analyzers; i++) {
        if (system_only && pl_analyzers[i]->application)
            continue;
        hang_globs(pl_analyzers[i], pl_analyzers[i]->paths);
        if (pl_analyzers[i]->more_paths)
            hang_globs(pl_analyzers[i], pl_analyzers[i]->more_paths());
    }
}

static void make_all(void) { make_table(false); }
static void make_system(void) { make_table(true); }

static bool excluded(const struct pl_analyzer *row, pl_span path)
{
    for (const char *const *glob = row->paths; *glob; glob++)
        if (**glob == '!' && pl_glob_match(pl_span_str(*glob + 1), path))
            return true;
    return false;
}

struct found {
    const struct pl_analyzer **rows;
    size_t n, max;
};

static void add_found(struct found *f, const struct pl_analyzer *row)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rows[i] == row)
            return;
    if (f->n < f->max)
        f->rows[f->n++] = row;
}

static void ask(struct found *f, const struct hook *hooks, pl_span path)
{
    for (const struct hook *h = hooks; h; h = h->next)
        if (pl_glob_match(h->glob, path) && !excluded(h->row, path))
            add_found(f, h->row);
}

static size_t route(const struct router *r, pl_span path, const struct pl_analyzer **out,
                    size_t max)
{
    struct found f = { .rows = out, .max = max };
    pl_span name = pl_span_basename(path);
    const pl_span keys[N_BY] = { path, pl_span_dirname(path), name, suffix_of(name) };
    for (size_t by = 0; by < N_BY; by++)
        if (r->table[by].n && keys[by].len)
            ask(&f, pl_map_get(&r->table[by], keys[by]), path);
    ask(&f, r->rest, path);
    for (const struct hook *h = r->every; h; h = h->next)
        if (!excluded(h->row, path))
            add_found(&f, h->row);
    return f.n;
}

size_t pl_analyzers_for(pl_span path, const struct pl_analyzer **out, size_t max)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_all);
    return route(&routers[false], path, out, max);
}

size_t pl_analyzers_for_system(pl_span path, const struct pl_analyzer **out, size_t max)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_system);
    return route(&routers[true], path, out, max);
}

bool pl_analyzers_ready(bool system_only)
{
    const struct pl_analyzer *none[1];
    if (system_only)
        pl_analyzers_for_system(PL_SPAN_NONE, none, 0);
    else
        pl_analyzers_for(PL_SPAN_NONE, none, 0);
    return !routers[system_only].failed;
}

void pl_analyzers_revision(struct pl_buf *out)
{
    for (size_t i = 0; i < pl_n_analyzers; i++) {
        const struct pl_analyzer *row = pl_analyzers[i];
        pl_buf_printf(out, "%s%s/%u", i ? " " : "", row->name, row->revision);
        if (row->rules)
            pl_buf_printf(out, "+%s", pl_rules_digest(pl_span_str(row->rules)));
    }
}

static pl_rc read_memory(struct pl_blocks *b, pl_span *block, struct pl_err *err)
{
    struct pl_memory_blocks *m = (struct pl_memory_blocks *)b;
    (void)err;
    *block = pl_span_sub(m->rest, 0, m->piece ? m->piece : SIZE_MAX);
    m->rest = pl_span_from(m->rest, block->len);
    return PL_OK;
}

void pl_memory_blocks_init(struct pl_memory_blocks *m, pl_span bytes, size_t piece)
{
    *m = (struct pl_memory_blocks){ { .read = read_memory, .size = bytes.len }, bytes, piece };
}
