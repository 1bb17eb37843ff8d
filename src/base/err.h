/* err.h - a code to branch on, a sentence to read.
 *
 * The caller owns the error, so failing never allocates. A function writes `out` only on success
 * and `err` only on failure. Each level that knows a name adds it in front with pl_wrap(); the
 * sentence reads "outer: inner: cause", and when it grows too long the names in front are cut,
 * never the cause. `err` may be NULL where nobody reads the sentence. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define PL_CHECKED __attribute__((warn_unused_result))
#define PL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PL_UNUSED __attribute__((unused))
#define PL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef enum pl_rc {
    PL_OK = 0,
    PL_ENOMEM,  /* the machine has no memory left */
    PL_ELIMIT,  /* a ceiling of base/limits.h was met */
    PL_EFORMAT, /* the bytes are not what they claim to be */
    PL_EDIGEST, /* the bytes are not those that were named */
    PL_EABSENT, /* the named thing is not there */
    PL_EAUTH,   /* not allowed, or credentials refused */
    PL_EIO,     /* the system or the network failed */
    PL_EUSAGE,  /* the caller's words are wrong */
} pl_rc;

struct pl_err {
    pl_rc rc;
    char msg[512];
};

/* Set the cause; returns rc, so that `return pl_fail(err, PL_EFORMAT, "...")` reads as one step. */
pl_rc pl_fail(struct pl_err *err, pl_rc rc, const char *fmt, ...) PL_PRINTF(3, 4);
/* The same with ": <strerror(errnum)>" behind it. */
pl_rc pl_fail_errno(struct pl_err *err, pl_rc rc, int errnum, const char *fmt, ...) PL_PRINTF(4, 5);
/* Put a name in front of what is there; returns err's code (PL_EIO when err is NULL: keep the code
 * yourself there). */
pl_rc pl_wrap(struct pl_err *err, const char *fmt, ...) PL_PRINTF(2, 3);
/* "limit met", "bad format", ... for a code, when only the code is at hand. */
const char *pl_rc_text(pl_rc rc);
#ifdef __clang_analyzer__ /* it reads one file at a time: here it learns that a failure is one */
#define pl_failed_(rc, call)                                                                       \
    ({                                                                                             \
        const pl_rc pl_rc_ = (rc);                                                                 \
        (void)(call);                                                                              \
        pl_rc_;                                                                                    \
    })
#define pl_fail(err, rc, ...) pl_failed_(rc, pl_fail((err), pl_rc_, __VA_ARGS__))
#define pl_fail_errno(err, rc, ...) pl_failed_(rc, pl_fail_errno((err), pl_rc_, __VA_ARGS__))
#define pl_wrap(...) pl_failed_(PL_EIO, pl_wrap(__VA_ARGS__))
#endif

/* Ownership by scope: PL_AUTO(fd) int fd = -1; closes what it holds when the scope ends.
 * pl_take(p) gives the pointer away and leaves NULL behind. A new kind of handle is one line,
 * PL_AUTO_DEFINE(json, json_t *, json_decref), beside the include that brings it. */
#define PL_AUTO(kind) __attribute__((cleanup(pl_auto_##kind)))
#define PL_AUTO_DEFINE(kind, type, fn)                                                             \
    static inline PL_UNUSED void pl_auto_##kind(type *p)                                           \
    {                                                                                              \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }
#define pl_take(p)                                                                                 \
    ({                                                                                             \
        __auto_type pl_taken_ = (p);                                                               \
        (p) = NULL;                                                                                \
        pl_taken_;                                                                                 \
    })

void pl_close_fd(int fd); /* close(2) that ignores -1 and keeps errno */
static inline PL_UNUSED void pl_auto_fd(const int *fd) { pl_close_fd(*fd); }
static inline int pl_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
#include <stdio.h>
#include <stdlib.h>
PL_AUTO_DEFINE(free, void *, free)
PL_AUTO_DEFINE(text, char *, free)
PL_AUTO_DEFINE(file, FILE *, fclose)
