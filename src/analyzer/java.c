/* java.c - Java archives, and the archives in them.
 *
 * A stack of open archives, each streamed out of the one below: the outermost is the file as it
 * passes in the layer. What an archive says of itself (metadata, names, a few classes) is gathered
 * on the way and judged at its end, by java_identity.c. */
#include "analyzer/java.h"

#include <locale.h>
#include <stdlib.h>

#include "analyzer/zip_stream.h"

enum {
    MAX_LEVELS = 16,      /* limits->nesting_depth is below */
    SMALL_BYTES = PL_MIB, /* manifests of signed jars list every file; the largest seen: 700 KiB */
    ARENA_BYTES = 32 * PL_MIB,
};

struct level {
    struct pl_zip *zip;
    struct pl_buf path; /* "app.war!/WEB-INF/lib/x.jar" */
    struct pl_java_archive archive;
    size_t n_encrypted;
    char encrypted[160]; /* the first of them */
};

struct walk {
    const struct pl_input *in;
    struct pl_sink *out;
    struct pl_zip_budget budget;
    struct level levels[MAX_LEVELS];
    size_t depth;
    struct pl_buf small; /* the small file being read */
};

static const char *reason_of(pl_rc rc)
{
    return rc == PL_ELIMIT || rc == PL_ENOMEM ? "limit" : "broken";
}

static void gap(struct walk *w, pl_span path, pl_rc rc, const struct pl_err *err)
{
    pl_sink_gap(w->out, path, reason_of(rc), "%s", err->msg);
}

/* The name of an entry as it stands in reports; without the "./" and "/" that some tools write. */
static pl_span inner_path(struct walk *w, const struct level *l, pl_span name, struct pl_buf *out)
{
    while (pl_span_skip_lit(&name, PL_LIT("./")) || pl_span_skip_lit(&name, PL_LIT("/")))
        ;
    out->ceiling = w->in->limits->path_bytes;
    pl_buf_add(out, pl_buf_span(&l->path));
    pl_buf_add(out, PL_LIT("!/"));
    pl_buf_add(out, name);
    return pl_buf_span(out);
}

static void gap_within(struct walk *w, const struct level *l, pl_span name, const char *reason,
                       const char *why)
{
    PL_AUTO(buf) struct pl_buf path = { 0 };
    pl_span at = inner_path(w, l, name, &path);
    pl_sink_gap(w->out, at, reason, "%s", why);
}

/* ---- the stack ---- */

/* Formats other than zip share some of these suffixes (a .kar may be music): those are nobody's
 * gap. */
static bool surely_java(pl_span path)
{
    static const char *const suffixes[] = { ".jar", ".war", ".ear", ".hpi", ".jpi" };
    for (size_t i = 0; i < PL_COUNT(suffixes); i++)
        if (pl_span_ends(path, pl_span_str(suffixes[i])))
            return true;
    return false;
}

static void push(struct walk *w, pl_span path, struct pl_blocks *blocks)
{
    struct level *l = &w->levels[w->depth];
    struct pl_err err = { 0 };
    struct pl_zip *zip = NULL;
    pl_rc rc = pl_zip_open(blocks, &w->budget, &zip, &err);
    if (rc) {
        if (surely_java(path) || rc != PL_EFORMAT)
            gap(w, path, rc, &err);
        return;
    }
    *l = (struct level){ .zip = zip };
    pl_buf_add(&l->path, path);
    pl_arena_init(&l->archive.arena, ARENA_BYTES);
    l->archive.poms = PL_VEC(struct pl_java_coord);
    l->archive.pom_xmls = PL_VEC(struct pl_java_coord);
    w->depth++;
}

static void pop(struct walk *w)
{
    struct level *l = &w->levels[--w->depth];
    pl_zip_close(l->zip);
    pl_buf_done(&l->path);
    pl_arena_done(&l->archive.arena);
}

static pl_rc end_level(struct walk *w, struct pl_err *err)
{
    struct level *l = &w->levels[w->depth - 1];
    pl_span path = pl_buf_span(&l->path);
    if (l->n_encrypted)
        pl_sink_gap(w->out, path, "encrypted", "%zu entries cannot be read without a password: %s",
                    l->n_encrypted, l->encrypted);
    pl_rc rc = pl_java_conclude(&l->archive, path, w->out, err);
    pop(w);
    return rc;
}

/* ---- entries ---- */

static void descend(struct walk *w, struct level *l, pl_span name)
{
    PL_AUTO(buf) struct pl_buf path = { 0 };
    pl_span at = inner_path(w, l, name, &path);
    size_t most = w->in->limits->nesting_depth;
    if (path.failed)
        pl_sink_gap(w->out, pl_buf_span(&l->path), "limit",
                    "the name of an archive in it is longer than %zu bytes",
                    w->in->limits->path_bytes);
    else if (w->depth >= most || w->depth >= MAX_LEVELS)
        pl_sink_gap(w->out, at, "limit", "archives lie more than %zu deep in each other", most);
    else
        push(w, at, pl_zip_data(l->zip));
}

/* A small file whole into w->small. */
static pl_rc read_small(struct walk *w, struct level *l, struct pl_err *err)
{
    struct pl_blocks *data = pl_zip_data(l->zip);
    pl_span block;
    w->small.len = 0;
    for (;;) {
        pl_rc rc = data->read(data, &block, err);
        if (rc || block.len == 0)
            return rc;
        if (block.len > SMALL_BYTES - w->small.len)
            return pl_fail(err, PL_ELIMIT, "larger than %zu KiB", (size_t)SMALL_BYTES / PL_KIB);
        pl_buf_add(&w->small, block);
        if (w->small.failed)
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
}

static bool take_small(struct walk *w, struct level *l, enum pl_java_entry kind, int witness)
{
    struct pl_java_archive *a = &l->archive;
    pl_span bytes = pl_buf_span(&w->small);
    switch (kind) {
    case PL_JAVA_MANIFEST: return pl_java_read_manifest(a, bytes);
    case PL_JAVA_POM: return pl_java_read_pom(a, bytes);
    case PL_JAVA_POM_XML: return pl_java_read_pom_xml(a, bytes);
    case PL_JAVA_TOMCAT: return pl_java_read_tomcat(a, bytes);
    default: return pl_java_read_witness(a, witness, bytes);
    }
}

static void read_entry(struct walk *w, struct level *l, pl_span name, enum pl_java_entry kind,
                       int witness)
{
    struct pl_err err = { 0 };
    pl_rc rc = read_small(w, l, &err);
    if (rc)
        gap_within(w, l, name, reason_of(rc), err.msg);
    else if (!take_small(w, l, kind, witness))
        gap_within(w, l, name, "limit", "the archive's metadata is larger than is kept");
}

static void note_encrypted(struct level *l, pl_span name)
{
    if (l->n_encrypted++ == 0)
        snprintf(l->encrypted, sizeof(l->encrypted), "%.*s", PL_FMT(name));
}

static void visit(struct walk *w, const struct pl_zip_entry *e)
{
    struct level *l = &w->levels[w->depth - 1];
    enum pl_java_entry kind = e->directory ? PL_JAVA_OTHER : pl_java_entry_of(e->name);
    bool wants = true;
    int witness = kind == PL_JAVA_WITNESS ? pl_java_witness(e->name, &wants) : -1;
    if (e->encrypted && !e->directory) {
        note_encrypted(l, e->name);
        return;
    }
    l->archive.n_classes += kind == PL_JAVA_CLASS || kind == PL_JAVA_WITNESS;
    if (witness >= 0)
        l->archive.seen[witness] = true;
    if (kind == PL_JAVA_ARCHIVE)
        descend(w, l, e->name);
    else if (kind != PL_JAVA_OTHER && kind != PL_JAVA_CLASS && wants)
        read_entry(w, l, e->name, kind, witness);
}

/* ---- the file ---- */

static pl_rc walk(struct walk *w, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    while (!rc && w->depth) {
        struct level *l = &w->levels[w->depth - 1];
        const struct pl_zip_entry *e = NULL;
        struct pl_err why = { 0 };
        pl_rc flaw = pl_zip_next(l->zip, &e, &why);
        /* When the file ends early, every archive on the stack breaks: the innermost names the
         * place, and the outer ones were not seen to their end either. When the layer itself does
         * so, that is told by whoever reads the layer. */
        if (flaw && !pl_zip_source_failed(w->levels[0].zip))
            gap(w, pl_buf_span(&l->path), flaw, &why);
        if (!flaw && e)
            visit(w, e);
        else
            rc = end_level(w, err);
    }
    return rc;
}

static pl_rc stream(const struct pl_input *in, struct pl_blocks *bytes, struct pl_sink *out,
                    struct pl_err *err)
{
    struct walk *w = calloc(1, sizeof(*w));
    if (!w)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    w->in = in;
    w->out = out;
    w->budget.limits = in->limits;
    /* Names flagged as UTF-8 get lost in the plain "C" locale. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), outer = (locale_t)0;
    if (utf8)
        outer = uselocale(utf8);
    push(w, in->path, bytes);
    pl_rc rc = walk(w, err);
    while (w->depth)
        pop(w);
    pl_buf_done(&w->small);
    free(w);
    if (utf8) {
        uselocale(outer);
        freelocale(utf8);
    }
    return rc;
}

const struct pl_analyzer pl_analyzer_java = {
    .application = true,
    .name = "java",
    .what = "Java archives and the archives in them",
    .spec = "JAR File Specification; Maven Archiver; OSGi Core, Bundle manifest headers",
    .paths = (const char *const[]){ "**/*.{jar,war,ear,par,sar,nar,hpi,jpi,kar,lpkg,rar,far,zip}",
                                    NULL },
    .revision = 1,
    .stream = stream,
};
