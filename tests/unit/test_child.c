/* Children: what they may not do, and how their end is told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/sandbox.h"

static const struct pl_child_opts usual = {
    .name = "test", .tree_fd = -1, .cpu_s = 20, .memory_bytes = 64 << 20
};

/* Start, read all of the answer, wait. */
static pl_rc run(const struct pl_child_opts *o, pl_child_fn fn, void *ctx, char *answer,
                 size_t size, struct pl_err *err)
{
    PL_AUTO(child) struct pl_child c = PL_CHILD_NONE;
    size_t at = 0;
    assert_int_equal(pl_child_start(o, fn, ctx, &c, err), PL_OK);
    for (;;) {
        struct pollfd p = { .fd = c.out, .events = POLLIN };
        poll(&p, 1, -1);
        ssize_t n = read(c.out, answer + at, size - 1 - at);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    answer[at] = '\0';
    return pl_child_wait(&c, err);
}

static pl_rc say_hello(void *ctx, int out, struct pl_err *err)
{
    (void)err;
    return write(out, ctx, strlen(ctx)) > 0 ? PL_OK : PL_EIO;
}

static void answers(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    assert_int_equal(run(&usual, say_hello, (void *)(uintptr_t) "ahoy", answer, 64, &err), PL_OK);
    assert_string_equal(answer, "ahoy");
}

static pl_rc fail_with_words(void *ctx, int out, struct pl_err *err)
{
    (void)ctx, (void)out;
    return pl_fail(err, PL_EFORMAT, "line 3: no colon");
}

static void failure_is_a_sentence(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    assert_int_equal(run(&usual, fail_with_words, NULL, answer, 64, &err), PL_EFORMAT);
    assert_string_equal(err.msg, "line 3: no colon");
}

static pl_rc try_forbidden(void *ctx, int out, struct pl_err *err)
{
    (void)ctx, (void)err;
    char *const argv[] = { (char *)(uintptr_t) "true", NULL };
    int opened = open("/etc/passwd", O_RDONLY);
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    int ran = execve("/bin/true", argv, argv + 1);
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int killed = kill(getppid(), 0);
    dprintf(out, "%d %d %d %d %d %d %u", opened, sock, pid, ran, code == MAP_FAILED, killed,
            pl_sandbox_status());
    return PL_OK;
}

static void forbidden_is_refused(void **state)
{
    (void)state;
    char answer[128];
    struct pl_err err = { 0 };
    assert_int_equal(run(&usual, try_forbidden, NULL, answer, sizeof(answer), &err), PL_OK);
    const char *status = strrchr(answer, ' ');
    assert_non_null(status);
    if (!(strtoul(status + 1, NULL, 10) & PL_SANDBOX_SECCOMP)) {
        print_message("seccomp is refused here: nothing to test\n");
        skip();
    }
    assert_int_equal(strncmp(answer, "-1 -1 -1 -1 1 -1 ", 17), 0);
}

static pl_rc list_descriptors(void *ctx, int out, struct pl_err *err)
{
    (void)ctx, (void)err;
    unsigned n = 0;
    for (int fd = 3; fd < 256; fd++)
        if (fd != out && lseek(fd, 0, SEEK_CUR) != -1)
            n++;
        else if (fd != out && errno != EBADF)
            n++;
    dprintf(out, "%u", n);
    return PL_OK;
}

static void descriptors_are_closed(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    int a = open("/dev/null", O_RDONLY), b = dup(a), c = dup(a);
    struct pl_child_opts o = usual;
    o.keep_fds = &b, o.n_keep_fds = 1;
    assert_int_equal(run(&o, list_descriptors, NULL, answer, 64, &err), PL_OK);
    assert_string_equal(answer, "1");
    close(a), close(b), close(c);
}

static pl_rc eat_memory(void *ctx, int out, struct pl_err *err)
{
    (void)ctx, (void)out;
    for (int i = 0; i < 1024; i++) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return pl_fail(err, PL_ENOMEM, "out of memory");
        memset(p, 1, 1 << 20);
    }
    return PL_OK;
}

static void memory_has_a_ceiling(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    assert_int_equal(run(&usual, eat_memory, NULL, answer, 64, &err), PL_ELIMIT);
    assert_string_equal(err.msg, "test: needed more than 64 MiB");
}

static pl_rc spin(void *ctx, int out, struct pl_err *err)
{
    (void)ctx, (void)out, (void)err;
    for (volatile unsigned i = 0;; i++)
        ;
    return PL_OK;
}

static void loops_are_stopped(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    struct pl_child_opts o = usual;
    o.cpu_s = 1;
    assert_int_equal(run(&o, spin, NULL, answer, 64, &err), PL_ELIMIT);
    assert_string_equal(err.msg, "test: took more than 1 s of CPU");
}

__attribute__((no_sanitize("address", "undefined"))) static pl_rc crash(void *ctx, int out,
                                                                        struct pl_err *err)
{
    (void)out, (void)err;
    signal(SIGSEGV, SIG_DFL);
    *(volatile char *)ctx = 1;
    return PL_OK;
}

static void crashes_are_told(void **state)
{
    (void)state;
    char answer[64];
    struct pl_err err = { 0 };
    assert_int_equal(run(&usual, crash, (void *)8, answer, 64, &err), PL_EIO);
    assert_string_equal(err.msg, "test: crashed (signal 11)");
}

static pl_rc read_tree(void *ctx, int out, struct pl_err *err)
{
    (void)err;
    int tree = *(int *)ctx;
    int in = openat(tree, "inside", O_RDONLY | O_NOFOLLOW), up = openat(tree, "../..", O_RDONLY);
    int made = openat(tree, "new", O_WRONLY | O_CREAT, 0600);
    dprintf(out, "%d %d %d %u", in >= 0, up >= 0, made >= 0, pl_sandbox_status());
    return PL_OK;
}

static void a_tree_is_read_only(void **state)
{
    (void)state;
    char dir[] = "/tmp/pl-child-XXXXXX", answer[64], name[64];
    struct pl_err err = { 0 };
    assert_non_null(mkdtemp(dir));
    snprintf(name, sizeof(name), "%s/inside", dir);
    close(open(name, O_WRONLY | O_CREAT, 0644));
    int tree = open(dir, O_RDONLY | O_DIRECTORY);
    struct pl_child_opts o = usual;
    o.tree_fd = tree;
    assert_int_equal(run(&o, read_tree, &tree, answer, sizeof(answer), &err), PL_OK);
    int in, up, made;
    unsigned status;
    assert_int_equal(sscanf(answer, "%d %d %d %u", &in, &up, &made, &status), 4);
    assert_int_equal(in, 1);
    if (status & PL_SANDBOX_LANDLOCK)
        assert_int_equal(up, 0);
    if (status & (PL_SANDBOX_LANDLOCK | PL_SANDBOX_SECCOMP))
        assert_int_equal(made, 0);
    close(tree);
    unlink(name);
    rmdir(dir);
}

static void a_killed_child_is_gone(void **state)
{
    (void)state;
    struct pl_err err = { 0 };
    struct pl_child c = PL_CHILD_NONE;
    assert_int_equal(pl_child_start(&usual, spin, NULL, &c, &err), PL_OK);
    pid_t pid = c.pid;
    pl_child_kill(&c);
    pl_child_kill(&c);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(c.out, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(failure_is_a_sentence),
        cmocka_unit_test(forbidden_is_refused),
        cmocka_unit_test(descriptors_are_closed),
        cmocka_unit_test(memory_has_a_ceiling),
        cmocka_unit_test(loops_are_stopped),
        cmocka_unit_test(crashes_are_told),
        cmocka_unit_test(a_tree_is_read_only),
        cmocka_unit_test(a_killed_child_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
