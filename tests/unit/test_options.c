/* Words to options, and the scan command over a scan that is made up here. */
#include "report_samples.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/options.h"
#include "scan/scan.h"

static bool flag;
static const char *text;
static unsigned number;
static struct pl_option_list list;

static const struct pl_option table[] = {
    { "offline", 0, PL_OPTION_FLAG, NULL, &flag, 0 },
    { "severity", 0, PL_OPTION_TEXT, "LIST", &text, 0 },
    { "jobs", 0, PL_OPTION_NUMBER, "N", &number, 256 },
    { "format", 0, PL_OPTION_LIST, "FORMAT", &list, 0 },
    { "help", 'h', PL_OPTION_FLAG, NULL, &flag, 0 },
};

static pl_rc parse(const char *line, char **kept, int *n, struct pl_err *err)
{
    static char copy[512];
    char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    flag = false;
    text = NULL;
    number = 0;
    list.n = 0;
    *err = (struct pl_err){ 0 };
    pl_rc rc = pl_options_parse(table, PL_COUNT(table), argc, argv, n, err);
    for (int i = 0; !rc && i < *n; i++)
        kept[i] = argv[1 + i];
    return rc;
}

static void good_words(void **state)
{
    (void)state;
    struct pl_err err;
    char *kept[64];
    int n;
    assert_int_equal(parse("scan a --severity high --jobs=4 b --offline", kept, &n, &err), PL_OK);
    assert_int_equal(n, 2);
    assert_string_equal(kept[0], "a");
    assert_string_equal(kept[1], "b");
    assert_string_equal(text, "high");
    assert_int_equal(number, 4);
    assert_true(flag);
    assert_int_equal(parse("scan --format json --format=table=x --severity=a=b -", kept, &n, &err),
                     PL_OK);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.values[1], "table=x");
    assert_string_equal(text, "a=b");
    assert_string_equal(kept[0], "-");
    assert_int_equal(parse("scan -- --offline -x", kept, &n, &err), PL_OK);
    assert_int_equal(n, 2);
    assert_false(flag);
    assert_int_equal(parse("scan -h", kept, &n, &err), PL_OK);
    assert_true(flag);
}

static void bad_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "scan --sevrity high", "did you mean --severity?" },
        { "scan --ofline", "did you mean --offline?" },
        { "scan --off", "did you mean --offline?" },
        { "scan --zzzzzzzz", "no option \"--zzzzzzzz\"" },
        { "scan --jobs 0", "--jobs takes a number from 1 to 256, not \"0\"" },
        { "scan --jobs 999999999999999999999", "--jobs takes a number" },
        { "scan --jobs -1", "--jobs takes a number" },
        { "scan --jobs", "--jobs needs N behind it" },
        { "scan --severity=", "--severity needs LIST behind it" },
        { "scan --offline=yes", "--offline takes no value" },
        { "scan -x", "no option \"-x\"" },
        { "scan -hh", "no option \"-hh\"" },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        struct pl_err err;
        char *kept[64];
        int n;
        assert_int_equal(parse(cases[i][0], kept, &n, &err), PL_EUSAGE);
        if (!strstr(err.msg, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.msg);
    }
}

/* ---- `plimsoll scan` over reports of our own ---- */

struct pl_scan {
    struct sample s;
};

pl_rc pl_scan_run(const char *target, const struct pl_scan_opts *o, struct pl_scan **out,
                  struct pl_err *err)
{
    if (!strcmp(target, "bad"))
        return pl_fail(err, PL_EABSENT, "bad: no such image");
    struct pl_scan *s = calloc(1, sizeof(*s));
    if (!strcmp(target, "shop"))
        sample_shop(&s->s);
    else if (!strcmp(target, "partial"))
        sample_partial(&s->s);
    else
        sample_clean(&s->s);
    sample_finish(&s->s, &(struct pl_judge_opts){ .fail_on_set = o->fail_on_set,
                                                  .fail_on = o->fail_on,
                                                  .severities = o->severities,
                                                  .ignore_unfixed = o->ignore_unfixed });
    *out = s;
    return PL_OK;
}

const struct pl_report *pl_scan_report(const struct pl_scan *s) { return &s->s.report; }

void pl_scan_free(struct pl_scan *s)
{
    if (s)
        sample_done(&s->s);
    free(s);
}

extern const struct pl_command pl_command_scan;

static char folder[64];

static char *slurp(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *bytes = calloc(1, 1 << 20);
    assert_true(fread(bytes, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
    fclose(f);
    return bytes;
}

/* In a process of its own, in the folder; its words end up in the files "out" and "err". */
static int scan(const char *line, const char *out)
{
    pid_t pid = fork();
    if (pid == 0) {
        char copy[512], *argv[64];
        int argc = 0;
        if (chdir(folder) || !freopen(out, "w", stdout) || !freopen("err", "w", stderr))
            _exit(99);
        snprintf(copy, sizeof(copy), "scan %s", line);
        for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
            argv[argc++] = w;
        argv[argc] = NULL;
        int status = pl_command_scan.run(argc, argv);
        fflush(NULL);
        _exit(status);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void exit_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *out, *err; /* a part of each; "" for nothing at all */
    } cases[] = {
        { "clean", 0, "Safe to sail", "" },
        { "shop --quiet", 0, "Not safe to sail", "" },
        { "shop --fail-on critical", 1, "Not allowed to sail (fail-on critical)", "" },
        { "shop --fail-on critical --strict", 1, NULL, "" },
        { "clean --fail-on low", 0, "Safe to sail", "" },
        { "partial", 0, "2 layers were not", "" },
        { "partial --strict", 4, "2 layers were not", "" },
        { "clean --strict", 0, NULL, "" },
        { "bad", 3, "", "plimsoll scan: bad: no such image\n" },
        { "bad clean --format json", 3, "[\n", "plimsoll scan: bad: no such image\n" },
        { "clean clean --format json", 0, "[\n", "" },
        { "clean --format json", 0, "{\n  \"schema\": \"plimsoll.report/1\"", "" },
        { "", 2, "", "no TARGET" },
        { "clean --format jsn", 2, "", "no format \"jsn\" (table, json" },
        { "clean --polcy x", 2, "", "no option \"--polcy\"; did you mean --policy?" },
        { "clean --policy x", 2, "", "cannot read x: No such file" },
        { "clean --vex x", 2, "", "cannot read x: No such file" },
        { "clean --fail-on bad", 2, "", "--fail-on takes a severity" },
        { "clean --fail-on policy", 2, "", "--policy FILE" },
        { "clean --class sensitve", 2, "", "no class \"sensitve\"" },
        { "clean --severity hgih", 2, "", "no severity \"hgih\"" },
        { "clean --platform amd64", 2, "", "--platform takes OS/ARCH" },
        { "clean --format table --format json", 2, "", "two formats for standard output" },
        { "clean --format json=x --output y", 2, "", "every --format has a file" },
        { "clean --output no-such-folder/x", 3, "", "cannot write no-such-folder/x" },
        { "--help", 0, "plimsoll-scan", "" },
    };
    for (size_t i = 0; i < PL_COUNT(cases); i++) {
        int status = scan(cases[i].line, "out");
        char *out = slurp("out"), *err = slurp("err");
        if (status != cases[i].status)
            fail_msg("%s: exit status %d: %s", cases[i].line, status, err);
        if (cases[i].out && (*cases[i].out ? !strstr(out, cases[i].out) : *out != '\0'))
            fail_msg("%s: %s", cases[i].line, out);
        if (cases[i].err && (*cases[i].err ? !strstr(err, cases[i].err) : *err != '\0'))
            fail_msg("%s: on standard error: %s", cases[i].line, err);
        free(out);
        free(err);
    }
}

static void files_are_whole_or_absent(void **state)
{
    (void)state;
    assert_int_equal(scan("clean --format table --format json=report.json", "out"), 0);
    char *out = slurp("out"), *json = slurp("report.json");
    assert_non_null(strstr(out, "Safe to sail"));
    assert_int_equal(json[0], '{');
    free(out);
    free(json);
    assert_int_equal(scan("clean --format=json --output report.json", "out"), 0);
    json = slurp("report.json");
    assert_int_equal(json[0], '{');
    free(json);
    assert_int_equal(scan("clean --format json=/dev/full", "out"), 3);
    char *err = slurp("err");
    assert_non_null(strstr(err, "cannot write /dev/full: No space left on device"));
    free(err);
    assert_int_equal(scan("clean", "/dev/full"), 3);
    err = slurp("err");
    assert_non_null(strstr(err, "cannot write to standard output: No space left on device"));
    free(err);
    char command[128];
    snprintf(command, sizeof(command), "ls -A %s | grep -c part", folder);
    FILE *ls = popen(command, "r");
    int n = -1;
    assert_int_equal(fscanf(ls, "%d", &n), 1);
    pclose(ls);
    assert_int_equal(n, 0);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/plimsoll-options-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_words),
        cmocka_unit_test(bad_words),
        cmocka_unit_test(exit_statuses),
        cmocka_unit_test(files_are_whole_or_absent),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
