/* base/xml: what it reports, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/xml.h"

struct doc {
    struct pl_reader reader;
    pl_span left;
    size_t step;   /* bytes of one read */
    size_t repeat; /* give `fill` that often behind the bytes */
    char fill;
    struct pl_buf seen;
    bool stop;
};

static pl_rc give(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    (void)err;
    struct doc *d = (struct doc *)r;
    pl_span part = pl_span_sub(d->left, 0, d->step && d->step < size ? d->step : size);
    if (part.len)
        memcpy(buf, part.ptr, part.len);
    d->left = pl_span_from(d->left, part.len);
    *got = part.len;
    if (!part.len && d->repeat) {
        *got = size < d->repeat ? size : d->repeat;
        memset(buf, d->fill, *got);
        d->repeat -= *got;
    }
    return PL_OK;
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    struct doc *d = ctx;
    pl_span id = pl_xml_attr(a, "id");
    if (pl_span_eq(name, PL_LIT("fail")))
        return pl_fail(err, PL_EIO, "told to");
    d->stop |= pl_span_eq(name, PL_LIT("stop"));
    pl_buf_printf(&d->seen, "<%.*s/%u", PL_FMT(name), depth);
    if (id.len)
        pl_buf_printf(&d->seen, "#%.*s", PL_FMT(id));
    return PL_OK;
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    (void)err, (void)depth;
    struct doc *d = ctx;
    pl_buf_printf(&d->seen, "%.*s>", PL_FMT(text));
    (void)name;
    return PL_OK;
}

static bool want(void *ctx, pl_span name, unsigned depth)
{
    (void)ctx, (void)depth;
    return !pl_span_eq(name, PL_LIT("no"));
}

static const struct pl_xml_events events = { on_open, on_close, want };

static pl_rc read_doc(struct doc *d, struct pl_err *err)
{
    d->reader.read = give;
    d->seen.len = 0;
    pl_rc rc = pl_xml_read(&d->reader, &events, d, &d->stop, err);
    pl_buf_char(&d->seen, '\0');
    return rc;
}

static void gives(const char *xml, const char *want_seen)
{
    for (size_t step = 0; step < 4; step++) {
        struct doc d = { .left = pl_span_str(xml), .step = step };
        struct pl_err err = { 0 };
        assert_int_equal(read_doc(&d, &err), PL_OK);
        assert_string_equal(d.seen.ptr, want_seen);
        pl_buf_done(&d.seen);
    }
}

static void refuses(const char *xml, pl_rc rc, const char *sentence)
{
    struct doc d = { .left = pl_span_str(xml) };
    struct pl_err err = { 0 };
    assert_int_equal(read_doc(&d, &err), rc);
    assert_non_null(strstr(err.msg, sentence));
    pl_buf_done(&d.seen);
}

static void elements(void **state)
{
    (void)state;
    gives("<a/>", "<a/1>");
    gives("<x:a xmlns:x='u' x:id='7'>\n <b id=\"8\"> two  words </b>tail</x:a>",
          "<a/1#7<b/2#8two  words>tail>");
    gives("<a>&lt;&#65;&amp;<![CDATA[<b>]]></a>", "<a/1<A&<b>>");
    gives("<a><no id='1'>x<b>y</b></no><c>z</c></a>", "<a/1<c/2z>>");
    gives("<a><b/><stop/><broken", "<a/1<b/2><stop/2");
}

static void refusals(void **state)
{
    (void)state;
    refuses("", PL_EFORMAT, "no element");
    refuses("<a><b></a>", PL_EFORMAT, "line 1, column 9");
    refuses("<a>", PL_EFORMAT, "line 1");
    refuses("<a>&what;</a>", PL_EFORMAT, "undefined entity");
    refuses("<a><fail/></a>", PL_EIO, "told to");
    /* The billion laughs, and a file of the machine. */
    refuses("<!DOCTYPE a [<!ENTITY l 'ha'><!ENTITY m '&l;&l;&l;'>]><a>&m;</a>", PL_EFORMAT,
            "declares an entity");
    refuses("<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><a>&f;</a>", PL_EFORMAT,
            "declares an entity");
    refuses("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]><a/>", PL_EFORMAT,
            "declares an entity");
}

static void ceilings(void **state)
{
    (void)state;
    struct pl_err err = { 0 };
    char *deep = calloc(PL_XML_DEPTH + 2, 3);
    for (size_t i = 0; i <= PL_XML_DEPTH; i++)
        memcpy(deep + 3 * i, "<a>", 3);
    refuses(deep, PL_ELIMIT, "nested deeper");
    free(deep);

    struct doc attr = { .left = PL_LIT("<a id='"), .repeat = 2 * PL_XML_TOKEN, .fill = 'x' };
    assert_int_equal(read_doc(&attr, &err), PL_ELIMIT);
    pl_buf_done(&attr.seen);

    struct doc text = { .left = PL_LIT("<a>"), .repeat = 4 * PL_XML_TEXT, .fill = 'x' };
    assert_int_equal(read_doc(&text, &err), PL_EFORMAT); /* it ends without its end tag */
    pl_buf_done(&text.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(elements), cmocka_unit_test(refusals),
                                        cmocka_unit_test(ceilings) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
