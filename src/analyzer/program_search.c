/* program_search.c - rules/programs/ at work: the literals of all rules are found in one pass
 * (Vectorscan), a rule's pattern (PCRE2) runs on a window around a hit alone.
 *
 * Made once per process, before the first layer's child: it costs milliseconds, and the child may
 * neither open files nor make memory executable. The children inherit it. */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs.h>
#include <pcre2.h>

#include "analyzer/program.h"
#include "model/program_rules.h"

enum {
    TRIES = 20000, /* patterns tried on one file: a file of nothing but literals ends there */
    MATCH_LIMIT = 20000,
    MAX_VERSION = 64,
    MAX_GLOB_ROWS = 4096,
};

static const struct {
    const char *bytes;
    size_t len;
} marks[PL_N_MARKS] = {
    [PL_MARK_GO] = { PL_GO_MAGIC, 14 }, [PL_MARK_CRATE] = { "cargo/registry/src/", 19 }
};

/* One use of a literal: a rule's find, or one of its `also`. */
struct use {
    uint32_t rule, index;
    bool also;
    struct use *next;
};

struct literal {
    pl_span text;
    int mark; /* -1: none */
    struct use *uses;
};

struct compiled {
    pcre2_code *path;
    pcre2_code **find;
};

static struct {
    const struct pl_program_rule *rules;
    size_t n_rules;
    struct compiled *compiled;
    struct pl_vec literals;
    hs_database_t *db;
    hs_scratch_t *scratch; /* a layer is read by one thread */
    pcre2_match_data *match;
    pcre2_match_context *context;
    const char **text_globs, **name_globs;
    size_t n_text_globs, n_name_globs;
    /* Rules by the last component of their globs, where that is literal; the rest are few. */
    struct pl_map by_name; /* -> struct glob */
    struct glob *rest;
    struct pl_arena arena;
    struct pl_err err;
} engine;

struct glob {
    uint32_t rule;
    pl_span text;
    struct glob *next;
};

/* ---- making it ---- */

static pl_rc full(void) { return pl_fail(&engine.err, PL_ENOMEM, "no room for the rules"); }

static pl_rc compile(const struct pl_program_rule *rule, pl_span pattern, pcre2_code **out)
{
    int code;
    PCRE2_SIZE at;
    *out = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, 0, &code, &at, NULL);
    if (!*out) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(code, why, sizeof(why));
        return pl_fail(&engine.err, PL_EFORMAT, "%s: %.*s: at %zu of \"%.*s\": %s", rule->file,
                       PL_FMT(rule->name), (size_t)at, PL_FMT(pattern), (char *)why);
    }
    pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without it the interpreter serves */
    return PL_OK;
}

static struct literal *literal_at(pl_span text)
{
    struct literal *l = engine.literals.items;
    for (size_t i = 0; i < engine.literals.n; i++)
        if (pl_span_eq(l[i].text, text))
            return &l[i];
    l = pl_vec_push(&engine.arena, &engine.literals);
    if (l)
        *l = (struct literal){ .text = text, .mark = -1 };
    return l;
}

static pl_rc use_literal(pl_span text, struct use use)
{
    struct literal *l = literal_at(text);
    struct use *u = pl_arena_alloc(&engine.arena, sizeof(*u));
    if (!l || !u)
        return full();
    *u = use;
    u->next = l->uses;
    l->uses = u;
    return PL_OK;
}

static bool plain(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("*?{}", s.ptr[i]))
            return false;
    return s.len;
}

static pl_rc hang(uint32_t rule, pl_span glob)
{
    struct glob *g = pl_arena_alloc(&engine.arena, sizeof(*g));
    pl_span name = pl_span_basename(glob);
    if (!g)
        return full();
    void **at = plain(name) ? pl_map_at(&engine.by_name, name) : (void **)(void *)&engine.rest;
    if (!at)
        return full();
    *g = (struct glob){ .rule = rule, .text = glob, .next = *at };
    *at = g;
    return PL_OK;
}

static pl_rc add_globs(const struct pl_program_rule *rule, uint32_t index)
{
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < rule->n_files; i++) {
        rc = hang(index, rule->files[i]);
        if (rule->by_name && engine.n_name_globs < MAX_GLOB_ROWS)
            engine.name_globs[engine.n_name_globs++] = rule->files[i].ptr;
        else if (rule->text && engine.n_text_globs < MAX_GLOB_ROWS)
            engine.text_globs[engine.n_text_globs++] = rule->files[i].ptr;
    }
    return rc;
}

static pl_rc add_rule(uint32_t index)
{
    const struct pl_program_rule *rule = &engine.rules[index];
    struct compiled *c = &engine.compiled[index];
    pl_rc rc = add_globs(rule, index);
    if (!rc && rule->path.len)
        rc = compile(rule, rule->path, &c->path);
    c->find = pl_arena_array(&engine.arena, rule->n_find + 1, sizeof(pcre2_code *));
    if (!c->find)
        return full();
    for (uint32_t i = 0; !rc && i < rule->n_find; i++) {
        rc = compile(rule, rule->find[i].version, &c->find[i]);
        if (!rc && rule->find[i].near.len)
            rc = use_literal(rule->find[i].near, (struct use){ .rule = index, .index = i });
    }
    for (uint32_t i = 0; !rc && i < rule->n_also; i++)
        rc = use_literal(rule->also[i], (struct use){ .rule = index, .index = i, .also = true });
    if (rule->n_also > 32)
        rc = pl_fail(&engine.err, PL_ELIMIT, "%s: %.*s: more than 32 in `also`", rule->file,
                     PL_FMT(rule->name));
    return rc;
}

/* The interface for literals takes one that begins with NUL for empty, so each goes as a pattern of
 * nothing but bytes, which the library turns back into a literal. */
static const char *as_pattern(pl_span s)
{
    char *out = pl_arena_array(&engine.arena, s.len + 1, 4), *at = out;
    for (size_t i = 0; out && i < s.len; i++, at += 4)
        snprintf(at, 5, "\\x%02x", (unsigned char)s.ptr[i]);
    return out;
}

static pl_rc compile_literals(void)
{
    const struct literal *l = engine.literals.items;
    size_t n = engine.literals.n;
    const char **texts = pl_arena_array(&engine.arena, n, sizeof(*texts));
    unsigned *ids = pl_arena_array(&engine.arena, n, sizeof(*ids));
    hs_compile_error_t *why = NULL;
    if (!texts || !ids)
        return full();
    for (size_t i = 0; i < n; i++) {
        texts[i] = as_pattern(l[i].text);
        ids[i] = (unsigned)i;
        if (!texts[i])
            return full();
    }
    if (hs_compile_multi(texts, NULL, ids, (unsigned)n, HS_MODE_BLOCK, NULL, &engine.db, &why) !=
        HS_SUCCESS) {
        pl_rc rc = pl_fail(&engine.err, PL_EFORMAT, "the rules' literals: %s",
                           why ? why->message : "not compiled");
        hs_free_compile_error(why);
        return rc;
    }
    return hs_alloc_scratch(engine.db, &engine.scratch) == HS_SUCCESS ? PL_OK : full();
}

static pl_rc make_engine(void)
{
    const char *why;
    engine.rules = pl_program_rules(&engine.n_rules, &why);
    if (!engine.rules)
        return pl_fail(&engine.err, PL_EFORMAT, "%s", why);
    engine.literals = PL_VEC(struct literal);
    engine.compiled = pl_arena_array(&engine.arena, engine.n_rules, sizeof(*engine.compiled));
    engine.text_globs = pl_arena_array(&engine.arena, MAX_GLOB_ROWS + 1, sizeof(char *));
    engine.name_globs = pl_arena_array(&engine.arena, MAX_GLOB_ROWS + 1, sizeof(char *));
    engine.match = pcre2_match_data_create(4, NULL);
    engine.context = pcre2_match_context_create(NULL);
    if (!engine.compiled || !engine.text_globs || !engine.name_globs || !engine.match ||
        !engine.context)
        return full();
    pcre2_set_match_limit(engine.context, MATCH_LIMIT);
    for (int i = 0; i < PL_N_MARKS; i++) {
        struct literal *l = literal_at(pl_span_of(marks[i].bytes, marks[i].len));
        if (!l)
            return full();
        l->mark = i;
    }
    pl_rc rc = PL_OK;
    for (uint32_t i = 0; !rc && i < engine.n_rules; i++)
        rc = add_rule(i);
    return rc ? rc : compile_literals();
}

static void make(void)
{
    static const char *const none[] = { NULL };
    pl_arena_init(&engine.arena, 64 * PL_MIB);
    if (make_engine() || !engine.text_globs || !engine.name_globs) {
        engine.text_globs = engine.name_globs = (const char **)(uintptr_t)none;
        if (!engine.err.rc)
            full();
    }
}

void pl_search_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
}

const char *const *pl_search_globs(bool by_name)
{
    pl_search_prepare();
    return by_name ? engine.name_globs : engine.text_globs;
}

/* ---- one file ---- */

struct state {
    uint32_t rule;
    uint32_t also;  /* bit i: also[i] was seen */
    pl_span begins; /* how the version must begin; empty: any */
    pl_span version;
};

struct pl_search {
    const struct pl_input *in;
    struct state *states; /* of the rules that speak of this path */
    size_t n_states, n_tries;
    bool tired;
    /* while bytes are searched */
    pl_span bytes;
    size_t from, to;
    pl_rc (*mark)(void *ctx, unsigned id, size_t end, struct pl_err *err);
    void *ctx;
    struct pl_err *err;
    pl_rc rc;
};

/* The first group of the pattern in s, else the whole of what it matched; false: not there. */
static bool matched(const pcre2_code *re, pl_span s, pl_span *out)
{
    int n = pcre2_match(re, (PCRE2_SPTR)s.ptr, s.len, 0, 0, engine.match, engine.context);
    if (n < 1)
        return false;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(engine.match);
    unsigned group = n > 1 && at[2] != PCRE2_UNSET ? 1 : 0;
    *out = pl_span_sub(s, at[2 * group], at[2 * group + 1] - at[2 * group]);
    return true;
}

static pl_rc add_state(struct pl_search *s, uint32_t rule)
{
    const struct pl_program_rule *r = &engine.rules[rule];
    for (size_t i = 0; i < s->n_states; i++)
        if (s->states[i].rule == rule)
            return PL_OK;
    struct state *st = &s->states[s->n_states];
    *st = (struct state){ .rule = rule };
    if (r->path.len && !matched(engine.compiled[rule].path, s->in->path, &st->begins) && r->by_name)
        return PL_OK;
    s->n_states++;
    return PL_OK;
}

static void ask(struct pl_search *s, const struct glob *globs, bool elf, bool by_name)
{
    for (const struct glob *g = globs; g; g = g->next) {
        const struct pl_program_rule *r = &engine.rules[g->rule];
        if (r->by_name == by_name && (by_name || r->text == !elf) &&
            pl_glob_match(g->text, s->in->path))
            add_state(s, g->rule);
    }
}

static struct pl_search *open_search(const struct pl_input *in, bool elf, bool by_name,
                                     struct pl_err *err)
{
    pl_search_prepare();
    if (engine.err.rc) {
        *err = engine.err;
        return NULL;
    }
    struct pl_search *s = pl_arena_alloc(in->tmp, sizeof(*s));
    if (s)
        s->states = pl_arena_array(in->tmp, engine.n_rules, sizeof(*s->states));
    if (!s || !s->states) {
        pl_fail(err, PL_ELIMIT, "no room to search a program");
        return NULL;
    }
    s->in = in;
    ask(s, pl_map_get(&engine.by_name, pl_span_basename(in->path)), elf, by_name);
    ask(s, engine.rest, elf, by_name);
    return s;
}

struct pl_search *pl_search_open(const struct pl_input *in, bool elf, struct pl_err *err)
{
    return open_search(in, elf, false, err);
}

static struct state *state_of(struct pl_search *s, uint32_t rule)
{
    for (size_t i = 0; i < s->n_states; i++)
        if (s->states[i].rule == rule)
            return &s->states[i];
    return NULL;
}

static bool version_like(pl_span v)
{
    return v.len && v.len <= MAX_VERSION && isalnum((unsigned char)v.ptr[0]) &&
           pl_program_text(v, MAX_VERSION) && pl_span_chr(v, ' ') == SIZE_MAX;
}

/* "3.11" begins "3.11.2", not "3.110.1". */
static bool begins(pl_span version, pl_span with)
{
    return pl_span_starts(version, with) && (with.len == 0 || version.len == with.len ||
                                             !isdigit((unsigned char)version.ptr[with.len]));
}

static void try_on(struct pl_search *s, struct state *st, uint32_t find, pl_span window)
{
    pl_span version, kept;
    if (matched(engine.compiled[st->rule].find[find], window, &version) && version_like(version) &&
        begins(version, st->begins) && pl_arena_copy(s->in->tmp, version, &kept))
        st->version = kept;
}

/* What needs no literal: the beginnings of texts. */
static void try_beginning(struct pl_search *s)
{
    enum { BEGINNING = 4096 };
    for (size_t i = 0; i < s->n_states; i++) {
        struct state *st = &s->states[i];
        const struct pl_program_rule *r = &engine.rules[st->rule];
        for (uint32_t k = 0; k < r->n_find && !st->version.len; k++)
            if (!r->find[k].near.len)
                try_on(s, st, k, pl_span_sub(s->bytes, 0, BEGINNING));
    }
}

static void try_find(struct pl_search *s, struct state *st, const struct use *u, size_t end)
{
    size_t len = engine.rules[u->rule].find[u->index].near.len, start = end - len;
    size_t from = start > PL_WINDOW_BEFORE ? start - PL_WINDOW_BEFORE : 0;
    if (s->n_tries++ < TRIES)
        try_on(s, st, u->index, pl_span_sub(s->bytes, from, end + PL_WINDOW_AFTER - from));
    else
        s->tired = true;
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                  void *ctx)
{
    struct pl_search *s = ctx;
    const struct literal *l = (const struct literal *)engine.literals.items + id;
    (void)from;
    (void)flags;
    if (to <= s->from || to > s->to)
        return 0;
    if (l->mark >= 0)
        s->rc = s->mark(s->ctx, (unsigned)l->mark, (size_t)to, s->err);
    for (const struct use *u = l->uses; u && !s->rc; u = u->next) {
        struct state *st = state_of(s, u->rule);
        if (st && u->also)
            st->also |= UINT32_C(1) << u->index;
        else if (st && !st->version.len)
            try_find(s, st, u, (size_t)to);
    }
    return s->rc != PL_OK;
}

pl_rc pl_search_bytes(struct pl_search *s, pl_span bytes, size_t from, size_t to,
                      pl_rc (*mark)(void *ctx, unsigned id, size_t end, struct pl_err *err),
                      void *ctx, struct pl_err *err)
{
    s->bytes = bytes;
    s->from = from;
    s->to = to;
    s->mark = mark;
    s->ctx = ctx;
    s->err = err;
    try_beginning(s);
    hs_error_t rc =
        hs_scan(engine.db, bytes.ptr, (unsigned)bytes.len, 0, engine.scratch, on_hit, s);
    if (s->rc)
        return s->rc;
    return rc == HS_SUCCESS ? PL_OK : pl_fail(err, PL_EFORMAT, "the search failed (%d)", rc);
}

static pl_rc put(struct pl_search *s, const struct pl_program_rule *r, pl_span version,
                 struct pl_sink *out, struct pl_err *err)
{
    const struct pl_package p = { .type = r->type,
                                  .name = r->package,
                                  .version = version,
                                  .path = s->in->path,
                                  .analyzer = PL_LIT("program"),
                                  .flags = PL_PACKAGE_BY_BYTES };
    return pl_sink_package(out, &p, err);
}

pl_rc pl_search_put(struct pl_search *s, struct pl_sink *out, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    for (size_t i = 0; !rc && i < s->n_states; i++) {
        const struct pl_program_rule *r = &engine.rules[s->states[i].rule];
        uint32_t all = r->n_also >= 32 ? UINT32_MAX : (UINT32_C(1) << r->n_also) - 1;
        bool first = true; /* two rules may know one program in two ways */
        for (size_t k = 0; k < i; k++)
            first &= !s->states[k].version.len ||
                     !pl_span_eq(engine.rules[s->states[k].rule].package, r->package);
        if ((s->states[i].also & all) != all)
            s->states[i].version = PL_SPAN_NONE;
        if (first && s->states[i].version.len)
            rc = put(s, r, s->states[i].version, out, err);
    }
    if (!rc && s->tired)
        pl_sink_gap(out, s->in->path, "limit", "more than %d places that a program rule names",
                    TRIES);
    return rc;
}

pl_rc pl_search_path(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_search *s = open_search(in, false, true, err);
    pl_rc rc = PL_OK;
    if (!s)
        return engine.err.rc ? engine.err.rc : PL_ELIMIT;
    for (size_t i = 0; !rc && i < s->n_states; i++)
        if (version_like(s->states[i].begins))
            rc = put(s, &engine.rules[s->states[i].rule], s->states[i].begins, out, err);
    return rc;
}
