#include "report/format.h"

const struct pl_format *const pl_formats[] = {
#define FORMAT(name) &pl_format_##name,
#include "report/formats.def"
#undef FORMAT
};
const size_t pl_n_formats = sizeof(pl_formats) / sizeof(pl_formats[0]);

const struct pl_format *pl_format_find(pl_span name)
{
    for (size_t i = 0; i < pl_n_formats; i++)
        if (pl_span_eq(pl_span_str(pl_formats[i]->name), name))
            return pl_formats[i];
    return NULL;
}

pl_rc pl_format_check(const struct pl_format *f, size_t n_images, struct pl_err *err)
{
    if (!f->one_image || n_images == 1)
        return PL_OK;
    return pl_fail(err, PL_EUSAGE,
                   "a %s document describes one image, not %zu: name one TARGET at a time, each "
                   "with --format %s=FILE",
                   f->name, n_images, f->name);
}
