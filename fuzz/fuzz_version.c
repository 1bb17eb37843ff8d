/* Two versions, apart by a tab, in every scheme: the order must be a mirror of itself. */
#include <stdint.h>
#include <stdlib.h>

#include "version/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pl_span b = pl_span_of(data, size), a;
    if (size == 0 || !pl_span_split(&b, '\t', &a))
        return 0;
    for (size_t i = 0; i < pl_n_schemes; i++) {
        const struct pl_scheme *s = pl_schemes[i];
        int x = s->compare(a, b), y = s->compare(b, a);
        if ((x < 0) != (y > 0) || (x > 0) != (y < 0) || s->compare(a, a) != 0)
            abort();
        s->valid(a);
    }
    return 0;
}
