#include "scan/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/report_form.h"

/* A file: magic, SHA-256 of the report in hex, the report. */
#define MAGIC "PLC1"
enum { HEX = 64, HEADER = 4 + HEX, NAME_ROOM = 192, TOUCH_AFTER_S = 3600, STALE_S = 3600 };

struct pl_cache {
    int dir;
    uint64_t max_bytes;
    bool grown;
    unsigned n_put;
};

void pl_cache_key(pl_span revision, pl_digest *out)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    *out = (pl_digest){ 0 };
    if (pl_hasher_new(PL_LIT("sha256"), &h, NULL))
        return;
    pl_hasher_add(h, PL_LIT(PL_FORM_VERSION "\n"));
    pl_hasher_add(h, revision);
    pl_hasher_finish(h, out);
}

pl_rc pl_cache_open(const char *dir, uint64_t max_bytes, struct pl_cache **out, struct pl_err *err)
{
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return pl_fail_errno(err, PL_EIO, errno, "cache %s: cannot be made", dir);
    PL_AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cache %s: cannot be used", dir);
    struct pl_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    c->dir = pl_take_fd(&fd);
    c->max_bytes = max_bytes;
    *out = c;
    return PL_OK;
}

/* "9c/9c1b...-0123456789abcdef": folders stay small, and the key's first half is plenty. */
static bool name_of(const pl_digest *layer, const pl_digest *key, char out[NAME_ROOM])
{
    pl_span id = pl_digest_hex(layer), made_by = pl_digest_hex(key);
    if (!pl_digest_set(layer) || !pl_digest_set(key) || id.len < 64 || made_by.len < 32)
        return false;
    snprintf(out, NAME_ROOM, "%.2s/%.*s-%.32s", id.ptr, (int)(id.len < 128 ? id.len : 128), id.ptr,
             made_by.ptr);
    return true;
}

/* ---- reading ---- */

static bool is_whole(pl_span file, pl_span *report)
{
    pl_span digest;
    pl_digest measured;
    if (!pl_span_skip_lit(&file, PL_LIT(MAGIC)) || !pl_span_take(&file, HEX, &digest))
        return false;
    pl_sha256(file, &measured);
    *report = file;
    return pl_span_eq(pl_digest_hex(&measured), digest);
}

/* The time of last change says when it was last used; written seldom, for the disk's sake. */
static void touch(int fd, const struct stat *st)
{
    if (time(NULL) - st->st_mtime > TOUCH_AFTER_S)
        futimens(fd, NULL);
}

bool pl_cache_get(struct pl_cache *c, const pl_digest *layer, const pl_digest *key,
                  struct pl_cached *out)
{
    char name[NAME_ROOM];
    struct stat st;
    if (!name_of(layer, key, name))
        return false;
    PL_AUTO(fd) int fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < HEADER ||
        st.st_uid != geteuid())
        return false;
    struct pl_cached got = { .map_len = (size_t)st.st_size };
    got.map = mmap(NULL, got.map_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (got.map == MAP_FAILED)
        return false;
    if (!is_whole(pl_span_of(got.map, got.map_len), &got.bytes)) {
        munmap(got.map, got.map_len);
        unlinkat(c->dir, name, 0);
        return false;
    }
    touch(fd, &st);
    *out = got;
    return true;
}

void pl_cached_done(struct pl_cached *c)
{
    if (c->map)
        munmap(c->map, c->map_len);
    *c = (struct pl_cached){ 0 };
}

/* ---- writing ---- */

static bool write_all(int fd, pl_span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = pl_span_from(bytes, (size_t)n);
    }
    return true;
}

static bool write_report(int fd, pl_span report)
{
    pl_digest digest;
    pl_sha256(report, &digest);
    return write_all(fd, PL_LIT(MAGIC)) && write_all(fd, pl_digest_hex(&digest)) &&
           write_all(fd, report);
}

pl_rc pl_cache_put(struct pl_cache *c, const pl_digest *layer, const pl_digest *key, pl_span report,
                   struct pl_err *err)
{
    char name[NAME_ROOM], temporary[NAME_ROOM], folder[3] = { 0 };
    if (!name_of(layer, key, name))
        return pl_fail(err, PL_EUSAGE, "cache: a layer without a digest");
    memcpy(folder, name, 2);
    if (mkdirat(c->dir, folder, 0700) < 0 && errno != EEXIST)
        return pl_fail_errno(err, PL_EIO, errno, "cache: cannot be written");
    snprintf(temporary, sizeof(temporary), "%s/.new-%ld-%u", folder, (long)getpid(), c->n_put++);
    PL_AUTO(fd)
    int fd = openat(c->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return pl_fail_errno(err, PL_EIO, errno, "cache: cannot be written");
    if (!write_report(fd, report) || renameat(c->dir, temporary, c->dir, name) < 0) {
        pl_fail_errno(err, PL_EIO, errno, "cache: cannot be written");
        unlinkat(c->dir, temporary, 0);
        return PL_EIO;
    }
    c->grown = true;
    return PL_OK;
}

/* ---- keeping it small ---- */

struct old_file {
    char name[NAME_ROOM];
    uint64_t size;
    time_t used;
};

struct survey {
    struct old_file *files;
    size_t n, room;
    uint64_t bytes;
};

static bool add_file(struct survey *s, const char *folder, const char *name, const struct stat *st)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 256;
        struct old_file *files = realloc(s->files, room * sizeof(*files));
        if (!files)
            return false;
        s->files = files;
        s->room = room;
    }
    struct old_file *f = &s->files[s->n];
    int n = snprintf(f->name, sizeof(f->name), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(f->name))
        return true; /* not a name of ours */
    f->size = (uint64_t)st->st_size;
    f->used = st->st_mtime;
    s->bytes += f->size;
    s->n++;
    return true;
}

/* What a process that was killed left behind goes as well. */
static void survey_folder(struct pl_cache *c, const char *folder, struct survey *s)
{
    int fd = openat(c->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    struct stat st;
    bool good = d != NULL;
    while (good && (e = readdir(d))) {
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (strncmp(e->d_name, ".new-", 5) == 0) {
            if (time(NULL) - st.st_mtime > STALE_S)
                unlinkat(fd, e->d_name, 0);
        } else {
            good = add_file(s, folder, e->d_name, &st);
        }
    }
    if (d)
        closedir(d);
    else
        pl_close_fd(fd);
}

static int least_recent_first(const void *x, const void *y)
{
    const struct old_file *a = x, *b = y;
    if (a->used != b->used)
        return a->used < b->used ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void shrink(struct pl_cache *c)
{
    struct survey s = { 0 };
    char folder[3];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(folder, sizeof(folder), "%02x", i);
        survey_folder(c, folder, &s);
    }
    if (s.bytes > c->max_bytes)
        qsort(s.files, s.n, sizeof(s.files[0]), least_recent_first);
    for (size_t i = 0; i < s.n && s.bytes > c->max_bytes; i++) {
        unlinkat(c->dir, s.files[i].name, 0);
        s.bytes -= s.files[i].size;
    }
    free(s.files);
}

void pl_cache_close(struct pl_cache *c)
{
    if (!c)
        return;
    if (c->grown)
        shrink(c);
    close(c->dir);
    free(c);
}
