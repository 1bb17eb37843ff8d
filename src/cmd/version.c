/* version.c - `plimsoll version compare SCHEME [A B]`
 *
 *     $ plimsoll version compare deb 1.0~rc1 1.0
 *     <
 *     $ printf '1.0\t1.0-1\n' | plimsoll version compare deb
 *     <
 */
#include "version/version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"

static char sign(const struct pl_scheme *s, pl_span a, pl_span b)
{
    int c = s->compare(a, b);
    return c < 0 ? '<' : c > 0 ? '>' : '=';
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "plimsoll version: %s%s; schemes:", why, what);
    for (size_t i = 0; i < pl_n_schemes; i++)
        fprintf(stderr, " %s", pl_schemes[i]->name);
    fputs(" (plimsoll version --help)\n", stderr);
    return PL_EXIT_USAGE;
}

static int compare_lines(const struct pl_scheme *s)
{
    PL_AUTO(text) char *line = NULL;
    size_t room = 0;
    unsigned long number = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) >= 0) {
        number++;
        pl_span b = pl_span_of(line, (size_t)n), a;
        if (b.len && b.ptr[b.len - 1] == '\n')
            b.len--;
        if (pl_span_chr(b, '\t') == SIZE_MAX || !pl_span_split(&b, '\t', &a)) {
            fflush(stdout);
            fprintf(stderr, "plimsoll version: line %lu: no tab between two versions\n", number);
            return PL_EXIT_USAGE;
        }
        putchar_unlocked(sign(s, a, b));
        putchar_unlocked('\n');
    }
    if (ferror(stdin) || fflush(stdout) != 0) {
        fprintf(stderr, "plimsoll version: %s\n", strerror(errno));
        return PL_EXIT_FAILED;
    }
    return PL_EXIT_OK;
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(pl_help("version"), stdout);
        return PL_EXIT_OK;
    }
    if (argc < 2 || strcmp(argv[1], "compare") != 0)
        return usage("wants ", "compare SCHEME [A B]");
    if (argc < 3)
        return usage("compare wants a scheme", "");
    const struct pl_scheme *s = pl_scheme_find(pl_span_str(argv[2]));
    if (!s)
        return usage("no scheme ", argv[2]);
    if (argc == 3)
        return compare_lines(s);
    if (argc != 5)
        return usage("compare wants two versions, or none to read pairs from standard input", "");
    printf("%c\n", sign(s, pl_span_str(argv[3]), pl_span_str(argv[4])));
    return PL_EXIT_OK;
}

const struct pl_command pl_command_version = {
    .name = "version",
    .what = "say which of two versions is newer, as their package manager sees it",
    .run = run,
};
