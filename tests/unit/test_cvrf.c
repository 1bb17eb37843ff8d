/* cvrf reader: whole documents (tests/cases/feed/cvrf). */
#include "feed_rows.h"

static void cases(void **state)
{
    (void)state;
    assert_true(run_cases("cvrf") >= 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return print_files(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
