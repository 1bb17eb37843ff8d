/* config.json and auth.json; nothing that they name is run here. */
#include "image/registry_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "app", "reg.test:5000/team/app:1", "localhost/a/b/c" };
    for (size_t i = 0; i < PL_COUNT(names); i++) {
        struct pl_arena arena;
        struct pl_reference r;
        struct pl_credentials c = { 0 };
        const char *helper = NULL;
        struct pl_err err;
        pl_arena_init(&arena, 4 << 20);
        if (!pl_reference_parse(pl_span_str(names[i]), &r, &err) &&
            !pl_docker_config_find(pl_span_of(data, size), &r, &arena, &c, &helper, &err) && c.user)
            (void)strlen(c.password ? c.password : "");
        pl_arena_done(&arena);
    }
    return 0;
}
