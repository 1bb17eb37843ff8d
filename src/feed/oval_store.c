/* Pass one: tests, objects, states and variables of an OVAL document, as small tables. */
#include "feed/oval.h"

/* SUSE's largest file has about 200,000 tests; their ids and texts fit in 100 MiB. */
#define STORE_BYTES (320 * PL_MIB)

struct reading {
    struct oval_store *s;
    struct oval_test *test;
    struct oval_object *object;
    struct oval_state *state;
    struct oval_variable *variable;
    struct pl_vec values;
    struct oval_value *field;
    pl_span path; /* directory, until the file name comes */
    pl_span section;
    bool full;
};

void pl_oval_store_done(struct oval_store *s)
{
    pl_map_done(&s->tests);
    pl_map_done(&s->objects);
    pl_map_done(&s->states);
    pl_map_done(&s->variables);
    pl_arena_done(&s->arena);
}

static pl_span keep(struct reading *r, pl_span text)
{
    pl_span kept = PL_SPAN_NONE;
    if (text.len && !pl_arena_copy(&r->s->arena, text, &kept))
        r->full = true;
    return kept;
}

/* A zeroed record under its id; the first of two with one id wins. NULL and r->full at the end. */
static void *add(struct reading *r, struct pl_map *map, const struct pl_xml_attrs *a, size_t size)
{
    void *record = pl_arena_alloc(&r->s->arena, size);
    pl_span id = keep(r, pl_xml_attr(a, "id"));
    void **at = record && !r->full ? pl_map_at(map, id) : NULL;
    if (!at)
        r->full = true;
    else if (!*at)
        *at = record;
    return at ? record : NULL;
}

static enum oval_kind kind_of(pl_span name)
{
    static const struct {
        const char *prefix;
        enum oval_kind kind;
    } kinds[] = {
        { "rpminfo_", OVAL_RPM },         { "dpkginfo_", OVAL_DPKG }, { "rpmverify", OVAL_VERIFY },
        { "textfilecontent", OVAL_TEXT }, { "uname_", OVAL_UNAME },   { "family_", OVAL_UNAME },
    };
    for (size_t i = 0; i < PL_COUNT(kinds); i++)
        if (pl_span_starts(name, pl_span_str(kinds[i].prefix)))
            return kinds[i].kind;
    return OVAL_OTHER;
}

static enum oval_op op_of(pl_span word)
{
    static const struct {
        const char *word;
        enum oval_op op;
    } ops[] = {
        { "less than", OVAL_LT },    { "less than or equal", OVAL_LE },
        { "equals", OVAL_EQ },       { "greater than or equal", OVAL_GE },
        { "greater than", OVAL_GT }, { "pattern match", OVAL_MATCH },
    };
    for (size_t i = 0; i < PL_COUNT(ops); i++)
        if (pl_span_eq(word, pl_span_str(ops[i].word)))
            return ops[i].op;
    return word.len ? OVAL_OP_OTHER : OVAL_EQ; /* the schema's default */
}

static void open_record(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    struct oval_store *s = r->s;
    if (pl_span_eq(r->section, PL_LIT("tests"))) {
        r->test = add(r, &s->tests, a, sizeof(*r->test));
        if (!r->test)
            return;
        r->test->kind = kind_of(name);
        r->test->negative = pl_span_eq(pl_xml_attr(a, "check"), PL_LIT("none satisfy")) ||
                            pl_span_eq(pl_xml_attr(a, "check_existence"), PL_LIT("none_exist"));
    } else if (pl_span_eq(r->section, PL_LIT("objects"))) {
        r->object = add(r, &s->objects, a, sizeof(*r->object));
        r->path = PL_SPAN_NONE;
    } else if (pl_span_eq(r->section, PL_LIT("states"))) {
        r->state = add(r, &s->states, a, sizeof(*r->state));
    } else if (pl_span_eq(r->section, PL_LIT("variables"))) {
        r->variable = add(r, &s->variables, a, sizeof(*r->variable));
        r->values = PL_VEC(pl_span);
    }
}

static void open_in_test(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    /* Several states stand in no feed seen; the last would be the narrower one. */
    if (pl_span_eq(name, PL_LIT("object")))
        r->test->object_ref = keep(r, pl_xml_attr(a, "object_ref"));
    else if (pl_span_eq(name, PL_LIT("state")))
        r->test->state_ref = keep(r, pl_xml_attr(a, "state_ref"));
}

static void open_in_object(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    pl_span ref = pl_xml_attr(a, "var_ref");
    if (ref.len && (pl_span_eq(name, PL_LIT("name")) || pl_span_eq(name, PL_LIT("pattern"))))
        r->object->name_var = keep(r, ref);
}

static void open_in_state(struct reading *r, pl_span name, const struct pl_xml_attrs *a)
{
    struct oval_state *s = r->state;
    bool subexpression = pl_span_eq(name, PL_LIT("subexpression"));
    if (pl_span_eq(name, PL_LIT("signature_keyid")))
        s->signature = true;
    if (pl_span_eq(name, PL_LIT("evr")) ||
        /* Ubuntu's files for container manifests compare a part of a line as a version. */
        (subexpression && pl_span_eq(pl_xml_attr(a, "datatype"), PL_LIT("debian_evr_string"))))
        r->field = &s->evr;
    else if (pl_span_eq(name, PL_LIT("version")))
        r->field = &s->version;
    else if (pl_span_eq(name, PL_LIT("arch")))
        r->field = &s->arch;
    else if (subexpression || pl_span_eq(name, PL_LIT("text")))
        r->field = &s->text;
    if (r->field)
        r->field->op = op_of(pl_xml_attr(a, "operation"));
}

static pl_rc check_full(const struct reading *r, struct pl_err *err)
{
    if (r->full)
        return pl_fail(err, PL_ELIMIT, "tests and states take more than %zu MiB",
                       STORE_BYTES / PL_MIB);
    return PL_OK;
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 1 && !pl_span_eq(name, PL_LIT("oval_definitions")))
        return pl_fail(err, PL_EFORMAT, "not oval_definitions but %.*s", PL_FMT(name));
    if (depth == 2) {
        static const char *const sections[] = { "generator", "tests", "objects", "states",
                                                "variables" };
        r->section = PL_SPAN_NONE;
        for (size_t i = 0; i < PL_COUNT(sections); i++)
            if (pl_span_eq(name, pl_span_str(sections[i])))
                r->section = pl_span_str(sections[i]);
    } else if (depth == 3) {
        open_record(r, name, a);
    } else if (depth == 4) {
        r->field = NULL;
        if (r->test)
            open_in_test(r, name, a);
        else if (r->object)
            open_in_object(r, name, a);
        else if (r->state)
            open_in_state(r, name, a);
    }
    return check_full(r, err);
}

static void close_in_object(struct reading *r, pl_span name, pl_span text)
{
    if (pl_span_eq(name, PL_LIT("name")))
        r->object->name = keep(r, text);
    else if (pl_span_eq(name, PL_LIT("filepath")))
        r->object->path = keep(r, text);
    else if (pl_span_eq(name, PL_LIT("path")))
        r->path = keep(r, text);
    else if (pl_span_eq(name, PL_LIT("filename"))) {
        const char *joined =
            pl_arena_printf(&r->s->arena, "%.*s/%.*s", PL_FMT(r->path), PL_FMT(text));
        r->full |= !joined;
        r->object->path = pl_span_str(joined);
    }
}

static void close_in_variable(struct reading *r, pl_span name, pl_span text)
{
    if (!pl_span_eq(name, PL_LIT("value")))
        return;
    pl_span *value = pl_vec_push(&r->s->arena, &r->values);
    if (value)
        *value = keep(r, text);
    else
        r->full = true;
    r->variable->values = r->values.items;
    r->variable->n_values = r->values.n;
}

static void close_field(struct reading *r, pl_span text)
{
    r->field->text = keep(r, text);
    if (r->field == &r->state->evr && !r->s->dist_tag.len && pl_oval_dist_stream(text).len)
        r->s->dist_tag = r->field->text;
    r->field = NULL;
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    struct reading *r = ctx;
    if (depth == 3) {
        if (pl_span_eq(r->section, PL_LIT("generator")) && pl_span_eq(name, PL_LIT("timestamp")))
            r->s->generated = keep(r, text);
        r->test = NULL;
        r->object = NULL;
        r->state = NULL;
        r->variable = NULL;
    } else if (depth == 4) {
        if (r->object)
            close_in_object(r, name, text);
        else if (r->variable)
            close_in_variable(r, name, text);
        else if (r->state && r->field)
            close_field(r, text);
    }
    return check_full(r, err);
}

static bool want(void *ctx, pl_span name, unsigned depth)
{
    (void)ctx;
    return depth != 2 || !pl_span_eq(name, PL_LIT("definitions"));
}

/* Names to pointers, once, so that a criterion costs one look-up. */
static void link_tests(struct oval_store *s)
{
    size_t at = 0;
    pl_span key;
    void *value;
    while (pl_map_next(&s->tests, &at, &key, &value)) {
        struct oval_test *t = value;
        t->object = t->object_ref.len ? pl_map_get(&s->objects, t->object_ref) : NULL;
        t->state = t->state_ref.len ? pl_map_get(&s->states, t->state_ref) : NULL;
    }
}

pl_rc pl_oval_store_read(struct pl_reader *in, struct oval_store *out, struct pl_err *err)
{
    static const struct pl_xml_events events = { on_open, on_close, want };
    *out = (struct oval_store){ 0 };
    pl_arena_init(&out->arena, STORE_BYTES);
    struct reading r = { .s = out };
    pl_rc rc = pl_xml_read(in, &events, &r, NULL, err);
    if (rc)
        pl_oval_store_done(out);
    else
        link_tests(out);
    return rc;
}
