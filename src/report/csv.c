/* CSV for spreadsheets: one line for each finding, gap and class, apart by the column "record".
 *
 * A cell that begins with = + - @ or a control character is a formula to a spreadsheet, and whoever
 * made the image may have chosen it: such a cell gets an apostrophe in front.
 * Spec: RFC 4180; OWASP, "CSV injection". */
#include <inttypes.h>

#include "model/purl.h"
#include "report/document.h"

static const char header[] =
    "record,image,class,id,severity,priority,status,package,package_type,arch,installed_version,"
    "fixed_version,path,line,layer,layer_command,removed_in_layer,cvss,epss,known_exploited,title,"
    "fix_command,suppressed_by,suppressed_reason,key,purl\r\n";

struct row {
    FILE *out;
    const struct pl_report *r;
    bool first;
};

static void cell(struct row *w, pl_span raw)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    pl_clean_add(&b, raw);
    pl_span s = pl_buf_span(&b);
    bool formula = s.len && strchr("=+-@\t\n", s.ptr[0]);
    bool quote = formula;
    if (!w->first)
        fputc(',', w->out);
    w->first = false;
    for (size_t i = 0; i < s.len && !quote; i++)
        quote = strchr(",;\"\n\t", s.ptr[i]) != NULL;
    if (quote)
        fputc('"', w->out);
    if (formula)
        fputc('\'', w->out);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            fputc('"', w->out);
        fputc(s.ptr[i], w->out);
    }
    if (quote)
        fputc('"', w->out);
}

static void word(struct row *w, const char *s) { cell(w, pl_span_str(s)); }

static void number(struct row *w, bool known, int64_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, n);
    word(w, known ? text : "");
}

static void fraction(struct row *w, double n, int decimals)
{
    char text[32];
    snprintf(text, sizeof(text), "%.*f", decimals, n);
    word(w, n >= 0 ? text : "");
}

static void blanks(struct row *w, unsigned n)
{
    while (n--)
        word(w, "");
}

static void begin(struct row *w, const char *record, pl_span class_name)
{
    w->first = true;
    word(w, record);
    cell(w, pl_doc_image(w->r)->reference);
    cell(w, class_name);
}

static void package_cells(struct row *w, const struct pl_finding *f, const struct pl_package *p)
{
    cell(w, p ? p->name : PL_SPAN_NONE);
    cell(w, p ? p->type : PL_SPAN_NONE);
    cell(w, p ? p->arch : PL_SPAN_NONE);
    cell(w, f->installed_version);
    cell(w, f->fixed_version);
}

static void finding(struct row *w, const struct pl_finding *f)
{
    PL_AUTO(buf) struct pl_buf purl = { 0 };
    const struct pl_package *p = pl_doc_package(w->r, f);
    const struct pl_layer *l = pl_doc_layer(w->r, f->layer);
    begin(w, "finding", pl_span_str(pl_class_text(f->class_id)));
    cell(w, f->id);
    word(w, pl_severity_text(f->severity));
    word(w, pl_priority_text(f->priority));
    word(w, pl_status_text(f->status));
    package_cells(w, f, p);
    cell(w, pl_doc_path(w->r, f));
    number(w, f->line > 0, f->line);
    number(w, f->layer >= 0, f->layer);
    cell(w, l ? l->created_by : PL_SPAN_NONE);
    number(w, f->removed_in_layer >= 0, f->removed_in_layer);
    fraction(w, pl_doc_score(f), 1);
    fraction(w, f->epss, 5);
    word(w, f->known_exploited ? "yes" : "no");
    cell(w, pl_doc_title(f));
    cell(w, f->fix.command);
    cell(w, f->suppressed_by);
    cell(w, f->suppressed_reason);
    cell(w, f->key);
    if (p)
        pl_purl(p, &w->r->inventory.os, &purl);
    cell(w, pl_buf_span(&purl));
    fputs("\r\n", w->out);
}

/* reason and detail stand where findings have their id and title. */
static void gap(struct row *w, const struct pl_gap *g)
{
    begin(w, "gap", g->class_name);
    cell(w, g->reason);
    blanks(w, 8);
    cell(w, g->path);
    word(w, "");
    number(w, g->layer >= 0, g->layer);
    const struct pl_layer *l = pl_doc_layer(w->r, g->layer);
    cell(w, l ? l->created_by : PL_SPAN_NONE);
    blanks(w, 4);
    cell(w, g->detail);
    blanks(w, 5);
    fputs("\r\n", w->out);
}

static void coverage(struct row *w, enum pl_class c)
{
    PL_AUTO(buf) struct pl_buf said = { 0 };
    const struct pl_coverage *k = &w->r->coverage[c];
    if (k->by.len)
        pl_buf_printf(&said, "by %.*s", PL_FMT(k->by));
    if (k->as_of.len)
        pl_buf_printf(&said, "%sas of %.*s", said.len ? " " : "", PL_FMT(k->as_of));
    if (k->detail.len)
        pl_buf_printf(&said, "%s%.*s", said.len ? ": " : "", PL_FMT(k->detail));
    begin(w, "coverage", pl_span_str(pl_class_text(c)));
    word(w, pl_coverage_text(k->state));
    blanks(w, 16);
    cell(w, pl_buf_span(&said));
    blanks(w, 5);
    fputs("\r\n", w->out);
}

static pl_rc write_csv(const struct pl_report *const *reports, size_t n,
                       const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    (void)o;
    (void)err;
    fputs(header, out);
    for (size_t i = 0; i < n; i++) {
        struct row w = { .out = out, .r = reports[i] };
        for (size_t k = 0; k < w.r->n_findings; k++)
            finding(&w, &w.r->findings[k]);
        for (size_t k = 0; k < w.r->n_gaps; k++)
            gap(&w, &w.r->gaps[k]);
        for (int c = 0; c < PL_N_CLASSES; c++)
            coverage(&w, (enum pl_class)c);
    }
    return PL_OK;
}

const struct pl_format pl_format_csv = {
    .name = "csv",
    .what = "for spreadsheets, one line a finding",
    .spec = "RFC 4180",
    .media_type = "text/csv; charset=utf-8; header=present",
    .write = write_csv,
};
