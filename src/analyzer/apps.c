#include "analyzer/apps.h"

enum { MOST = 512 };

static bool sensible(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0 && s.len <= MOST;
}

pl_rc pl_put_app(const struct pl_input *in, struct pl_sink *out, struct pl_package *p,
                 struct pl_broken *b, struct pl_err *err)
{
    p->name = pl_span_trim(p->name);
    p->version = pl_span_trim(p->version);
    p->path = in->path;
    if (!sensible(p->licenses))
        p->licenses = PL_SPAN_NONE;
    if (!sensible(p->name)) {
        pl_broken_add(b, "a package without a usable name");
        return PL_OK;
    }
    if (!sensible(p->version)) {
        pl_broken_add(b, "%.*s: no usable version", PL_FMT(pl_span_sub(p->name, 0, 80)));
        return PL_OK;
    }
    return pl_sink_package(out, p, err);
}
