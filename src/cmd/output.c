#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The one file that is being written, for the signal handler. Set before the file exists and
 * cleared after it is gone, so that a signal at any moment leaves nothing behind. */
static char half_written[4096 + 32];

void pl_output_abandon_all(void)
{
    if (half_written[0])
        unlink(half_written);
}

/* Where the name leads: a link is followed, so that the file behind it is replaced, not the link.
 */
static pl_rc resolve(const char *name, char *out, size_t size, struct pl_err *err)
{
    char real[PATH_MAX];
    const char *path = realpath(name, real) ? real : name;
    if (strlen(path) >= size)
        return pl_fail(err, PL_EUSAGE, "%.64s...: the name is too long", name);
    memcpy(out, path, strlen(path) + 1);
    return PL_OK;
}

static bool in_place(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

pl_rc pl_output_check(const char *name, struct pl_err *err)
{
    char path[4096], *slash;
    struct stat st;
    if (!strcmp(name, "-"))
        return PL_OK;
    pl_rc rc = resolve(name, path, sizeof(path), err);
    if (rc)
        return rc;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return pl_fail(err, PL_EIO, "cannot write %s: it is a directory", name);
    if (in_place(path))
        return PL_OK;
    slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    if (access(slash ? path : ".", W_OK | X_OK) != 0)
        return pl_fail_errno(err, PL_EIO, errno, "cannot write %s", name);
    return PL_OK;
}

pl_rc pl_output_open(struct pl_output *o, const char *name, struct pl_err *err)
{
    *o = (struct pl_output){ .name = name };
    if (!strcmp(name, "-")) {
        o->file = stdout;
        o->name = "standard output";
        return PL_OK;
    }
    char path[sizeof(o->path)];
    pl_rc rc = resolve(name, path, sizeof(path), err);
    if (rc)
        return rc;
    if (in_place(path)) {
        o->file = fopen(path, "we");
        return o->file ? PL_OK : pl_fail_errno(err, PL_EIO, errno, "cannot write %s", name);
    }
    snprintf(o->temp, sizeof(o->temp), "%s.%ld.part", path, (long)getpid());
    memcpy(half_written, o->temp, sizeof(half_written));
    int fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    o->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!o->file) {
        rc = pl_fail_errno(err, PL_EIO, errno, "cannot write %s", name);
        pl_close_fd(fd);
        half_written[0] = '\0';
        return rc;
    }
    memcpy(o->path, path, sizeof(path));
    return PL_OK;
}

pl_rc pl_output_close(struct pl_output *o, struct pl_err *err)
{
    FILE *file = o->file;
    errno = 0;
    bool good = fflush(file) == 0 && !ferror(file);
    int why = errno;
    if (file == stdout) {
        o->file = NULL;
        return good ? PL_OK
                    : pl_fail_errno(err, PL_EIO, why ? why : EIO, "cannot write to %s", o->name);
    }
    o->file = NULL;
    if (fclose(file) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && o->path[0] && rename(o->temp, o->path) != 0) {
        good = false;
        why = errno;
    }
    if (!good && o->path[0])
        unlink(o->temp);
    half_written[0] = '\0';
    return good ? PL_OK : pl_fail_errno(err, PL_EIO, why ? why : EIO, "cannot write %s", o->name);
}

void pl_output_drop(struct pl_output *o)
{
    if (!o->file || o->file == stdout)
        return;
    fclose(o->file);
    o->file = NULL;
    if (o->path[0])
        unlink(o->temp);
    half_written[0] = '\0';
}
