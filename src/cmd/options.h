/* options.h - the words behind a command: long options from a table, the rest in order.
 *
 * "--name=value" and "--name value" both; options may stand behind arguments; "--" ends them; "-"
 * is an argument. A repeated option's last value counts, but for PL_OPTION_LIST, which keeps all.
 */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum pl_option_kind {
    PL_OPTION_FLAG,   /* bool */
    PL_OPTION_TEXT,   /* const char * */
    PL_OPTION_NUMBER, /* unsigned, from 1 to `most` */
    PL_OPTION_LIST,   /* struct pl_option_list */
};

enum { PL_OPTION_VALUES = 64 };
struct pl_option_list {
    const char *values[PL_OPTION_VALUES];
    size_t n;
};

struct pl_option {
    const char *name; /* "format", without dashes */
    char letter;      /* "-h"; 0: none */
    enum pl_option_kind kind;
    const char *value; /* what messages call its value: "FILE"; NULL for a flag */
    void *into;
    unsigned most;
};

/* Fills what the table points to. The arguments are moved to the front of argv (from argv[1] on)
 * and counted in *n_arguments. PL_EUSAGE with a sentence that names the nearest option. */
pl_rc pl_options_parse(const struct pl_option *table, size_t n, int argc, char **argv,
                       int *n_arguments, struct pl_err *err) PL_CHECKED;

/* The word of a list that is nearest to what was typed; NULL when none is near. */
const char *pl_options_nearest(const char *typed, const char *const *words, size_t n);
