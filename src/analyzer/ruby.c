/* ruby.c - installed gems: specifications/NAME-VERSION.gemspec and specifications/default/.
 *
 * RubyGems writes these files itself, in one form: a line "# stub: NAME VERSION PLATFORM PATHS"
 * and then Ruby code. Files from before the stub (RubyGems < 2.2) and those of distributions have
 * the code alone: s.name = "x".freeze; s.version = "1.0" or Gem::Version.new("1.0").
 * Spec: rubygems, Gem::Specification#to_ruby and Gem::StubSpecification. */
#include "analyzer/apps.h"

/* The first quoted text behind "=", of the forms that to_ruby writes. */
static pl_span quoted(pl_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char q = value.ptr[i];
        if (q != '"' && q != '\'')
            continue;
        pl_span inner = pl_span_from(value, i + 1);
        size_t end = pl_span_chr(inner, q);
        return end == SIZE_MAX ? PL_SPAN_NONE : pl_span_sub(inner, 0, end);
    }
    return PL_SPAN_NONE;
}

/* "  s.name = ..." of any variable, cut into "name" and what is assigned. */
static bool assignment(pl_span line, pl_span *field, pl_span *value)
{
    size_t equals = pl_span_chr(line, '=');
    if (equals == SIZE_MAX)
        return false;
    pl_span left = pl_span_trim(pl_span_sub(line, 0, equals));
    size_t dot = pl_span_chr(left, '.');
    if (dot == SIZE_MAX || dot == 0 || dot > 16)
        return false;
    *field = pl_span_from(left, dot + 1);
    *value = pl_span_from(line, equals + 1);
    return true;
}

static bool stub(pl_span line, struct pl_package *p)
{
    return pl_span_skip_lit(&line, PL_LIT("# stub: ")) && pl_span_word(&line, &p->name) &&
           pl_span_word(&line, &p->version);
}

static void field_of(pl_span field, pl_span value, struct pl_package *p)
{
    pl_span text = quoted(value);
    if (pl_span_eq(field, PL_LIT("name")) && !p->name.len)
        p->name = text;
    else if (pl_span_eq(field, PL_LIT("version")) && !p->version.len)
        p->version = text;
    else if (pl_span_eq(field, PL_LIT("licenses")) || pl_span_eq(field, PL_LIT("license")))
        p->licenses = text;
}

static pl_rc parse(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("gem"), .analyzer = PL_LIT("ruby") };
    struct pl_broken broken = { 0 };
    pl_span rest = in->bytes, line, field, value;
    bool stubbed = false;
    while (pl_span_line(&rest, &line)) {
        if (!stubbed && stub(line, &p))
            stubbed = true;
        else if (assignment(line, &field, &value))
            field_of(field, value, &p);
    }
    pl_rc rc = pl_put_app(in, out, &p, &broken, err);
    pl_broken_report(&broken, in, out, "fields");
    return rc;
}

const struct pl_analyzer pl_analyzer_ruby = {
    .application = true,
    .name = "ruby",
    .what = "installed Ruby gems",
    .spec = "rubygems: Gem::Specification#to_ruby, Gem::StubSpecification",
    .paths = (const char *const[]){ "**/specifications/*.gemspec",
                                    "**/specifications/default/*.gemspec", NULL },
    .max_bytes = 4 * PL_MIB,
    .revision = 1,
    .parse = parse,
};
