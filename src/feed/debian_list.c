/* debian_list.c - Debian's lists of advisories (data/DSA/list, data/DLA/list): which advisory
 * fixed which CVEs in which release. The tracker's JSON says the same and more, and is believed
 * before it; the list adds the advisories' names.
 *
 *     [17 Nov 2023] DSA-5555-1 openvpn - security update
 *             {CVE-2023-46849 CVE-2023-46850}
 *             [bookworm] - openvpn 2.6.3-1+deb12u2
 */
#include "feed/debian.h"

static bool sniff(const struct pl_feed_file *f)
{
    pl_span head = f->head, line;
    while (pl_span_line(&head, &line)) {
        size_t bracket = pl_span_chr(line, ']');
        pl_span rest = bracket == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(line, bracket + 1);
        if (line.len && line.ptr[0] == '[')
            return pl_span_starts(rest, PL_LIT(" DSA-")) || pl_span_starts(rest, PL_LIT(" DLA-"));
        if (pl_span_trim(line).len && line.ptr[0] != '#')
            return false;
    }
    return false;
}

struct list {
    struct pl_record r;
    struct pl_advisory_sink *out;
    bool open; /* an advisory is under construction */
    const struct pl_limits *limits;
};

static pl_rc finish(struct list *l, struct pl_err *err)
{
    /* Without a CVE it mends an earlier one's regression, or only announces. */
    bool emit = l->open && l->r.affected.n && l->r.vulns.n;
    l->open = false;
    return emit ? pl_record_emit(&l->r, l->out, err) : PL_OK;
}

/* "17 Nov 2023" -> "2023-11-17". */
static pl_span date(struct pl_record *r, pl_span text)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    pl_span day, month, year;
    uint64_t d, y;
    if (!pl_span_word(&text, &day) || !pl_span_word(&text, &month) || !pl_span_word(&text, &year) ||
        !pl_span_decimal(day, 31, &d) || !pl_span_decimal(year, 9999, &y))
        return PL_SPAN_NONE;
    for (unsigned i = 0; i < PL_COUNT(months); i++)
        if (pl_span_eq(month, pl_span_str(months[i])))
            return pl_record_printf(r, "%04u-%02u-%02u", (unsigned)y, i + 1, (unsigned)d);
    return PL_SPAN_NONE;
}

static pl_rc header(struct list *l, pl_span line, struct pl_err *err)
{
    pl_rc rc = finish(l, err);
    size_t bracket = pl_span_chr(line, ']');
    if (rc || bracket == SIZE_MAX)
        return rc;
    pl_span rest = pl_span_from(line, bracket + 1), id;
    if (!pl_span_word(&rest, &id))
        return PL_OK;
    pl_record_reset(&l->r);
    l->r.a.id = pl_record_copy(&l->r, id);
    l->r.a.title = pl_record_copy(&l->r, pl_span_trim(rest));
    l->r.a.published = date(&l->r, pl_span_sub(line, 1, bracket - 1));
    l->open = true;
    return PL_OK;
}

static void identifiers(struct list *l, pl_span braces)
{
    pl_span id;
    braces = pl_span_sub(braces, 1, pl_span_chr(braces, '}') - 1);
    while (pl_span_word(&braces, &id))
        if (pl_is_cve(id))
            pl_record_vuln(&l->r, pl_record_copy(&l->r, id), PL_SEVERITY_UNKNOWN);
}

/* "[bookworm] - openvpn 2.6.3-1+deb12u2"; "<not-affected>", "<end-of-life>" and remarks in
 * brackets are the tracker's to say. */
static void fixed_in(struct list *l, pl_span line)
{
    char stream[32];
    size_t bracket = pl_span_chr(line, ']');
    pl_span rest = pl_span_from(line, bracket + 1), dash, package, version;
    if (!pl_debian_stream(pl_span_sub(line, 1, bracket - 1), stream, sizeof(stream)) ||
        !pl_span_word(&rest, &dash) || !pl_span_eq(dash, PL_LIT("-")) ||
        !pl_span_word(&rest, &package) || !pl_span_word(&rest, &version) || version.ptr[0] == '<' ||
        version.ptr[0] == '(')
        return;
    pl_record_affected(&l->r, pl_record_copy(&l->r, pl_span_str(stream)),
                       pl_record_copy(&l->r, package), "deb", PL_STATUS_FIXED,
                       pl_record_copy(&l->r, version))
        ->of_source = true;
}

static pl_rc one_line(struct list *l, pl_span line, struct pl_err *err)
{
    if (line.len && line.ptr[0] == '[')
        return header(l, line, err);
    line = pl_span_trim(line);
    if (!l->open || line.len < 2)
        return PL_OK;
    if (line.ptr[0] == '{' && pl_span_chr(line, '}') != SIZE_MAX)
        identifiers(l, line);
    else if (line.ptr[0] == '[' && pl_span_chr(line, ']') != SIZE_MAX)
        fixed_in(l, line);
    return PL_OK;
}

static pl_rc read_list(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct list l = { .out = out, .limits = f->limits };
    PL_AUTO(buf) struct pl_buf buf = { 0 };
    /* The two lists are a MiB each after 25 years. */
    pl_rc rc = pl_read_all(f->reader, f->limits->record_bytes, &buf, err);
    if (rc)
        return rc;
    pl_span rest = pl_buf_span(&buf), line;
    pl_record_init(&l.r, "debian_list", f->limits);
    while (!rc && pl_span_line(&rest, &line))
        rc = one_line(&l, line, err);
    if (!rc)
        rc = finish(&l, err);
    pl_record_done(&l.r);
    return rc;
}

const struct pl_feed pl_feed_debian_list = {
    .name = "debian_list",
    .what = "Debian security advisories (DSA, DLA)",
    .spec = "data/DSA/list and data/DLA/list of the Debian security tracker",
    .folder = "debian",
    .rank = 20,
    .sniff = sniff,
    .read = read_list,
};
