/* Every line of tests/cases/version/<scheme>.txt is a test: "1.0~rc1 < 1.0". Beside the line
 * itself: the other way round is the mirror, and each side equals itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "version/version.h"

static int sign(int c) { return (c > 0) - (c < 0); }

static int check_line(const struct pl_scheme *s, const char *line)
{
    char a[128], b[128], op;
    if (line[0] == '#' || line[0] == '\n' || sscanf(line, "%127s %c %127s", a, &op, b) != 3)
        return 0;
    int want = op == '<' ? -1 : op == '>' ? 1 : 0;
    pl_span x = pl_span_str(a), y = pl_span_str(b);
    if (sign(s->compare(x, y)) != want || sign(s->compare(y, x)) != -want || s->compare(x, x) != 0)
        fail_msg("%s: %s %c %s does not hold (%d)", s->name, a, op, b, s->compare(x, y));
    return 1;
}

static void every_line_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < pl_n_schemes; i++) {
        char path[512], line[512];
        int n = 0;
        snprintf(path, sizeof(path), PL_SOURCE_ROOT "/tests/cases/version/%s.txt",
                 pl_schemes[i]->name);
        FILE *f = fopen(path, "r");
        if (!f)
            fail_msg("%s: a scheme without cases", path);
        while (f && fgets(line, sizeof(line), f))
            n += check_line(pl_schemes[i], line);
        if (f)
            fclose(f);
        assert_true(n >= 2);
    }
}

static void any_bytes_order(void **state)
{
    (void)state;
    static const char *const odd[] = { "",
                                       "-",
                                       ".",
                                       "~",
                                       "^",
                                       "1..2",
                                       "a",
                                       "\xff\xfe",
                                       "1.0-",
                                       "-r1",
                                       "+",
                                       "1:",
                                       ":",
                                       "!",
                                       "999999999999999999999999999999999999",
                                       "0000000000000000000000000001",
                                       "1-",
                                       "--------",
                                       "1.0.0.0.0.0.0" };
    for (size_t i = 0; i < pl_n_schemes; i++) {
        const struct pl_scheme *s = pl_schemes[i];
        for (size_t a = 0; a < sizeof(odd) / sizeof(odd[0]); a++) {
            s->valid(pl_span_str(odd[a]));
            assert_int_equal(s->compare(pl_span_str(odd[a]), pl_span_str(odd[a])), 0);
            for (size_t b = 0; b < sizeof(odd) / sizeof(odd[0]); b++)
                assert_int_equal(sign(s->compare(pl_span_str(odd[a]), pl_span_str(odd[b]))),
                                 -sign(s->compare(pl_span_str(odd[b]), pl_span_str(odd[a]))));
        }
    }
}

static void long_versions_take_linear_time(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    static char a[SIZE], b[SIZE];
    static const char *const units[] = { "1.", "0.",  "0-", "1a", "a",  "-",
                                         "~",  "_p1", "1",  "0",  ".0a" };
    for (size_t i = 0; i < pl_n_schemes; i++) {
        for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
            size_t n = strlen(units[u]);
            for (size_t k = 0; k < SIZE; k++)
                a[k] = b[k] = units[u][k % n];
            b[SIZE - 1] = '7';
            pl_schemes[i]->compare(pl_span_of(a, SIZE), pl_span_of(b, SIZE));
            pl_schemes[i]->valid(pl_span_of(a, SIZE));
        }
    }
}

static void names_are_found(void **state)
{
    (void)state;
    assert_non_null(pl_scheme_find(PL_LIT("deb")));
    assert_null(pl_scheme_find(PL_LIT("debian")));
    assert_null(pl_scheme_find(PL_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_holds),
        cmocka_unit_test(any_bytes_order),
        cmocka_unit_test(long_versions_take_linear_time),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
