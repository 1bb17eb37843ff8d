/* A YAML file that somebody wrote for us. */
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(arena) struct pl_arena a;
    struct pl_yaml *top = NULL;
    struct pl_err err;
    pl_arena_init(&a, 64 << 20);
    (void)!pl_yaml_parse("fuzz", pl_span_of(data, size), &a, &top, &err);
    return 0;
}
