#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

pl_rc(pl_fail)(struct pl_err *err, pl_rc rc, const char *fmt, ...)
{
    if (!err)
        return rc;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    err->rc = rc;
    return rc;
}

pl_rc(pl_fail_errno)(struct pl_err *err, pl_rc rc, int errnum, const char *fmt, ...)
{
    if (!err)
        return rc;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    size_t used = strlen(err->msg);
    char text[128];
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
             strerror_r(errnum, text, sizeof(text)));
    err->rc = rc;
    return rc;
}

pl_rc(pl_wrap)(struct pl_err *err, const char *fmt, ...)
{
    if (!err)
        return PL_EIO;
    char cause[sizeof(err->msg)];
    memcpy(cause, err->msg, sizeof(cause));
    cause[sizeof(cause) - 1] = '\0';
    size_t n_cause = strlen(cause);

    char name[sizeof(err->msg)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    size_t n_name = strlen(name);

    size_t room = sizeof(err->msg) - 1 - n_cause;
    if (room <= 2)
        return err->rc;
    if (n_name > room - 2)
        n_name = room - 2;
    memcpy(err->msg, name, n_name);
    memcpy(err->msg + n_name, ": ", 2);
    memcpy(err->msg + n_name + 2, cause, n_cause + 1);
    return err->rc;
}

const char *pl_rc_text(pl_rc rc)
{
    switch (rc) {
    case PL_OK: return "ok";
    case PL_ENOMEM: return "out of memory";
    case PL_ELIMIT: return "limit met";
    case PL_EFORMAT: return "bad format";
    case PL_EDIGEST: return "wrong digest";
    case PL_EABSENT: return "not found";
    case PL_EAUTH: return "not allowed";
    case PL_EIO: return "input or output failed";
    case PL_EUSAGE: return "wrong usage";
    }
    return "unknown error";
}

void pl_close_fd(int fd)
{
    if (fd < 0)
        return;
    int keep = errno;
    close(fd);
    errno = keep;
}
