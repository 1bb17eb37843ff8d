/* The table, byte for byte against tests/golden/, and what must hold whatever the words are. */
#include "report_samples.h"

#include "report/layout.h"
#include "report/words.h"

typedef void (*maker)(struct sample *);

static char *render(const struct pl_report *r, const struct pl_format_opts *o, size_t *size)
{
    char *text = NULL;
    struct pl_err err;
    FILE *out = open_memstream(&text, size);
    const struct pl_format *f = pl_format_find(PL_LIT("table"));
    assert_non_null(f);
    assert_int_equal(f->write(&r, 1, o, out, &err), PL_OK);
    fclose(out);
    return text;
}

static void no_line_wider(const char *text, unsigned columns)
{
    pl_span rest = pl_span_str(text), line;
    while (pl_span_line(&rest, &line)) {
        if (pl_layout_width(line) > columns)
            fail_msg("wider than %u: %.*s", columns, PL_FMT(line));
        if (line.len && line.ptr[line.len - 1] == ' ')
            fail_msg("blanks at the end: %.*s", PL_FMT(line));
    }
}

/* Nothing that moves the cursor or turns the direction of writing. */
static void nothing_moves(const char *text, bool ascii)
{
    for (const char *c = text; *c; c++) {
        unsigned char u = (unsigned char)*c;
        assert_true(u == '\n' || u >= 0x20);
        assert_true(u != 0x7f && (!ascii || u < 0x7f));
    }
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "\xe2\x81\xa6"));
}

static void one(const char *name, maker make, const struct pl_format_opts *o)
{
    struct sample s;
    size_t size;
    make(&s);
    sample_finish(&s, NULL);
    char *text = render(&s.report, o, &size);
    golden(name, text, size);
    if (!o->colour) {
        no_line_wider(text, o->columns);
        nothing_moves(text, !o->unicode);
    }
    free(text);
    sample_done(&s);
}

static void whole_tables(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        maker make;
    } all[] = {
        { "shop", sample_shop },       { "old-alpine", sample_old_alpine },
        { "clean", sample_clean },     { "partial", sample_partial },
        { "rpm", sample_rpm },         { "unsupported", sample_unsupported },
        { "scratch", sample_scratch }, { "hostile", sample_hostile },
        { "large", sample_large },
    };
    for (size_t i = 0; i < PL_COUNT(all); i++)
        for (unsigned columns = 80; columns <= 100; columns += 20) {
            char name[64];
            snprintf(name, sizeof(name), "%s.%u.txt", all[i].name, columns);
            one(name, all[i].make, &(struct pl_format_opts){ .columns = columns, .unicode = true });
        }
    one("shop.verbose.txt", sample_shop,
        &(struct pl_format_opts){ .columns = 100, .unicode = true, .verbose = true });
    one("shop.colour.txt", sample_shop,
        &(struct pl_format_opts){ .columns = 100, .unicode = true, .colour = true });
    one("hostile.ascii.txt", sample_hostile, &(struct pl_format_opts){ .columns = 100 });
}

static void any_width_holds(void **state)
{
    (void)state;
    static const maker all[] = { sample_shop, sample_old_alpine, sample_hostile, sample_partial };
    for (size_t i = 0; i < PL_COUNT(all); i++)
        for (unsigned columns = 40; columns < 240; columns += 7) {
            struct sample s;
            size_t size;
            all[i](&s);
            sample_finish(&s, NULL);
            struct pl_format_opts o = { .columns = columns, .unicode = columns % 2 };
            char *text = render(&s.report, &o, &size);
            if (columns >= 72)
                no_line_wider(text, columns);
            nothing_moves(text, !o.unicode);
            free(text);
            sample_done(&s);
        }
}

/* "Safe to sail" is a claim that only a whole and empty report may make. */
static void never_clean_by_silence(void **state)
{
    (void)state;
    static const maker unclean[] = { sample_shop,        sample_old_alpine, sample_partial,
                                     sample_unsupported, sample_scratch,    sample_large };
    for (size_t i = 0; i < PL_COUNT(unclean); i++) {
        struct sample s;
        size_t size;
        unclean[i](&s);
        s.findings.n = 0;
        sample_finish(&s, NULL);
        char *text = render(&s.report, &(struct pl_format_opts){ .columns = 100 }, &size);
        assert_null(strstr(text, "Safe to sail"));
        free(text);
        sample_done(&s);
    }
}

static void a_filter_is_said(void **state)
{
    (void)state;
    struct sample s;
    size_t size;
    sample_shop(&s);
    sample_finish(&s, &(struct pl_judge_opts){ .severities = 1u << PL_SEVERITY_UNKNOWN });
    char *text = render(&s.report, &(struct pl_format_opts){ .columns = 200 }, &size);
    assert_non_null(strstr(text, "Nothing left to show."));
    assert_non_null(strstr(text, "left out by --severity unknown"));
    assert_null(strstr(text, "Safe to sail"));
    free(text);
    sample_done(&s);
}

static void escapes(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        /* raw, on a UTF-8 screen, on another */
        { "plain", "plain", "plain" },
        { "  a \t\n b  ", "a b", "a b" },
        { "\033[31m", "\\x1b[31m", "\\x1b[31m" },
        { "\xc2\x9b", "\\x9b", "\\x9b" },
        { "\x7f", "\\x7f", "\\x7f" },
        { "\xff\xc0\xaf", "\\xff\\xc0\\xaf", "\\xff\\xc0\\xaf" },
        { "\xe2\x80\xae", "\\u202e", "\\u202e" },
        { "\xe2\x81\xa6", "\\u2066", "\\u2066" },
        { "\xe2\x80\x8b", "\\u200b", "\\u200b" },
        { "\xf3\xa0\x80\xa1", "\\U000e0021", "\\U000e0021" },
        { "\xe4\xb8\xad", "\xe4\xb8\xad", "\\u4e2d" },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" },
    };
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++)
        for (int ascii = 0; ascii < 2; ascii++) {
            pl_span got = pl_layout_text(&a, pl_span_str(cases[i][0]), !ascii);
            if (!pl_span_eq(got, pl_span_str(cases[i][1 + ascii])))
                fail_msg("case %zu: %.*s, not %s", i, PL_FMT(got), cases[i][1 + ascii]);
        }
    pl_arena_done(&a);
}

static void widths_and_cuts(void **state)
{
    (void)state;
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    assert_int_equal(pl_layout_width(PL_LIT("abc")), 3);
    assert_int_equal(pl_layout_width(PL_LIT("\xe4\xb8\xad\xe6\x96\x87")), 4);
    assert_int_equal(pl_layout_width(PL_LIT("e\xcc\x81")), 1);
    pl_span path = PL_LIT("usr/lib/x86_64-linux-gnu/libcrypto.so.3");
    pl_span wide =
        PL_LIT("\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87");
    pl_span cut = pl_layout_middle(&a, path, 20, false);
    assert_true(pl_span_eq(cut, PL_LIT("usr/l...ibcrypto.so.3")) || pl_layout_width(cut) == 20);
    assert_true(pl_span_starts(cut, PL_LIT("usr/l...")));
    for (unsigned columns = 1; columns < 30; columns++) {
        assert_true(pl_layout_width(pl_layout_middle(&a, wide, columns, true)) <= columns);
        assert_true(pl_layout_width(pl_layout_end(&a, path, columns, false)) <= columns);
    }
    pl_arena_done(&a);
}

static void build_commands(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "/bin/sh -c #(nop) ADD file:1 in / ", "ADD file:1 in /" },
        { "/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]" },
        { "/bin/sh -c apk add nginx", "RUN apk add nginx" },
        { "RUN /bin/sh -c apk add nginx # buildkit", "RUN apk add nginx" },
        { "RUN |1 TOKEN=secret /bin/sh -c make # buildkit", "RUN make" },
        { "|2 A=1 B=2 /bin/sh -c make", "RUN make" },
        { "COPY a b # buildkit", "COPY a b" },
        { "bazel build", "bazel build" },
        { "", "" },
    };
    struct pl_arena a;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        pl_span got = pl_words_command(&a, pl_span_str(cases[i][0]));
        if (!pl_span_eq(got, pl_span_str(cases[i][1])))
            fail_msg("%s: %.*s", cases[i][0], PL_FMT(got));
    }
    pl_arena_done(&a);
}

static void ages(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "2026-03-01", "2026-03-01T12:00:00Z", "today" },
        { "2026-03-02", "2026-03-01T12:00:00Z", "today" },
        { "2026-02-28T23:59:59Z", "2026-03-01T00:00:01Z", "yesterday" },
        { "2024-02-28", "2024-03-01", "2 days ago" },
        { "2025-12-01", "2026-03-01", "2 months ago" },
        { "2020-03-01", "2026-03-01", "6 years ago" },
        { "2026-13-01", "2026-03-01", "" },
        { "", "2026-03-01", "" },
    };
    struct pl_arena a;
    int64_t days;
    pl_arena_init(&a, 1 << 20);
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        pl_span got = pl_words_age(&a, pl_span_str(cases[i][0]), pl_span_str(cases[i][1]));
        if (!pl_span_eq(got, pl_span_str(cases[i][2])))
            fail_msg("%s: %.*s", cases[i][0], PL_FMT(got));
    }
    assert_true(pl_words_days(PL_LIT("1970-01-01"), &days) && days == 0);
    assert_true(pl_words_days(PL_LIT("2000-02-29"), &days) && days == 11016);
    pl_arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_tables),     cmocka_unit_test(any_width_holds),
        cmocka_unit_test(escapes),          cmocka_unit_test(never_clean_by_silence),
        cmocka_unit_test(a_filter_is_said), cmocka_unit_test(widths_and_cuts),
        cmocka_unit_test(build_commands),   cmocka_unit_test(ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
