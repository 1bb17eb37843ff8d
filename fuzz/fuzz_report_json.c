/* Saved reports from anywhere: read, written in every format, and what is read of our own JSON is
 * written the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "report/diff.h"
#include "report/read_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *write_json(const struct pl_report_set *set, size_t *size)
{
    char *text = NULL;
    const struct pl_format_opts o = { .several = set->list };
    FILE *out = open_memstream(&text, size);
    for (size_t i = 0; out && i < set->n && i < 1; i++) {
        const struct pl_report *r = &set->items[i];
        if (pl_format_json.write(&r, 1, &o, out, NULL))
            __builtin_trap();
    }
    if (out)
        fclose(out);
    return text;
}

static void write_all(const struct pl_report_set *set)
{
    const struct pl_format_opts o = { .unicode = true };
    for (size_t i = 0; i < set->n && i < 2; i++)
        for (size_t k = 0; k < pl_n_formats; k++) {
            char *text = NULL;
            size_t size;
            const struct pl_report *r = &set->items[i];
            FILE *out = open_memstream(&text, &size);
            if (out && pl_formats[k]->write(&r, 1, &o, out, NULL))
                __builtin_trap();
            if (out)
                fclose(out);
            free(text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PL_AUTO(arena) struct pl_arena a;
    struct pl_report_set set, again;
    struct pl_diff d;
    pl_arena_init(&a, 64 << 20);
    if (pl_reports_parse(pl_span_of(data, size), &a, &set, NULL) || set.n == 0)
        return 0;
    write_all(&set);
    if (pl_diff_make(&set.items[0], &set.items[set.n - 1], &a, &d, NULL))
        __builtin_trap();
    size_t first, second;
    char *text = write_json(&set, &first);
    if (text && pl_reports_parse(pl_span_of(text, first), &a, &again, NULL) == PL_OK) {
        char *other = write_json(&again, &second);
        if (other && (first != second || memcmp(text, other, first) != 0))
            __builtin_trap();
        free(other);
    }
    free(text);
    return 0;
}
