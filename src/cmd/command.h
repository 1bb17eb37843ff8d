/* command.h - one file per command, one word in commands.def. Help is cut from man/. */
#pragma once
#include "base/err.h"

/* Exit status, DESIGN 5.1. */
enum pl_exit {
    PL_EXIT_OK = 0,
    PL_EXIT_DENIED = 1, /* scanned, and --fail-on or the policy says no */
    PL_EXIT_USAGE = 2,
    PL_EXIT_FAILED = 3,  /* could not be scanned */
    PL_EXIT_PARTIAL = 4, /* with --strict: scanned in part */
};

struct pl_command {
    const char *name;
    const char *what;                  /* one line of `plimsoll --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns pl_exit */
};
extern const struct pl_command *const pl_commands[];
extern const size_t pl_n_commands;

/* The text of `plimsoll NAME --help`, cut from man/plimsoll-NAME.1 at build time; never
 * NULL: without a page, a line that says so. */
const char *pl_help(const char *name);
