#include "report/format.h"

#define FORMAT(name) extern const struct pl_format pl_format_##name;
#include "report/formats.def"
#undef FORMAT

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
