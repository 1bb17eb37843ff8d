/* maven.c - Maven's ComparableVersion, without its trees.
 * Spec: maven.apache.org/pom.html#version-order-specification; checked against Maven 3.8.
 *
 * Maven splits at ".", "-" and between digits and letters. "-" and such a change of kind open a
 * list inside the list, always as its last item; so a version is a chain of flat lists. In each,
 * trailing nulls (0, "", ga, final, release) are dropped. We walk the chain item by item, and look
 * ahead past nulls only once. */
#include "version/parts.h"
#include "version/version.h"

enum kind { END, NUMBER, WORD, LIST };

struct item {
    enum kind kind;
    pl_span text;
    bool before_digit; /* a word with a digit straight after it: a1, b2, m3 */
};

struct walk {
    pl_span in;
    bool list_next; /* the next thing is a list */
    bool nonempty;  /* the list we are in has an item, null or not */
    size_t lists;   /* lists to give before anything else */
    size_t counted; /* items that are known to count, nulls or not */
};

static struct item open_list(struct walk *w)
{
    w->list_next = false;
    w->nonempty = false;
    return (struct item){ .kind = LIST };
}

/* One raw item, nulls and all. A word that ends the version or stands before a digit opens a list
 * of its own behind a "." too (MNG-7644: 1.0.0.X1 < 1.0.0-X2). */
static struct item raw(struct walk *w)
{
    if (w->list_next)
        return open_list(w);
    if (w->in.len == 0)
        return (struct item){ .kind = END };
    struct item it = { 0 };
    char c = w->in.ptr[0];
    if (c == '.' || c == '-') { /* an empty item is 0 */
        it.kind = NUMBER;
        w->in = pl_span_from(w->in, 1);
        w->list_next = c == '-';
        w->nonempty = true;
        return it;
    }
    bool digit = pl_is_digit(c);
    size_t n = 0;
    while (n < w->in.len && w->in.ptr[n] != '.' && w->in.ptr[n] != '-' &&
           pl_is_digit(w->in.ptr[n]) == digit)
        n++;
    bool separated = n < w->in.len && (w->in.ptr[n] == '.' || w->in.ptr[n] == '-');
    if (!digit && !separated && w->nonempty)
        return open_list(w);
    it.kind = digit ? NUMBER : WORD;
    it.text = pl_span_sub(w->in, 0, n);
    it.before_digit = !digit && !separated && n < w->in.len;
    w->list_next = n < w->in.len && (!separated || w->in.ptr[n] == '-');
    w->in = pl_span_from(w->in, n + separated);
    w->nonempty = true;
    return it;
}

/* Place of a word among those Maven knows: alpha 0 ... snapshot 4, release 5, sp 6; -1 others. */
static int known(struct item it)
{
    static const struct {
        const char *word;
        int place;
    } words[] = { { "alpha", 0 }, { "beta", 1 },     { "milestone", 2 }, { "rc", 3 },
                  { "cr", 3 },    { "snapshot", 4 }, { "", 5 },          { "ga", 5 },
                  { "final", 5 }, { "release", 5 },  { "sp", 6 } };
    if (it.before_digit && it.text.len == 1) {
        static const char letters[] = "abm";
        const char *at = strchr(letters, pl_lower(it.text.ptr[0]));
        if (at && *at)
            return (int)(at - letters);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (pl_span_eq_nocase(it.text, pl_span_str(words[i].word)))
            return words[i].place;
    return -1;
}

enum { PLACE_RELEASE = 5 };

static bool is_null(struct item it)
{
    if (it.kind == NUMBER)
        return pl_skip_zeros(it.text).len == 0;
    return it.kind == WORD && known(it) == PLACE_RELEASE;
}

/* The next item that counts. Trailing nulls of each list are dropped, and a list in which nothing
 * counts is none. Nulls and lists are looked past up to the next item that is neither; what counts
 * of them is remembered, so nothing is looked at a third time. */
static struct item next(struct walk *w)
{
    if (w->lists) {
        w->lists--;
        return (struct item){ .kind = LIST };
    }
    if (w->counted) {
        w->counted--;
        return raw(w);
    }
    struct walk begin = *w;
    struct item it = raw(w);
    size_t nulls = 0, lists = 0;
    while (it.kind == LIST || is_null(it)) {
        if (it.kind == LIST) {
            lists++;
            nulls = 0;
            begin = *w;
        } else {
            nulls++;
        }
        it = raw(w);
    }
    if (it.kind == END || (nulls == 0 && lists == 0))
        return it;
    *w = begin;
    w->counted = nulls + 1;
    w->lists = lists;
    return next(w); /* once: lists or counted is set */
}

static int place_of(struct item it) { return it.kind == WORD ? known(it) : -1; }

static int compare_words(struct item a, struct item b)
{
    int x = place_of(a), y = place_of(b);
    if (x >= 0 || y >= 0)
        return x < 0 ? 1 : y < 0 ? -1 : pl_sign(x > y, x < y);
    for (size_t i = 0; i < a.text.len && i < b.text.len; i++) {
        int c = pl_lower(a.text.ptr[i]) - pl_lower(b.text.ptr[i]);
        if (c)
            return c < 0 ? -1 : 1;
    }
    return pl_sign(a.text.len > b.text.len, a.text.len < b.text.len);
}

/* An item against nothing; a list is compared item by item, which the caller's loop does. */
static int against_none(struct item it)
{
    if (it.kind == NUMBER)
        return pl_skip_zeros(it.text).len ? 1 : 0;
    if (it.kind == WORD) {
        int place = known(it);
        return place < 0 ? 1 : pl_sign(place > PLACE_RELEASE, place < PLACE_RELEASE);
    }
    return 0;
}

static int compare_items(struct item a, struct item b)
{
    if (a.kind == b.kind)
        return a.kind == NUMBER ? pl_compare_digits(a.text, b.text) : compare_words(a, b);
    /* word < list < number */
    static const int order[] = { [WORD] = 0, [LIST] = 1, [NUMBER] = 2 };
    return order[a.kind] < order[b.kind] ? -1 : 1;
}

static int compare(pl_span a, pl_span b)
{
    struct walk x = { .in = a }, y = { .in = b };
    struct item p = next(&x), q = next(&y);
    while (p.kind != END || q.kind != END) {
        int c = 0;
        if (p.kind == END)
            c = -against_none(q);
        else if (q.kind == END)
            c = against_none(p);
        else if (p.kind != LIST || q.kind != LIST)
            c = compare_items(p, q);
        if (c)
            return c;
        p = next(&x);
        q = next(&y);
    }
    return 0;
}

static bool valid(pl_span v) { return pl_span_trim(v).len > 0; }

const struct pl_scheme pl_scheme_maven = {
    .name = "maven",
    .what = "Maven: Java packages",
    .spec = "maven.apache.org/pom.html#version-order-specification",
    .compare = compare,
    .valid = valid,
};
