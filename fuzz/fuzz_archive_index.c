/* An outer archive: first the child's side (libarchive over the bytes), then the parent's side over
 * the index that came of it; and the parent's side over the bytes themselves, as a child that was
 * taken over would send them. */
#include <sys/mman.h>
#include <unistd.h>

#include "image/archive.h"

static void look(pl_span index, const struct pl_limits *limits)
{
    struct pl_files *f = NULL;
    struct pl_file file;
    const char *name;
    if (pl_archive_index_parse(index, limits, &f, NULL))
        return;
    for (size_t i = 0; i < 50 && (name = pl_archive_name(f, i)); i++)
        (void)f->ops->find(f, pl_span_str(name), &file, NULL);
    (void)f->ops->find(f, PL_LIT("manifest.json"), &file, NULL);
    pl_files_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_limits limits = PL_LIMITS;
    struct pl_buf answer = { 0 };
    limits.archive_entries = 1000;
    limits.expansion_from = 1 << 20;
    look(pl_span_of(data, size), &limits);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
        __builtin_trap();
    struct pl_archive_input in = { .fd = fd, .seekable = true, .size = size };
    pl_archive_index(&in, &limits, -1, &answer);
    look(pl_buf_span(&answer), &limits);
    pl_buf_done(&answer);
    close(fd);
    return 0;
}
