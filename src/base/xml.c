#include "base/xml.h"
#include "base/buf.h"
#include <expat.h>

PL_AUTO_DEFINE(xml_parser, XML_Parser, XML_ParserFree)

struct state {
    XML_Parser parser;
    const struct pl_xml_events *events;
    void *ctx;
    const bool *stop;
    struct pl_err *err;
    struct pl_buf text;
    unsigned depth;
    unsigned unwanted; /* depth of the element that nobody wants; 0 none */
    size_t quiet;      /* bytes fed since expat last reported anything */
    pl_rc rc;
};

static pl_span local_name(const char *qualified)
{
    const char *colon = strchr(qualified, ':');
    return pl_span_str(colon ? colon + 1 : qualified);
}

pl_span pl_xml_attr(const struct pl_xml_attrs *a, const char *name)
{
    for (const char *const *p = a->pairs; p[0]; p += 2)
        if (!strcmp(p[0], name) || pl_span_eq(local_name(p[0]), pl_span_str(name)))
            return pl_span_str(p[1]);
    return PL_SPAN_NONE;
}

static void halt(struct state *s, pl_rc rc)
{
    s->rc = rc;
    XML_StopParser(s->parser, XML_FALSE);
}

static void halt_if(struct state *s, pl_rc rc)
{
    if (rc || (s->stop && *s->stop))
        halt(s, rc);
}

/* expat may still report the end of an empty element after it was stopped in its beginning. */
static bool halted(const struct state *s) { return s->rc || (s->stop && *s->stop); }

static void on_open(void *ctx, const char *name, const char **pairs)
{
    struct state *s = ctx;
    s->quiet = 0;
    if (halted(s))
        return;
    if (++s->depth > PL_XML_DEPTH) {
        halt(s, pl_fail(s->err, PL_ELIMIT, "line %lu: elements nested deeper than %d",
                        (unsigned long)XML_GetCurrentLineNumber(s->parser), PL_XML_DEPTH));
        return;
    }
    s->text.len = 0;
    if (s->unwanted)
        return;
    pl_span local = local_name(name);
    if (s->events->want && !s->events->want(s->ctx, local, s->depth)) {
        s->unwanted = s->depth;
        return;
    }
    struct pl_xml_attrs attrs = { .pairs = (const char *const *)pairs };
    if (s->events->open)
        halt_if(s, s->events->open(s->ctx, local, &attrs, s->depth, s->err));
}

static void on_close(void *ctx, const char *name)
{
    struct state *s = ctx;
    s->quiet = 0;
    if (halted(s))
        return;
    unsigned depth = s->depth--;
    if (s->unwanted) {
        if (s->unwanted == depth)
            s->unwanted = 0;
        return;
    }
    if (s->text.failed) {
        halt(s, pl_fail(s->err, PL_ENOMEM, "no memory for text"));
        return;
    }
    if (s->events->close)
        halt_if(s, s->events->close(s->ctx, local_name(name), pl_span_trim(pl_buf_span(&s->text)),
                                    depth, s->err));
    s->text.len = 0;
}

static void on_text(void *ctx, const char *text, int len)
{
    struct state *s = ctx;
    s->quiet = 0;
    if (s->unwanted || len <= 0 || s->text.len >= PL_XML_TEXT)
        return;
    pl_buf_add(&s->text, pl_span_sub(pl_span_of(text, (size_t)len), 0, PL_XML_TEXT - s->text.len));
}

static void on_entity(void *ctx, const char *name, int is_parameter, const char *value, int len,
                      const char *base, const char *system_id, const char *public_id,
                      const char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)len, (void)base;
    (void)system_id, (void)public_id, (void)notation;
    struct state *s = ctx;
    if (!halted(s))
        halt(s, pl_fail(s->err, PL_EFORMAT, "line %lu: declares an entity, which is refused",
                        (unsigned long)XML_GetCurrentLineNumber(s->parser)));
}

static pl_rc syntax(struct state *s)
{
    return pl_fail(s->err, PL_EFORMAT, "line %lu, column %lu: %s",
                   (unsigned long)XML_GetCurrentLineNumber(s->parser),
                   (unsigned long)XML_GetCurrentColumnNumber(s->parser) + 1,
                   XML_ErrorString(XML_GetErrorCode(s->parser)));
}

static pl_rc feed(struct state *s, struct pl_reader *in)
{
    for (;;) {
        enum { CHUNK = 128 * 1024 };
        void *room = XML_GetBuffer(s->parser, CHUNK);
        size_t got = 0;
        if (!room)
            return pl_fail(s->err, PL_ENOMEM, "no memory for XML");
        pl_rc rc = in->read(in, room, CHUNK, &got, s->err);
        if (rc)
            return rc;
        if ((s->quiet += got) > PL_XML_TOKEN)
            return pl_fail(s->err, PL_ELIMIT, "line %lu: one tag or comment of over %zu bytes",
                           (unsigned long)XML_GetCurrentLineNumber(s->parser), PL_XML_TOKEN);
        enum XML_Status status = XML_ParseBuffer(s->parser, (int)got, got == 0);
        if (halted(s))
            return s->rc;
        if (status != XML_STATUS_OK)
            return syntax(s);
        if (!got)
            return PL_OK;
    }
}

pl_rc pl_xml_read(struct pl_reader *in, const struct pl_xml_events *events, void *ctx,
                  const bool *stop, struct pl_err *err)
{
    PL_AUTO(xml_parser) XML_Parser parser = XML_ParserCreate(NULL);
    if (!parser)
        return pl_fail(err, PL_ENOMEM, "no memory for XML");
    struct state s = { .parser = parser, .events = events, .ctx = ctx, .stop = stop, .err = err };
    XML_SetUserData(parser, &s);
    XML_SetElementHandler(parser, on_open, on_close);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetEntityDeclHandler(parser, on_entity);
    pl_rc rc = feed(&s, in);
    pl_buf_done(&s.text);
    return rc;
}
