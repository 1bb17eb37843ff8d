/* A definition's tree of conditions, turned around into affected packages.
 *
 * Conditions that speak of the place (release, architecture, module) are folded into a list of
 * alternatives, "rhel:8 with module php:7.2 or ..."; this list is carried down to each test of a
 * package, which gives one row for each alternative. So the work is tests times places, and never
 * the disjunctive normal form of the whole tree. Conditions of the running machine (kernel that
 * runs, signature checks, live patches that are absent) are taken as true: an image has none. */
#include "feed/oval_flat.h"

enum { MAX_SIBLINGS = 64 };

static const struct oval_place anywhere;

static bool is_anywhere(const struct oval_place *p)
{
    return !p->stream.len && !p->arch.len && !p->module.len;
}

/* ---- what a criterion asks ---- */

static enum leaf place_leaf(struct flattening *f, struct flat *n, struct oval_place place)
{
    n->places.at = pl_arena_alloc(f->a, sizeof(place));
    if (!n->places.at)
        return LEAF_FALSE;
    n->places.at[0] = place;
    n->places.n = 1;
    return LEAF_PLACE;
}

/* "\nstream\s*=\s*7\.2\b..." -> "7.2" */
static pl_span module_stream(pl_span pattern, struct pl_arena *a)
{
    static const char before[] = "stream\\s*=\\s*";
    size_t at = pl_span_find(pattern, PL_LIT("stream\\s*=\\s*"));
    if (at == SIZE_MAX)
        return PL_SPAN_NONE;
    pl_span rest = pl_span_from(pattern, at + sizeof(before) - 1);
    char *out = pl_arena_alloc(a, rest.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < rest.len; i++) {
        if (rest.ptr[i] == '\\' && i + 1 < rest.len) {
            char c = rest.ptr[++i];
            if (c == 'b' || c == 'n' || c == 's')
                break;
            out[n++] = c;
        } else if (strchr("[(|$*?+", rest.ptr[i])) {
            break;
        } else {
            out[n++] = rest.ptr[i];
        }
    }
    return pl_span_of(out, out ? n : 0);
}

static enum leaf module_leaf(struct flattening *f, struct flat *n)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): its path brought us here */
    pl_span file = pl_span_basename(n->test->object->path);
    file.len -= sizeof(".module") - 1;
    pl_span stream = n->test->state ? module_stream(n->test->state->text.text, f->a) : PL_SPAN_NONE;
    if (!file.len || !stream.len)
        return LEAF_FALSE;
    const char *label = pl_arena_printf(f->a, "%.*s:%.*s", PL_FMT(file), PL_FMT(stream));
    return place_leaf(f, n, (struct oval_place){ .module = pl_span_str(label) });
}

/* A machine's architecture, as a list of package architectures that are installed on it. */
static pl_span machine_packages(pl_span arch)
{
    if (pl_span_eq(arch, PL_LIT("x86_64")))
        return PL_LIT("x86_64 i686 i586 i386 noarch");
    if (pl_span_eq(arch, PL_LIT("aarch64")))
        return PL_LIT("aarch64 noarch");
    if (pl_span_eq(arch, PL_LIT("i386")) || pl_span_eq(arch, PL_LIT("i686")))
        return PL_LIT("i386 i586 i686 noarch");
    if (pl_span_eq(arch, PL_LIT("ia64")))
        return PL_LIT("ia64 i386 i686 noarch");
    return PL_SPAN_NONE;
}

static enum leaf is_place(struct flattening *f, struct flat *n, enum oval_is is,
                          struct oval_place place)
{
    return is == OVAL_IS_PLATFORM ? place_leaf(f, n, place) : LEAF_FALSE;
}

static enum leaf rpm_leaf(struct flattening *f, struct flat *n, pl_span comment)
{
    const struct oval_test *t = n->test;
    const struct oval_state *s = t->state;
    struct oval_place place = { 0 };
    pl_span name = t->object ? t->object->name : PL_SPAN_NONE;
    if (s && s->signature)
        return LEAF_TRUE;
    if (pl_span_find(name, PL_LIT("release")) != SIZE_MAX && !t->negative) {
        enum oval_is is = pl_oval_platform(comment, f->a, &place);
        if (is != OVAL_IS_NO_PLATFORM)
            return is_place(f, n, is, place);
        if (s && !s->evr.op && s->version.op) {
            is = pl_oval_release(name, s->version.text, f->a, &place);
            if (is != OVAL_IS_NO_PLATFORM)
                return is_place(f, n, is, place);
        }
        if (s && !s->evr.op && !s->version.op && s->arch.op) {
            place.arch = machine_packages(s->arch.text);
            return place.arch.len ? place_leaf(f, n, place) : LEAF_TRUE;
        }
    }
    if (!name.len && !(t->object && t->object->name_var.len))
        return LEAF_MISSING;
    return t->negative ? LEAF_TRUE : LEAF_PACKAGE;
}

static enum leaf verify_leaf(struct flattening *f, struct flat *n, pl_span comment)
{
    const struct oval_test *t = n->test;
    struct oval_place place = { 0 };
    if (t->negative) /* "... must be installed": the way to say that this is another system */
        return LEAF_FALSE;
    enum oval_is is = pl_oval_platform(comment, f->a, &place);
    return is_place(f, n, is, place);
}

static enum leaf text_leaf(struct flattening *f, struct flat *n, pl_span comment)
{
    const struct oval_test *t = n->test;
    struct oval_place place = { 0 };
    pl_span path = t->object ? t->object->path : PL_SPAN_NONE;
    if (pl_span_ends(path, PL_LIT(".module")) && pl_span_basename(path).len > 7)
        return module_leaf(f, n);
    if (t->object && t->object->name_var.len && pl_span_ends(path, PL_LIT("manifest")))
        return LEAF_PACKAGE;
    enum oval_is is = pl_oval_platform(comment, f->a, &place);
    if (is != OVAL_IS_NO_PLATFORM)
        return is_place(f, n, is, place);
    /* What boots next, and files of hardening guides: nothing about packages. */
    return LEAF_TRUE;
}

static enum leaf leaf_of(struct flattening *f, const struct oval_node *node, struct flat *n)
{
    struct oval_place place = { 0 };
    n->test = pl_map_get(&f->store->tests, node->test_ref);
    if (node->negate)
        return LEAF_TRUE;
    if (!n->test) { /* also the definition that another extends: "Ubuntu 20.04 is installed" */
        enum oval_is is = pl_oval_platform(node->comment, f->a, &place);
        if (is != OVAL_IS_NO_PLATFORM)
            return is_place(f, n, is, place);
        return pl_span_find(node->test_ref, PL_LIT(":def:")) != SIZE_MAX ? LEAF_TRUE : LEAF_MISSING;
    }
    switch (n->test->kind) {
    case OVAL_RPM: return rpm_leaf(f, n, node->comment);
    case OVAL_DPKG: return n->test->negative || !n->test->object ? LEAF_TRUE : LEAF_PACKAGE;
    case OVAL_VERIFY: return verify_leaf(f, n, node->comment);
    case OVAL_TEXT: return text_leaf(f, n, node->comment);
    case OVAL_UNAME:
    case OVAL_OTHER: break;
    }
    return LEAF_TRUE;
}

/* ---- folding places ---- */

static bool same_place(const struct oval_place *x, const struct oval_place *y)
{
    return pl_span_eq(x->stream, y->stream) && pl_span_eq(x->channel, y->channel) &&
           pl_span_eq(x->arch, y->arch) && pl_span_eq(x->module, y->module);
}

/* Both at once; false when they exclude each other ("rhel:7" and "rhel:8"). */
static bool meet(const struct oval_place *x, const struct oval_place *y, struct oval_place *out)
{
    *out = *x;
    const struct {
        pl_span *to;
        pl_span with;
    } parts[] = { { &out->stream, y->stream },
                  { &out->arch, y->arch },
                  { &out->module, y->module } };
    for (size_t i = 0; i < PL_COUNT(parts); i++) {
        if (!parts[i].with.len)
            continue;
        if (parts[i].to->len && !pl_span_eq(*parts[i].to, parts[i].with))
            return false;
        *parts[i].to = parts[i].with;
    }
    if (!out->channel.len)
        out->channel = y->channel;
    return true;
}

static bool add_place(struct places *list, const struct oval_place *p)
{
    for (size_t i = 0; i < list->n; i++)
        if (same_place(&list->at[i], p))
            return true;
    if (list->n == OVAL_MAX_PLACES)
        return false;
    list->at[list->n++] = *p;
    return true;
}

/* What holds in x and in y. Work space is on the stack once: lists are bounded. */
static bool both(struct flattening *f, struct places x, struct places y, struct places *out)
{
    if (y.n == 1 && is_anywhere(&y.at[0])) {
        *out = x;
        return true;
    }
    if (x.n == 1 && is_anywhere(&x.at[0])) {
        *out = y;
        return true;
    }
    struct oval_place room[OVAL_MAX_PLACES];
    struct places sum = { .at = room };
    for (size_t i = 0; i < x.n; i++)
        for (size_t k = 0; k < y.n; k++) {
            struct oval_place p;
            if (meet(&x.at[i], &y.at[k], &p) && !add_place(&sum, &p))
                return false;
        }
    out->at = pl_arena_array(f->a, sum.n, sizeof(*room));
    out->n = sum.n;
    if (sum.n && !out->at)
        return false;
    if (sum.n)
        memcpy(out->at, room, sum.n * sizeof(*room));
    return true;
}

static bool any_child(struct flattening *f, uint32_t node, struct places *out)
{
    struct oval_place room[OVAL_MAX_PLACES];
    struct places sum = { .at = room };
    for (uint32_t c = f->flat[node].first; c != UINT32_MAX; c = f->flat[c].next)
        for (size_t i = 0; i < f->flat[c].places.n; i++)
            if (!add_place(&sum, &f->flat[c].places.at[i]))
                return false;
    for (size_t i = 0; i < sum.n; i++)
        if (is_anywhere(&room[i])) /* "or true" is true */
            sum = (struct places){ .at = &room[i], .n = 1 };
    out->at = pl_arena_array(f->a, sum.n, sizeof(*room));
    out->n = sum.n;
    if (sum.n && !out->at)
        return false;
    if (sum.n)
        memmove(out->at, sum.at, sum.n * sizeof(*room));
    return true;
}

static bool every_place(struct flattening *f, uint32_t node, struct places start,
                        struct places *out)
{
    for (uint32_t c = f->flat[node].first; c != UINT32_MAX; c = f->flat[c].next)
        if (!f->flat[c].has_package && !both(f, start, f->flat[c].places, &start))
            return false;
    *out = start;
    return true;
}

static struct places everywhere(void)
{
    return (struct places){ .at = (struct oval_place *)(uintptr_t)&anywhere, .n = 1 };
}

/* ---- the walk ---- */

/* In "A is older than 2 and B is installed", B is a condition, not a victim. */
static bool only_condition(const struct flattening *f, uint32_t i)
{
    const struct oval_test *t = f->flat[i].test;
    uint32_t parent = f->nodes[i].parent;
    if ((t->state && t->state->evr.op) || parent == UINT32_MAX || f->nodes[parent].is_or)
        return false;
    unsigned n = 0;
    for (uint32_t c = f->flat[parent].first; c != UINT32_MAX && n < MAX_SIBLINGS;
         c = f->flat[c].next, n++)
        if (c != i && f->flat[c].leaf == LEAF_PACKAGE && f->flat[c].test &&
            f->flat[c].test->state && f->flat[c].test->state->evr.op)
            return true;
    return false;
}

static void link_children(struct flattening *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        f->flat[i].first = f->flat[i].next = UINT32_MAX;
    for (uint32_t i = n; i-- > 0;) {
        uint32_t p = f->nodes[i].parent;
        if (p == UINT32_MAX)
            continue;
        f->flat[i].next = f->flat[p].first;
        f->flat[p].first = i;
    }
}

/* From the leaves up: which parts speak of packages, and what the others ask. */
static pl_rc fold(struct flattening *f, uint32_t n, struct pl_err *err)
{
    for (uint32_t i = n; i-- > 0;) {
        struct flat *flat = &f->flat[i];
        const struct oval_node *node = &f->nodes[i];
        bool ok = true;
        if (node->is_criterion) {
            flat->leaf = leaf_of(f, node, flat);
            flat->has_package = flat->leaf == LEAF_PACKAGE;
            if (flat->leaf == LEAF_TRUE)
                flat->places = everywhere();
        } else if (node->negate) {
            flat->has_package = false;
            flat->places = everywhere();
        } else if (!flat->has_package) {
            ok = node->is_or ? any_child(f, i, &flat->places)
                             : every_place(f, i, everywhere(), &flat->places);
        }
        if (!ok)
            return pl_fail(err, PL_ELIMIT, "asks for more than %d places", OVAL_MAX_PLACES);
        if (flat->has_package && node->parent != UINT32_MAX)
            f->flat[node->parent].has_package = true;
    }
    return PL_OK;
}

/* From the root down: what holds at each test of a package, and its rows. */
static pl_rc spread(struct flattening *f, uint32_t n, struct pl_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        struct flat *flat = &f->flat[i];
        uint32_t parent = f->nodes[i].parent;
        struct places where = parent == UINT32_MAX ? everywhere() : f->flat[parent].places;
        if (!flat->has_package)
            continue;
        if (parent != UINT32_MAX && !f->flat[parent].has_package)
            flat->has_package = false; /* below a "not" */
        else if (!f->nodes[i].is_criterion) {
            flat->places = where;
            if (!f->nodes[i].is_or && !every_place(f, i, where, &flat->places))
                return pl_fail(err, PL_ELIMIT, "asks for more than %d places", OVAL_MAX_PLACES);
        } else if (!only_condition(f, i)) {
            pl_rc rc = pl_oval_rows_of_leaf(f, i, where, err);
            if (rc)
                return rc;
        }
    }
    return PL_OK;
}

/* ---- what the definition says of its place outside the tree ---- */

/* cpe:/o:redhat:rhel_eus:8.4::baseos: the update streams of one minor release are sold apart, and
 * their versions say nothing about the main line. */
static pl_span extended_channel(struct flattening *f)
{
    const pl_span *cpes = f->def->cpes.items;
    pl_span found = PL_SPAN_NONE;
    for (size_t i = 0; i < f->def->cpes.n; i++) {
        size_t at = pl_span_find(cpes[i], PL_LIT(":redhat:rhel_"));
        if (at == SIZE_MAX)
            return PL_SPAN_NONE;
        pl_span rest = pl_span_from(cpes[i], at + sizeof(":redhat:rhel_") - 1), kind, version;
        if (!pl_span_split(&rest, ':', &kind) || !pl_span_split(&rest, ':', &version))
            return PL_SPAN_NONE;
        static const char *const kinds[] = { "eus", "aus", "e4s", "tus", "els" };
        bool known = false;
        for (size_t k = 0; k < PL_COUNT(kinds); k++)
            known |= pl_span_eq(kind, pl_span_str(kinds[k]));
        if (!known)
            return PL_SPAN_NONE;
        if (!found.len)
            found = pl_span_str(pl_arena_printf(f->a, "%.*s-%.*s", PL_FMT(kind), PL_FMT(version)));
    }
    return found;
}

/* "azurelinux-oval/azurelinux-3.0-oval.xml", "cbl-mariner-2.0-oval.xml" */
static pl_span stream_of_path(struct flattening *f)
{
    static const char *const families[] = { "azurelinux", "mariner" };
    pl_span base = pl_span_basename(f->path);
    for (size_t i = 0; i < PL_COUNT(families); i++) {
        size_t at = pl_span_find(base, pl_span_str(families[i]));
        if (at == SIZE_MAX)
            continue;
        pl_span rest = pl_span_from(base, at + strlen(families[i]));
        size_t n = 1;
        while (n < rest.len && ((rest.ptr[n] >= '0' && rest.ptr[n] <= '9') || rest.ptr[n] == '.'))
            n++;
        if (rest.len && rest.ptr[0] == '-' && n > 1)
            return pl_span_str(
                pl_arena_printf(f->a, "%s:%.*s", families[i], PL_FMT(pl_span_sub(rest, 1, n - 1))));
    }
    return PL_SPAN_NONE;
}

static bool usual_places(struct flattening *f)
{
    const pl_span *platforms = f->def->platforms.items;
    f->usual.at = pl_arena_array(f->a, OVAL_MAX_PLACES, sizeof(*f->usual.at));
    if (!f->usual.at)
        return false;
    for (size_t i = 0; i < f->def->platforms.n; i++) {
        struct oval_place p = { 0 };
        if (pl_oval_platform(platforms[i], f->a, &p) == OVAL_IS_PLATFORM &&
            !add_place(&f->usual, &p))
            return false;
    }
    struct oval_place p = { .stream = pl_oval_dist_stream(f->store->dist_tag) };
    if (!f->usual.n && !p.stream.len)
        p.stream = stream_of_path(f);
    return f->usual.n || !p.stream.len || add_place(&f->usual, &p);
}

static pl_rc check_missing(struct flattening *f, uint32_t n, struct pl_err *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (f->nodes[i].is_criterion && f->flat[i].leaf == LEAF_MISSING)
            return pl_fail(err, PL_EFORMAT, "test %.*s is not in the file",
                           PL_FMT(f->nodes[i].test_ref));
    return PL_OK;
}

pl_rc pl_oval_flatten(const struct oval_store *s, const struct oval_profile *p,
                      const struct oval_def *d, pl_span path, struct pl_arena *a,
                      struct pl_vec *rows, struct pl_err *err)
{
    struct flattening f = { .store = s,
                            .profile = p,
                            .def = d,
                            .path = path,
                            .a = a,
                            .rows = rows,
                            .nodes = d->nodes.items };
    uint32_t n = (uint32_t)d->nodes.n;
    f.flat = pl_arena_array(a, n, sizeof(*f.flat));
    if ((n && !f.flat) || !usual_places(&f))
        return pl_fail(err, PL_ELIMIT, "definition too large");
    f.unaffected = pl_span_find(d->id, PL_LIT(".unaffected:")) != SIZE_MAX;
    f.channel = extended_channel(&f);
    link_children(&f, n);
    pl_rc rc = fold(&f, n, err);
    if (!rc)
        rc = spread(&f, n, err);
    pl_map_done(&f.seen);
    /* What was understood is given; the caller tells of the rest. */
    return rc ? rc : check_missing(&f, n, err);
}
