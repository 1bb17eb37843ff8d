/* child.h - a function in a process of its own, under seccomp and Landlock, with a memory ceiling.
 *
 * The child has no network, no file system but what it was given as open descriptors, and answers
 * through one pipe. Whatever it does (crash, loop, eat memory) costs that child's work only. */
#pragma once
#include "base/limits.h"
#include "base/log.h"
#include <sys/types.h>

struct pl_child_opts {
    const char *name;      /* for messages */
    uint64_t memory_bytes; /* RLIMIT_DATA above what the parent had; 0: none */
    unsigned cpu_s;        /* RLIMIT_CPU */
    const int *keep_fds;   /* descriptors the child needs, beside its answer pipe */
    size_t n_keep_fds;
    int tree_fd;      /* a directory it may read below (rootfs); -1 none */
    bool threads;     /* may start threads */
    bool descriptors; /* may be handed descriptors over a socket that it keeps */
};

struct pl_child {
    pid_t pid;                  /* 0: none, or reaped */
    int out;                    /* the parent's end of the answer pipe; non-blocking */
    struct pl_child_note *note; /* a page shared with the child: its last words */
    char name[64];
    uint64_t memory_bytes;
    unsigned cpu_s;
};
#define PL_CHILD_NONE ((struct pl_child){ .out = -1 })

/* fn writes its answer to the descriptor and returns; a failure is sent as a sentence. */
typedef pl_rc (*pl_child_fn)(void *ctx, int answer_fd, struct pl_err *err);
pl_rc pl_child_start(const struct pl_child_opts *o, pl_child_fn fn, void *ctx, struct pl_child *out,
                     struct pl_err *err) PL_CHECKED;
/* Reap. PL_OK, or how it ended: "crashed (signal 11)", "needed more than 768 MiB", what fn said. */
pl_rc pl_child_wait(struct pl_child *c, struct pl_err *err) PL_CHECKED;
void pl_child_kill(struct pl_child *c); /* and reap; fine when already ended */
/* PL_SANDBOX_* that the child says are in force; 0 until it has entered. Ask before it is reaped.
 */
unsigned pl_child_sandbox(const struct pl_child *c);
static inline void pl_auto_child(struct pl_child *c) { pl_child_kill(c); }
