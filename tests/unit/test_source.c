#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probe.h"

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= probe(argv[i], getenv("PLIMSOLL_TEST_PLATFORM"));
    return failed;
}
