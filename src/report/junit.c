/* JUnit XML, as build servers read it: a suite for each class of each image, a failed case for
 * each finding, a skipped one for what is suppressed and for what was not looked at, and a passed
 * one where a class was looked at and nothing found.
 * Spec: there is none; the elements are those of Ant's junitreport and of Jenkins' junit-10.xsd. */
#include "report/document.h"

struct suite {
    FILE *out;
    const struct pl_report *r;
    struct pl_arena *a;
    struct pl_buf text; /* of one attribute or body */
};

static void put(struct suite *s, pl_span raw)
{
    s->text.len = 0;
    pl_markup_add(&s->text, raw);
    if (s->text.len)
        fwrite(s->text.ptr, 1, s->text.len, s->out);
}

static void attribute(struct suite *s, const char *name, pl_span raw)
{
    fprintf(s->out, " %s=\"", name);
    put(s, raw);
    fputc('"', s->out);
}

struct counts {
    size_t tests, failures, skipped;
};

static bool of_class(const struct pl_finding *f, enum pl_class c) { return f->class_id == c; }

/* Is the case for the class as a whole a passed one? */
static bool looked_at(const struct pl_report *r, enum pl_class c)
{
    return r->coverage[c].state == PL_COVERAGE_ASSESSED;
}

static bool concerns(const struct pl_gap *g, enum pl_class c)
{
    /* A gap of no class in particular is said once, in the first suite. */
    return g->class_name.len ? pl_span_eq(g->class_name, pl_span_str(pl_class_text(c)))
                             : c == PL_CLASS_OS_VULN;
}

static struct counts count(const struct pl_report *r, enum pl_class c)
{
    struct counts n = { 0 };
    for (size_t i = 0; i < r->n_findings; i++)
        if (of_class(&r->findings[i], c)) {
            n.tests++;
            n.failures += r->findings[i].suppressed_by.len == 0;
            n.skipped += r->findings[i].suppressed_by.len > 0;
        }
    for (size_t i = 0; i < r->n_gaps; i++)
        if (concerns(&r->gaps[i], c))
            n.tests++, n.skipped++;
    if (n.tests == 0 || !looked_at(r, c)) {
        n.tests++;
        n.skipped += !looked_at(r, c);
    }
    return n;
}

static void property(struct suite *s, const char *name, pl_span value)
{
    if (!value.len)
        return;
    fprintf(s->out, "      <property name=\"%s\"", name);
    attribute(s, "value", value);
    fputs("/>\n", s->out);
}

static void properties(struct suite *s)
{
    const struct pl_image *i = pl_doc_image(s->r);
    fputs("    <properties>\n", s->out);
    property(s, "image", i->reference);
    property(s, "digest", pl_digest_span(&i->digest));
    property(s, "platform", pl_doc_platform(i, s->a));
    property(s, "os", pl_doc_os(s->r, s->a));
    property(s, "scanner", PL_LIT("plimsoll " PL_VERSION));
    fputs("    </properties>\n", s->out);
}

static void body(struct suite *s, const struct pl_finding *f)
{
    PL_AUTO(buf) struct pl_buf b = { 0 };
    const struct pl_layer *l = pl_doc_layer(s->r, f->layer);
    pl_buf_add(&b, pl_doc_title(f));
    if (f->installed_version.len)
        pl_buf_printf(&b, "\ninstalled: %.*s", PL_FMT(f->installed_version));
    pl_buf_printf(&b, "\n%s: %.*s", pl_status_text(f->status),
                  PL_FMT(f->fixed_version.len ? f->fixed_version : PL_LIT("no fix")));
    if (f->fix.command.len)
        pl_buf_printf(&b, "\n%.*s", PL_FMT(f->fix.command));
    pl_span path = pl_doc_path(s->r, f);
    if (path.len)
        pl_buf_printf(&b, "\npath: %.*s", PL_FMT(path));
    if (l)
        pl_buf_printf(&b, "\nlayer %u: %.*s", l->index, PL_FMT(l->created_by));
    pl_span link = pl_doc_link(f, s->a);
    if (link.len)
        pl_buf_printf(&b, "\n%.*s", PL_FMT(link));
    put(s, pl_buf_span(&b));
}

static void finding(struct suite *s, const struct pl_finding *f)
{
    const struct pl_package *p = pl_doc_package(s->r, f);
    const char *name =
        pl_arena_printf(s->a, "[%s] %.*s", pl_severity_text(f->severity), PL_FMT(f->id));
    const char *of = p ? pl_arena_printf(s->a, "%.*s-%.*s", PL_FMT(p->name), PL_FMT(p->version))
                       : pl_arena_printf(s->a, "%.*s", PL_FMT(f->path));
    fputs("    <testcase", s->out);
    attribute(s, "classname", pl_span_str(of));
    attribute(s, "name", pl_span_str(name));
    fputs(" time=\"0\">\n", s->out);
    if (f->suppressed_by.len) {
        fputs("      <skipped", s->out);
        attribute(
            s, "message",
            pl_span_str(pl_arena_printf(s->a, "suppressed by %.*s: %.*s", PL_FMT(f->suppressed_by),
                                        PL_FMT(f->suppressed_reason))));
        fputs("/>\n", s->out);
    } else {
        fputs("      <failure", s->out);
        attribute(s, "message", pl_doc_title(f));
        attribute(s, "type", pl_span_str(pl_severity_text(f->severity)));
        fputc('>', s->out);
        body(s, f);
        fputs("</failure>\n", s->out);
    }
    fputs("    </testcase>\n", s->out);
}

static void skipped(struct suite *s, pl_span name, pl_span why)
{
    fputs("    <testcase classname=\"not looked at\"", s->out);
    attribute(s, "name", name.len ? name : PL_LIT("-"));
    fputs(" time=\"0\">\n      <skipped", s->out);
    attribute(s, "message", why);
    fputs("/>\n    </testcase>\n", s->out);
}

static void whole_class(struct suite *s, enum pl_class c, size_t others)
{
    const struct pl_coverage *k = &s->r->coverage[c];
    if (!looked_at(s->r, c))
        skipped(s, pl_span_str(pl_class_text(c)),
                pl_span_str(pl_arena_printf(s->a, "%s%s%.*s", pl_coverage_text(k->state),
                                            k->detail.len ? ": " : "", PL_FMT(k->detail))));
    else if (others == 0)
        fprintf(s->out, "    <testcase classname=\"%s\" name=\"nothing found\" time=\"0\"/>\n",
                pl_class_text(c));
}

static void suite(struct suite *s, enum pl_class c)
{
    const struct pl_report *r = s->r;
    struct counts n = count(r, c);
    size_t others = n.tests - (looked_at(r, c) ? 0 : 1);
    const char *name =
        pl_arena_printf(s->a, "%.*s %s", PL_FMT(pl_doc_image(r)->reference), pl_class_text(c));
    if (n.tests == 1 && n.failures == 0 && n.skipped == 0)
        others = 0; /* the one passed case */
    fputs("  <testsuite", s->out);
    attribute(s, "name", pl_span_str(name));
    fprintf(s->out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"0\"",
            n.tests, n.failures, n.skipped);
    attribute(s, "timestamp", pl_span_sub(pl_doc_time(r->generated_at, s->a), 0, 19));
    fputs(" hostname=\"plimsoll\">\n", s->out);
    properties(s);
    for (size_t i = 0; i < r->n_findings; i++)
        if (of_class(&r->findings[i], c))
            finding(s, &r->findings[i]);
    for (size_t i = 0; i < r->n_gaps; i++)
        if (concerns(&r->gaps[i], c))
            skipped(s, r->gaps[i].path.len ? r->gaps[i].path : r->gaps[i].reason,
                    pl_doc_gap(&r->gaps[i], s->a));
    whole_class(s, c, others);
    fputs("  </testsuite>\n", s->out);
}

static pl_rc write_junit(const struct pl_report *const *reports, size_t n,
                         const struct pl_format_opts *o, FILE *out, struct pl_err *err)
{
    PL_AUTO(arena) struct pl_arena a;
    struct suite s = { .out = out, .a = &a };
    struct counts all = { 0 };
    (void)o;
    (void)err;
    pl_arena_init(&a, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < PL_N_CLASSES; c++) {
            struct counts k = count(reports[i], (enum pl_class)c);
            all.tests += k.tests;
            all.failures += k.failures;
            all.skipped += k.skipped;
        }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"plimsoll\" "
            "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"0\">\n",
            all.tests, all.failures, all.skipped);
    for (size_t i = 0; i < n; i++) {
        s.r = reports[i];
        for (int c = 0; c < PL_N_CLASSES; c++)
            suite(&s, (enum pl_class)c);
    }
    fputs("</testsuites>\n", out);
    bool failed = s.text.failed;
    pl_buf_done(&s.text);
    return failed ? pl_fail(err, PL_ENOMEM, "JUnit: out of memory") : PL_OK;
}

const struct pl_format pl_format_junit = {
    .name = "junit",
    .what = "for build servers, JUnit XML",
    .spec = "junit-10.xsd of Jenkins",
    .media_type = "application/xml",
    .write = write_junit,
};
