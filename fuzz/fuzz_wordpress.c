#include "analyze.h"

extern const struct pl_analyzer pl_analyzer_wordpress;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "www/wp-includes/version.php",
                                         "www/wp-content/plugins/a/a.php",
                                         "www/wp-content/themes/a/style.css" };
    for (size_t i = 0; i < PL_COUNT(paths); i++)
        fuzz_row(&pl_analyzer_wordpress, paths[i], pl_span_of(data, size), PL_SPAN_NONE);
    return 0;
}
