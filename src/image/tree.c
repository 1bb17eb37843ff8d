/* A directory tree (rootfs:DIR), as if it were one layer. Nothing is followed: not symlinks, not
 * into the kernel's own file systems. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "image/walk_impl.h"

enum { READ_BYTES = 256 << 10, LIST_BYTES = 32 << 10 };

struct tree_walk {
    struct pl_walk base;
    int root;
    bool over;

    struct pl_buf pending; /* directories still to be listed: text, then 4-byte length behind it */

    int dir; /* being listed; -1 none */
    char dir_path[PL_PATH_ROOM];
    size_t dir_len;
    dev_t dir_dev;
    struct pl_buf names; /* NUL-ended */
    uint32_t *order;     /* offsets into names, sorted */
    size_t n_names, at_name;

    struct pl_entry entry;
    char path[PL_PATH_ROOM], link[PL_PATH_ROOM];
    const char *name; /* of the entry, in its directory */
    int file;         /* being read; -1 none */
    bool file_over;
    char *buffer, *list;
    uint64_t size;
    _Atomic uint64_t position;
    _Atomic uint64_t *watch;
};

/* ---- opening below the root ---- */

/* Kernels before 5.6, and containers that refuse openat2: part by part. */
static int open_by_parts(int root, const char *path)
{
    char part[NAME_MAX + 1];
    pl_span left = pl_span_str(path), name;
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && pl_span_split(&left, '/', &name)) {
        int next = -1;
        if (name.len < sizeof(part)) {
            memcpy(part, name.ptr, name.len);
            part[name.len] = '\0';
            next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        pl_close_fd(fd);
        fd = next;
    }
    return fd;
}

static int open_dir(int root, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = open_by_parts(root, path);
    return fd;
}

/* /proc and its kin hold no files of the image, and some never end. */
static bool is_kernels_own(int fd)
{
    static const unsigned long own[] = { PROC_SUPER_MAGIC,   SYSFS_MAGIC,
                                         DEVPTS_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                         CGROUP_SUPER_MAGIC, DEBUGFS_MAGIC,
                                         TRACEFS_MAGIC,      SECURITYFS_MAGIC,
                                         BPF_FS_MAGIC };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < PL_COUNT(own); i++)
        if ((unsigned long)fs.f_type == own[i])
            return true;
    return false;
}

/* ---- listing ---- */

static int by_name(const void *a, const void *b, void *names)
{
    const char *base = names;
    return strcmp(base + *(const uint32_t *)a, base + *(const uint32_t *)b);
}

static pl_rc add_name(struct tree_walk *t, const char *name, struct pl_err *err)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return PL_OK;
    if (t->n_names + t->base.n_entries >= t->base.limits->layer_entries ||
        t->names.len > UINT32_MAX - PL_PATH_ROOM)
        return pl_fail(err, PL_ELIMIT, "more than %zu entries", t->base.limits->layer_entries);
    if ((t->n_names & (t->n_names - 1)) == 0) { /* room grows by doubling */
        size_t room = t->n_names ? t->n_names * 2 : 1;
        uint32_t *more = realloc(t->order, room * sizeof(*more));
        if (!more)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        t->order = more;
    }
    t->order[t->n_names++] = (uint32_t)t->names.len;
    pl_buf_add(&t->names, pl_span_of(name, strlen(name) + 1));
    return t->names.failed ? pl_fail(err, PL_ENOMEM, "out of memory") : PL_OK;
}

static pl_rc list_names(struct tree_walk *t, struct pl_err *err)
{
    pl_rc rc = PL_OK;
    t->names.len = t->n_names = t->at_name = 0;
    free(t->order);
    t->order = NULL;
    while (!rc) {
        ssize_t n = getdents64(t->dir, t->list, LIST_BYTES);
        if (n <= 0)
            break;
        for (ssize_t at = 0; !rc && at < n;) {
            const struct dirent64 *d = (const void *)(t->list + at);
            rc = add_name(t, d->d_name, err);
            at += d->d_reclen;
        }
    }
    if (!rc && t->n_names)
        qsort_r(t->order, t->n_names, sizeof(t->order[0]), by_name, t->names.ptr);
    return rc;
}

static void push_dir(struct tree_walk *t, pl_span path)
{
    uint32_t n = (uint32_t)path.len;
    pl_buf_add(&t->pending, path);
    pl_buf_add(&t->pending, pl_span_of(&n, sizeof(n)));
}

static void pop_dir(struct tree_walk *t)
{
    uint32_t n;
    memcpy(&n, t->pending.ptr + t->pending.len - sizeof(n), sizeof(n));
    t->pending.len -= sizeof(n) + n;
    memcpy(t->dir_path, t->pending.ptr + t->pending.len, n);
    t->dir_path[n] = '\0';
    t->dir_len = n;
}

/* Open and list the next directory. A directory that cannot be opened is told as a flawed entry:
 * *told. */
static pl_rc next_dir(struct tree_walk *t, bool *told, struct pl_err *err)
{
    struct stat st;
    pl_close_fd(t->dir);
    t->dir = -1;
    if (t->pending.len == 0) {
        t->over = true;
        return PL_OK;
    }
    pop_dir(t);
    t->n_names = t->at_name = 0;
    t->dir = open_dir(t->root, t->dir_path);
    if (t->dir < 0) {
        if (errno == ENOENT)
            return PL_OK; /* gone since its parent was listed */
        t->entry =
            (struct pl_entry){ .path = pl_span_of(t->dir_path, t->dir_len), .type = PL_FILE_DIR };
        pl_walk_set_flaw(&t->base, "unreadable", "directory cannot be opened: %s", strerror(errno));
        *told = true;
        return PL_OK;
    }
    dev_t parent = t->dir_dev;
    t->dir_dev = fstat(t->dir, &st) == 0 ? st.st_dev : parent;
    if (t->dir_dev != parent && is_kernels_own(t->dir))
        return PL_OK;
    return list_names(t, err);
}

/* ---- entries ---- */

static enum pl_file_type type_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return PL_FILE_DIR;
    if (S_ISLNK(mode))
        return PL_FILE_SYMLINK;
    if (S_ISCHR(mode))
        return PL_FILE_CHAR;
    if (S_ISBLK(mode))
        return PL_FILE_BLOCK;
    return S_ISREG(mode) ? PL_FILE_REGULAR : PL_FILE_FIFO; /* sockets too: nothing to read */
}

static bool join_path(struct tree_walk *t, const char *name)
{
    size_t limit = t->base.limits->path_bytes < PL_PATH_ROOM - 1 ? t->base.limits->path_bytes
                                                                 : PL_PATH_ROOM - 1;
    size_t n = strlen(name), slash = t->dir_len ? 1 : 0;
    if (t->dir_len + slash + n > limit)
        return false;
    memcpy(t->path, t->dir_path, t->dir_len);
    if (slash)
        t->path[t->dir_len] = '/';
    memcpy(t->path + t->dir_len + slash, name, n);
    t->entry.path = pl_span_of(t->path, t->dir_len + slash + n);
    return true;
}

/* False: gone since it was listed. */
static bool tell(struct tree_walk *t, const char *name)
{
    struct stat st;
    t->entry = (struct pl_entry){ .path = pl_span_of(t->dir_path, t->dir_len) };
    t->name = name;
    if (!join_path(t, name)) {
        pl_walk_set_flaw(&t->base, "limit", "a path below is longer than %zu bytes",
                         t->base.limits->path_bytes);
        return true;
    }
    if (fstatat(t->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    t->entry.type = type_of(st.st_mode);
    t->entry.mode = st.st_mode & 07777;
    t->entry.uid = st.st_uid;
    t->entry.gid = st.st_gid;
    if (t->entry.type == PL_FILE_REGULAR)
        t->entry.size = (uint64_t)st.st_size;
    if (t->entry.type == PL_FILE_SYMLINK) {
        ssize_t n = readlinkat(t->dir, name, t->link, sizeof(t->link));
        t->entry.link = pl_span_of(t->link, n > 0 ? (size_t)n : 0);
    }
    if (t->entry.type == PL_FILE_DIR)
        push_dir(t, t->entry.path);
    t->size += t->entry.size;
    t->position++;
    if (t->watch)
        atomic_store_explicit(t->watch, t->position, memory_order_relaxed);
    return true;
}

static pl_rc tree_next(struct pl_walk *w, const struct pl_entry **out, struct pl_err *err)
{
    struct tree_walk *t = (struct tree_walk *)w;
    bool told = false;
    pl_rc rc = PL_OK;
    pl_close_fd(pl_take_fd(&t->file));
    t->file_over = false;
    t->name = NULL;
    while (!rc && !told && !t->over) {
        if (t->at_name >= t->n_names)
            rc = next_dir(t, &told, err);
        else
            told = tell(t, t->names.ptr + t->order[t->at_name++]);
        if (!rc && told)
            rc = pl_walk_count(w, err);
        if (!rc && t->pending.failed)
            rc = pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (rc) {
        t->over = true;
        return rc;
    }
    *out = told ? &t->entry : NULL;
    return PL_OK;
}

/* O_NONBLOCK: what was a file when it was listed may be a FIFO by now. */
static pl_rc open_file(struct tree_walk *t, struct pl_err *err)
{
    struct stat st;
    t->file = openat(t->dir, t->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (t->file >= 0 && fstat(t->file, &st) == 0 && S_ISREG(st.st_mode))
        return PL_OK;
    t->file_over = true;
    return t->file < 0 ? pl_fail_errno(err, PL_EAUTH, errno, "cannot be opened")
                       : pl_fail(err, PL_EAUTH, "changed while it was read");
}

static pl_rc tree_read(struct pl_walk *w, pl_span *out, struct pl_err *err)
{
    struct tree_walk *t = (struct tree_walk *)w;
    *out = PL_SPAN_NONE;
    if (t->file_over || !t->name || t->base.flaw_reason || t->entry.type != PL_FILE_REGULAR)
        return PL_OK;
    if (t->file < 0) {
        pl_rc rc = open_file(t, err);
        if (rc)
            return rc;
    }
    ssize_t n;
    do
        n = read(t->file, t->buffer, READ_BYTES);
    while (n < 0 && errno == EINTR);
    t->file_over = n <= 0;
    if (n < 0)
        return pl_fail_errno(err, PL_EAUTH, errno, "cannot be read");
    *out = pl_span_of(t->buffer, (size_t)n);
    return PL_OK;
}

static pl_rc tree_finish(struct pl_walk *w, struct pl_layer_totals *out, struct pl_err *err)
{
    (void)err;
    const struct tree_walk *t = (struct tree_walk *)w;
    *out = (struct pl_layer_totals){ .size = t->size };
    return PL_OK;
}

static uint64_t tree_position(const struct pl_walk *w)
{
    return ((const struct tree_walk *)w)->position;
}

static void tree_watch(struct pl_walk *w, _Atomic uint64_t *position)
{
    ((struct tree_walk *)w)->watch = position;
}

static void tree_close(struct pl_walk *w)
{
    struct tree_walk *t = (struct tree_walk *)w;
    pl_close_fd(t->dir);
    pl_close_fd(t->file);
    pl_buf_done(&t->pending);
    pl_buf_done(&t->names);
    free(t->order);
    free(t->buffer);
    free(t->list);
    free(t);
}

static const struct pl_walk_ops tree_ops = {
    tree_next, tree_read, tree_finish, tree_position, tree_watch, tree_close,
};

pl_rc pl_walk_tree(int dir_fd, const struct pl_limits *limits, struct pl_walk **out,
                   struct pl_err *err)
{
    struct tree_walk *t = calloc(1, sizeof(*t));
    if (!t)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    t->base = (struct pl_walk){ .ops = &tree_ops, .limits = limits };
    t->root = dir_fd;
    t->dir = t->file = -1;
    t->buffer = malloc(READ_BYTES);
    t->list = malloc(LIST_BYTES);
    push_dir(t, PL_SPAN_NONE);
    if (!t->buffer || !t->list || t->pending.failed) {
        tree_close(&t->base);
        return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    *out = &t->base;
    return PL_OK;
}
