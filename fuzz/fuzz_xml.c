/* The XML layer: events come in pairs, names and text are whole, depth is bounded. */
#include <assert.h>

#include "base/xml.h"

struct input {
    struct pl_reader reader;
    pl_span left;
    unsigned depth;
};

static pl_rc give(struct pl_reader *r, void *buf, size_t size, size_t *got, struct pl_err *err)
{
    (void)err;
    struct input *in = (struct input *)r;
    pl_span part = pl_span_sub(in->left, 0, size > 64 ? 64 : size);
    if (part.len)
        memcpy(buf, part.ptr, part.len);
    in->left = pl_span_from(in->left, part.len);
    *got = part.len;
    return PL_OK;
}

static pl_rc on_open(void *ctx, pl_span name, const struct pl_xml_attrs *a, unsigned depth,
                     struct pl_err *err)
{
    struct input *in = ctx;
    (void)name, (void)err;
    assert(depth == ++in->depth && depth <= PL_XML_DEPTH);
    pl_span id = pl_xml_attr(a, "id");
    return id.len && id.ptr[0] == '!' ? PL_EABSENT : PL_OK;
}

static pl_rc on_close(void *ctx, pl_span name, pl_span text, unsigned depth, struct pl_err *err)
{
    struct input *in = ctx;
    (void)err;
    assert(depth == in->depth--);
    return name.len && text.len && text.ptr[text.len - 1] == '!' ? PL_EABSENT : PL_OK;
}

static bool want(void *ctx, pl_span name, unsigned depth)
{
    (void)ctx, (void)depth;
    return !pl_span_eq(name, PL_LIT("no"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pl_xml_events events = { on_open, on_close, want };
    struct input in = { .reader.read = give, .left = pl_span_of(data, size) };
    struct pl_err err;
    pl_rc rc = pl_xml_read(&in.reader, &events, &in, NULL, &err);
    assert(rc || in.depth == 0);
    return 0;
}
