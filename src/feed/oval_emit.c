/* A definition that was understood, as the advisory it is. */
#include "feed/oval.h"

#include <stdlib.h>

static pl_rc no_room(struct pl_err *err) { return pl_fail(err, PL_ELIMIT, "definition too large"); }

/* "7.5/CVSS:3.1/AV:N/..." (Red Hat, SUSE, Oracle), "CVSS:3.0/AV:..." (AlmaLinux), "7.8/AV:N/..."
 * for version 2. */
static void add_cvss(pl_span text, const char *source, struct pl_cvss *list, size_t *n)
{
    if (!text.len)
        return;
    struct pl_cvss c = { .source = pl_span_str(source), .vector = text, .score = -1 };
    size_t slash = pl_span_chr(text, '/');
    char number[16];
    if (text.ptr[0] >= '0' && text.ptr[0] <= '9') {
        pl_span score = pl_span_sub(text, 0, slash);
        if (score.len >= sizeof(number))
            return;
        memcpy(number, score.ptr, score.len);
        number[score.len] = '\0';
        c.score = strtod(number, NULL);
        c.vector = slash == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(text, slash + 1);
    }
    list[(*n)++] = c;
}

static size_t cvss_of(const struct oval_cve *cve, const char *source, struct pl_cvss list[3])
{
    size_t n = 0;
    add_cvss(cve->cvss4, source, list, &n);
    add_cvss(cve->cvss3, source, list, &n);
    add_cvss(cve->cvss2, source, list, &n);
    return n;
}

/* "CWE-20->CWE-787", "(CWE-1|CWE-2)" */
static size_t cwes_of(pl_span text, pl_span list[8])
{
    size_t n = 0;
    while (n < 8) {
        size_t at = pl_span_find(text, PL_LIT("CWE-"));
        if (at == SIZE_MAX)
            break;
        text = pl_span_from(text, at);
        size_t len = 4;
        while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
            len++;
        if (len > 4)
            list[n++] = pl_span_sub(text, 0, len);
        text = pl_span_from(text, len);
    }
    return n;
}

/* An advisory of nine vulnerabilities has no place for nine scores: they are told of apart, once
 * for each vulnerability and file. */
static pl_rc give_facts(struct oval_out *out, const struct oval_cve *cve, struct pl_err *err)
{
    struct pl_cvss cvss[3];
    pl_span cwes[8], id;
    struct pl_vuln_facts v = {
        .id = cve->id, .epss = -1, .epss_percentile = -1, .cvss = cvss, .cwes = cwes
    };
    v.n_cvss = cvss_of(cve, out->profile->cvss_source, cvss);
    v.n_cwes = cwes_of(cve->cwe, cwes);
    if (!v.n_cvss || pl_map_get(&out->facts_given, cve->id))
        return PL_OK;
    void **at = pl_arena_copy(&out->keep, cve->id, &id) ? pl_map_at(&out->facts_given, id) : NULL;
    if (!at)
        return pl_fail(err, PL_ELIMIT, "too many vulnerabilities in one file");
    *at = out;
    return out->sink->vuln(out->sink, &v, err);
}

/* "RHSA-2022:4765: firefox security update" -> "RHSA-2022:4765" */
static pl_span first_word(pl_span title)
{
    pl_span word = PL_SPAN_NONE;
    pl_span_word(&title, &word);
    while (pl_span_ends(word, PL_LIT(":")))
        word.len--;
    return word;
}

/* VMware names "PHSA:00001:5.0:184" in the reference and "PHSA-2024:00001" in the title (one
 * number in each release); its bulletins are called PHSA-2024-5.0-0184. */
static pl_span photon_id(pl_span ref, pl_span title, struct pl_arena *a)
{
    pl_span kind, serial, release;
    uint64_t number;
    pl_span word = first_word(title);
    if (!pl_span_split(&ref, ':', &kind) || !pl_span_split(&ref, ':', &serial) ||
        !pl_span_split(&ref, ':', &release) || !pl_span_decimal(ref, 999999, &number) ||
        !pl_span_skip_lit(&word, PL_LIT("PHSA-")))
        return PL_SPAN_NONE;
    return pl_span_str(pl_arena_printf(a, "PHSA-%.*s-%.*s-%04u",
                                       PL_FMT(pl_span_sub(word, 0, pl_span_chr(word, ':'))),
                                       PL_FMT(release), (unsigned)number));
}

static pl_span advisory_id(const struct oval_def *d, const struct pl_advisory *adv,
                           struct pl_arena *a)
{
    bool patch = pl_span_eq(d->class_name, PL_LIT("patch"));
    if (!patch && adv->n_vulns == 1)
        return adv->vulns[0].id;
    pl_span id = PL_SPAN_NONE;
    if (patch && pl_span_starts(d->advisory_ref, PL_LIT("PHSA:")))
        id = photon_id(d->advisory_ref, d->title, a);
    if (!id.len && patch)
        id = first_word(d->advisory_ref);
    if (!id.len)
        id = first_word(d->title);
    return id.len ? id : d->id;
}

static bool add_vulns(const struct oval_def *d, struct pl_arena *a, struct pl_advisory *adv)
{
    const struct oval_cve *cves = d->cves.items;
    struct pl_vuln_ref *list = pl_arena_array(a, d->cves.n, sizeof(*list));
    if (d->cves.n && !list)
        return false;
    for (size_t i = 0; i < d->cves.n; i++)
        if (cves[i].id.len)
            list[adv->n_vulns++] = (struct pl_vuln_ref){ cves[i].id, cves[i].severity };
    adv->vulns = list;
    return true;
}

static pl_rc give(struct oval_out *out, const struct oval_def *d, struct pl_advisory *adv,
                  struct pl_err *err)
{
    const struct oval_cve *cves = d->cves.items, *only = NULL;
    struct pl_cvss cvss[3];
    pl_span cwes[8];
    pl_rc rc = PL_OK;
    for (size_t i = 0; adv->n_vulns == 1 && i < d->cves.n; i++)
        if (pl_span_eq(cves[i].id, adv->vulns[0].id))
            only = &cves[i];
    if (only) {
        adv->cvss = cvss;
        adv->n_cvss = cvss_of(only, out->profile->cvss_source, cvss);
        adv->cwes = cwes;
        adv->n_cwes = cwes_of(only->cwe, cwes);
        if (!adv->published.len)
            adv->published = only->published;
    }
    for (size_t i = 0; !only && i < d->cves.n && !rc; i++)
        if (cves[i].id.len)
            rc = give_facts(out, &cves[i], err);
    return rc ? rc : out->sink->advisory(out->sink, adv, err);
}

/* Ubuntu's files by package: each criterion names its own vulnerability, and the kernel has ten
 * thousand of them. A run of rows of one vulnerability is one advisory. */
static pl_rc give_each_vuln(struct oval_out *out, const struct oval_def *d,
                            const struct pl_advisory *whole, const struct pl_vec *rows,
                            struct pl_affected *list, struct pl_err *err)
{
    const struct oval_row *row = rows->items;
    pl_rc rc = PL_OK;
    for (size_t i = 0; i < rows->n && !rc;) {
        struct pl_advisory one = *whole;
        struct pl_vuln_ref ref = { .id = row[i].vuln };
        for (size_t v = 0; v < whole->n_vulns; v++)
            if (pl_span_eq(whole->vulns[v].id, ref.id))
                ref = whole->vulns[v];
        one.id = ref.id;
        one.vulns = &ref;
        one.n_vulns = 1;
        one.severity = ref.severity ? ref.severity : whole->severity;
        one.affected = list;
        for (one.n_affected = 0; i < rows->n && pl_span_eq(row[i].vuln, ref.id); i++)
            list[one.n_affected++] = row[i].affected;
        rc = give(out, d, &one, err);
    }
    return rc;
}

/* Red Hat sets dates as "20210804" beside a vulnerability, as 2021-08-04 elsewhere. */
static pl_span date_of(pl_span text, struct pl_arena *a)
{
    uint64_t n;
    if (text.len != 8 || !pl_span_decimal(text, 99999999, &n))
        return text;
    return pl_span_str(pl_arena_printf(a, "%.4s-%.2s-%.2s", text.ptr, text.ptr + 4, text.ptr + 6));
}

pl_rc pl_oval_emit(struct oval_out *out, const struct oval_def *d, const struct pl_vec *rows,
                   struct pl_arena *a, struct pl_err *err)
{
    struct pl_advisory adv = {
        .feed = pl_span_str(out->feed),
        .title = d->title,
        .description = d->description,
        .severity = pl_severity_parse(d->severity),
        .references = d->references.items,
        .n_references = d->references.n,
        .published = date_of(d->issued, a),
        .modified = date_of(d->updated, a),
    };
    struct pl_affected *list = pl_arena_array(a, rows->n, sizeof(*list));
    const struct oval_row *row = rows->items;
    struct oval_cve *cves = d->cves.items;
    if (!rows->n)
        return PL_OK;
    for (size_t i = 0; i < d->cves.n; i++)
        cves[i].published = date_of(cves[i].published, a);
    if (!list || !add_vulns(d, a, &adv))
        return no_room(err);
    if (row[0].vuln.len)
        return give_each_vuln(out, d, &adv, rows, list, err);
    for (size_t i = 0; i < rows->n; i++)
        list[i] = row[i].affected;
    adv.affected = list;
    adv.n_affected = rows->n;
    adv.id = advisory_id(d, &adv, a);
    return give(out, d, &adv, err);
}
