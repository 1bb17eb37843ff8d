/* epss.c - FIRST's exploit prediction scores, one CVE a line.
 *
 * Spec: first.org/epss/data_stats. The comment in front came in 2022, the percentile in
 * September 2021; score_date is written with "+0000" or "Z". */
#include "feed/record.h"

#include <stdlib.h>

enum { MAX_LINE = 256 };

static bool sniff(const struct pl_feed_file *f)
{
    pl_span head = f->head;
    pl_span_skip_lit(&head, PL_LIT("\xef\xbb\xbf"));
    return pl_span_starts(head, PL_LIT("#model_version:")) ||
           pl_span_starts(head, PL_LIT("cve,epss"));
}

struct epss {
    struct pl_advisory_sink *out;
    int cve, score, percentile;
    bool header;
};

static void comment(struct epss *e, pl_span line)
{
    size_t at = pl_span_find(line, PL_LIT("score_date:"));
    if (at == SIZE_MAX)
        return;
    pl_span when = pl_span_from(line, at + 11);
    e->out->published(e->out, pl_span_sub(when, 0, pl_span_chr(when, ',')));
}

static void header(struct epss *e, pl_span line)
{
    pl_span column;
    e->cve = e->score = e->percentile = -1;
    for (int i = 0; pl_span_split(&line, ',', &column); i++) {
        column = pl_span_trim(column);
        if (pl_span_eq_nocase(column, PL_LIT("cve")))
            e->cve = i;
        else if (pl_span_eq_nocase(column, PL_LIT("epss")))
            e->score = i;
        else if (pl_span_eq_nocase(column, PL_LIT("percentile")))
            e->percentile = i;
    }
    e->header = e->cve >= 0 && e->score >= 0;
}

/* A fraction from 0 to 1; -1 when it is none. */
static double fraction(pl_span text)
{
    char copy[64];
    char *end;
    text = pl_span_trim(text);
    if (text.len == 0 || text.len >= sizeof(copy))
        return -1;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789.eE+-") != text.len)
        return -1;
    double v = strtod(copy, &end);
    return *end == '\0' && v >= 0 && v <= 1 ? v : -1;
}

static pl_rc row(struct epss *e, pl_span line, struct pl_err *err)
{
    struct pl_vuln_facts v = { .epss = -1, .epss_percentile = -1 };
    pl_span field, rest = line;
    for (int i = 0; pl_span_split(&rest, ',', &field); i++) {
        if (i == e->cve)
            v.id = pl_span_trim(field);
        else if (i == e->score)
            v.epss = fraction(field);
        else if (i == e->percentile)
            v.epss_percentile = fraction(field);
    }
    if (!pl_is_cve(v.id) || v.epss < 0) {
        e->out->skip(e->out, v.id.len ? v.id : line, "no score of a CVE");
        return PL_OK;
    }
    return e->out->vuln(e->out, &v, err);
}

static pl_rc one_line(struct epss *e, pl_span line, struct pl_err *err)
{
    line = pl_span_trim(line);
    pl_span_skip_lit(&line, PL_LIT("\xef\xbb\xbf"));
    if (line.len == 0)
        return PL_OK;
    if (line.ptr[0] == '#')
        comment(e, line);
    else if (!e->header)
        header(e, line);
    else if (line.len <= MAX_LINE)
        return row(e, line, err);
    else
        e->out->skip(e->out, pl_span_sub(line, 0, 32), "a line longer than any should be");
    return PL_OK;
}

static pl_rc read_epss(struct pl_feed_file *f, struct pl_advisory_sink *out, struct pl_err *err)
{
    struct epss e = { .out = out };
    PL_AUTO(buf) struct pl_buf buf = { 0 };
    for (bool more = true; more;) {
        size_t got = 0;
        if (!pl_buf_reserve(&buf, 64 << 10))
            return pl_fail(err, PL_ENOMEM, "out of memory");
        pl_rc rc = f->reader->read(f->reader, buf.ptr + buf.len, buf.room - buf.len, &got, err);
        if (rc)
            return rc;
        buf.len += got;
        more = got > 0;
        /* Whole lines; at the end the last one too. */
        size_t end = more ? pl_span_rchr(pl_buf_span(&buf), '\n') : buf.len;
        if (end == SIZE_MAX) {
            if (buf.len > PL_MIB)
                return pl_fail(err, PL_EFORMAT, "a line longer than a MiB");
            continue;
        }
        pl_span lines = pl_span_sub(pl_buf_span(&buf), 0, end), line;
        while (!rc && pl_span_line(&lines, &line))
            rc = one_line(&e, line, err);
        if (rc)
            return rc;
        memmove(buf.ptr, buf.ptr + end, buf.len - end);
        buf.len -= end;
    }
    return e.header ? PL_OK : pl_fail(err, PL_EFORMAT, "no columns named cve and epss");
}

const struct pl_feed pl_feed_epss = {
    .name = "epss",
    .what = "FIRST Exploit Prediction Scoring System",
    .spec = "first.org/epss/data_stats",
    .folder = "epss",
    .rank = 90,
    .sniff = sniff,
    .read = read_epss,
};
