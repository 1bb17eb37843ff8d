#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static int help(void)
{
    fputs(pl_help(""), stdout);
    return PL_EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        !strcmp(argv[1], "help"))
        return argc < 2 ? (fputs(pl_help(""), stderr), PL_EXIT_USAGE) : help();
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        return puts("plimsoll " PL_VERSION) < 0 ? PL_EXIT_FAILED : PL_EXIT_OK;
    for (size_t i = 0; i < pl_n_commands; i++)
        if (!strcmp(pl_commands[i]->name, argv[1]))
            return pl_commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "plimsoll: no command \"%s\" (plimsoll --help lists them)\n", argv[1]);
    return PL_EXIT_USAGE;
}
