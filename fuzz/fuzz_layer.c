/* A whole layer pass in process: whatever the stored bytes are, it ends, and its report reads. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scan/layer_pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pl_rc keep(const struct pl_input *in, struct pl_sink *out, struct pl_err *err)
{
    struct pl_package p = { .type = PL_LIT("x"),
                            .name = pl_span_sub(in->bytes, 0, 8),
                            .version = in->beside,
                            .path = in->path };
    struct pl_owned o = { p.type, p.name, pl_span_sub(in->bytes, 0, 5000), in->path };
    pl_rc rc = pl_sink_package(out, &p, err);
    return rc ? rc : pl_sink_owned(out, &o, err);
}

static const struct pl_analyzer rows[] = {
    { .name = "all", .parse = keep },
    { .name = "beside", .beside = "-wal", .max_bytes = 4096, .parse = keep },
    { .name = "magic", .magic = "ID=", .magic_len = 3, .parse = keep },
};
static const struct pl_analyzer *const table[] = { &rows[0], &rows[1], &rows[2] };

static size_t by_last_byte(pl_span path, const struct pl_analyzer **out, size_t max)
{
    if (path.len == 0 || max < 2)
        return 0;
    out[0] = &rows[(unsigned char)path.ptr[path.len - 1] % 3];
    out[1] = &rows[2];
    return (unsigned char)path.ptr[path.len - 1] % 4 ? 1 : 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_limits limits = PL_LIMITS;
    PL_AUTO(buf) struct pl_buf out = { 0 };
    PL_AUTO(arena) struct pl_arena a;
    struct pl_layer_report r;
    struct pl_err err;
    struct pl_entry_iter ei;
    struct pl_owned_iter oi;
    struct pl_entry e;
    struct pl_owned o;
    limits.layer_bytes = 8 << 20;
    limits.file_bytes = 1 << 20;
    limits.gathered_bytes = 4 << 20;
    int fd = memfd_create("layer", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    struct pl_layer_job job = { .name = "layer",
                                .tree_fd = -1,
                                .limits = &limits,
                                .stream = { .fd = fd, .seekable = true, .length = size },
                                .analyzers_for = by_last_byte,
                                .rows = table,
                                .n_rows = 3 };
    pl_arena_init(&a, 64 << 20);
    pl_rc rc = pl_layer_pass_run(&job, NULL, &out, &err);
    close(fd);
    if (rc)
        return 0;
    if (pl_layer_report_decode(pl_buf_span(&out), &limits, &a, &r, &err))
        abort();
    size_t n = 0;
    pl_entry_iter_init(&ei, &r);
    while (pl_entry_next(&ei, &e))
        n++;
    pl_owned_iter_init(&oi, &r);
    while (pl_owned_next(&oi, &o))
        ;
    if (ei.broken || oi.broken || n != r.n_entries)
        abort();
    return 0;
}
