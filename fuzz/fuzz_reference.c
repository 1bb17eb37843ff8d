/* A reference that parses is written out and parses again to the same. */
#include <stdlib.h>

#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_reference a, b;
    struct pl_err err;
    char text[PL_REFERENCE_TEXT];
    if (pl_reference_parse(pl_span_of(data, size), &a, &err))
        return 0;
    pl_reference_text(&a, text, sizeof(text));
    if (pl_reference_parse(pl_span_str(text), &b, &err))
        abort();
    if (strcmp(a.repository, b.repository) != 0 || strcmp(a.domain, b.domain) != 0 ||
        strcmp(a.tag, b.tag) != 0 || strcmp(a.digest.text, b.digest.text) != 0)
        abort();
    return 0;
}
