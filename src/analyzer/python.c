/* python.c - installed Python distributions: NAME.dist-info/METADATA, NAME.egg-info/PKG-INFO or
 * one NAME.egg-info file (distutils), EGG-INFO/PKG-INFO of an unpacked egg.
 *
 * Headers like those of a mail, up to the first empty line; the rest is the description. Names are
 * kept as written; whoever compares them normalises (PEP 503).
 * Spec: Core metadata specifications; PEP 376, 566, 639; setuptools, "Internal formats". */
#include "analyzer/apps.h"

static bool header(pl_span line, const char *name, pl_span *value)
{
    pl_span want = pl_span_str(name);
    if (line.len <= want.len || line.ptr[want.len] != ':' ||
        !pl_span_eq_nocase(pl_span_sub(line, 0, want.len), want))
        return false;
    *value = pl_span_trim(pl_span_from(line, want.len + 1));
    return true;
}

/* Setuptools writes UNKNOWN for what nobody told it; a licence's whole text is no name of one. */
static pl_span license(pl_span expression, pl_span text, pl_span classifier)
{
    enum { A_NAME = 100 };
    if (expression.len)
        return expression;
    if (text.len && text.len <= A_NAME && !pl_span_eq(text, PL_LIT("UNKNOWN")))
        return text;
    size_t last = pl_span_rchr(classifier, ':');
    return last == SIZE_MAX ? classifier : pl_span_trim(pl_span_from(classifier, last + 1));
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("pypi"), .analyzer = PL_LIT("python") };
    struct pl_broken broken = { 0 };
    pl_span rest = in->bytes, line, value, expression = { 0 }, text = { 0 }, classifier = { 0 };
    pl_span_skip_lit(&rest, PL_LIT("\xef\xbb\xbf"));
    while (pl_span_line(&rest, &line) && line.len) {
        if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
            continue; /* the line before goes on; no header that we want does */
        if (header(line, "Name", &value) && !p.name.len)
            p.name = value;
        else if (header(line, "Version", &value) && !p.version.len)
            p.version = value;
        else if (header(line, "License-Expression", &value))
            expression = value;
        else if (header(line, "License", &value))
            text = value;
        else if (header(line, "Classifier", &value) && !classifier.len &&
                 pl_span_starts(value, PL_LIT("License ::")))
            classifier = value;
    }
    if (!p.name.len && !p.version.len)
        return PL_OK; /* a fixture, or a file of that name that is of something else */
    p.licenses = license(expression, text, classifier);
    pl_rc rc = pl_put_app(in, out, &p, &broken, err);
    pl_broken_report(&broken, in, out, "headers");
    return rc;
}

const struct pl_analyzer pl_analyzer_python = {
    .application = true,
    .name = "python",
    .what = "installed Python distributions",
    .spec = "Core metadata specifications (PyPA); setuptools, Internal formats of eggs",
    .paths = (const char *const[]){ "**/*.dist-info/METADATA", "**/*.egg-info/PKG-INFO",
                                    "**/EGG-INFO/PKG-INFO", "**/*.egg-info", NULL },
    .revision = 1,
    .parse = parse,
};
