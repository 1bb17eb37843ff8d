/* sandbox.h - what a child process gives up before it touches hostile bytes.
 *
 * seccomp (a short list of system calls, all else is refused with EPERM) and Landlock (no file
 * system, or one tree to read). Both are asked of the kernel in front of us: one that has none, or
 * a container that refuses them, is not an error, but the answer says what is in force. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

enum {
    PL_SANDBOX_NO_NEW_PRIVS = 1,
    PL_SANDBOX_LANDLOCK = 2,
    PL_SANDBOX_SECCOMP = 4,
    PL_SANDBOX_ALL = 7,
};

struct pl_sandbox_opts {
    int tree_fd;      /* a directory that may be read below; -1: no file system at all */
    bool threads;     /* may start threads */
    bool descriptors; /* may be handed descriptors over a socket (recvmsg) */
};

/* Make the filter that such a child will load, once, before the fork. False when there is no
 * memory: the child then tries again. */
bool pl_sandbox_prepare(const struct pl_sandbox_opts *o);
/* Give up rights for good, for this thread and those it starts. Returns what is in force. */
unsigned pl_sandbox_enter(const struct pl_sandbox_opts *o);
/* What is in force in this process; 0 before pl_sandbox_enter(). */
unsigned pl_sandbox_status(void);
/* "seccomp and Landlock", "seccomp", "Landlock", "none": for people. */
const char *pl_sandbox_text(unsigned status);
