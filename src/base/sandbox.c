#include "base/sandbox.h"
#include "base/sanitized.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned in_force;

/* ---- Landlock (landlock(7)) ---- */

/* Rights that came with each ABI after the first; Debian 12's header ends with the second. */
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };

struct ruleset_attr { /* struct landlock_ruleset_attr as of ABI 6; older kernels take a prefix */
    uint64_t fs, net, scoped;
};

static size_t ruleset_for(int abi, struct ruleset_attr *attr)
{
    *attr = (struct ruleset_attr){ .fs = ((uint64_t)1 << 13) - 1 };
    if (abi >= ABI_REFER)
        attr->fs |= (uint64_t)1 << 13;
    if (abi >= ABI_TRUNCATE)
        attr->fs |= (uint64_t)1 << 14;
    if (abi >= ABI_IOCTL)
        attr->fs |= (uint64_t)1 << 15;
    if (abi >= ABI_NET)
        attr->net = 3; /* bind and connect, TCP */
    if (abi >= ABI_SCOPE)
        attr->scoped = 3; /* abstract UNIX sockets, signals */
    return abi >= ABI_SCOPE ? 24 : abi >= ABI_NET ? 16 : 8;
}

static bool allow_tree(int ruleset, int tree_fd)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = tree_fd,
    };
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool landlock(int tree_fd)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return false;
    struct ruleset_attr attr;
    size_t size = ruleset_for((int)abi, &attr);
    PL_AUTO(fd) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0 || (tree_fd >= 0 && !allow_tree(ruleset, tree_fd)))
        return false;
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

/* ---- seccomp (seccomp(2), libseccomp) ---- */

static const int always[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(tgkill),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(sched_getaffinity),
};
/* What the sanitizers' run-time does on its own account. */
static const int sanitizers[] = {
    SCMP_SYS(sigaltstack), SCMP_SYS(prctl),     SCMP_SYS(readlink),        SCMP_SYS(uname),
    SCMP_SYS(getuid),      SCMP_SYS(geteuid),   SCMP_SYS(getppid),         SCMP_SYS(gettimeofday),
    SCMP_SYS(getrlimit),   SCMP_SYS(prlimit64), SCMP_SYS(set_tid_address), SCMP_SYS(membarrier),
};
static const int reading_tree[] = {
    SCMP_SYS(openat2),    SCMP_SYS(newfstatat), SCMP_SYS(statx),     SCMP_SYS(getdents64),
    SCMP_SYS(readlinkat), SCMP_SYS(fstatfs),    SCMP_SYS(fgetxattr),
};

static bool allow(scmp_filter_ctx f, const int *calls, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) == 0 && good;
    return good;
}

/* Memory that can be run is never made; only threads of this very process are cloned. clone3 hides
 * its flags behind a pointer: ENOSYS sends glibc to clone. */
static bool allow_masked(scmp_filter_ctx f, const struct pl_sandbox_opts *o)
{
    struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    struct scmp_arg_cmp thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    struct scmp_arg_cmp read_only =
        SCMP_A2(SCMP_CMP_MASKED_EQ, 3 | 0100 | 01000, 0); /* O_ACCMODE, O_CREAT, O_TRUNC */
    bool good = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec) == 0 &&
                seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec) == 0 &&
                seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
    if (o->threads)
        good = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread) == 0 && good;
    if (o->descriptors)
        good = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), 0) == 0 && good;
    if (o->tree_fd >= 0)
        good = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, read_only) == 0 && good;
    return good;
}

/* Making a filter costs a millisecond and a hundred allocations; so it is made once for each kind
 * of child, by the parent, and children only load it. */
static struct program {
    bool made;
    struct sock_fprog prog;
} programs[8];

static struct program *program_of(const struct pl_sandbox_opts *o)
{
    return &programs[(o->tree_fd >= 0) + 2 * o->threads + 4 * o->descriptors];
}

static scmp_filter_ctx make_filter(const struct pl_sandbox_opts *o)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!f)
        return NULL;
    bool good = allow(f, always, PL_COUNT(always)) && allow_masked(f, o);
    if (o->tree_fd >= 0)
        good = allow(f, reading_tree, PL_COUNT(reading_tree)) && good;
    if (SANITIZED)
        good = allow(f, sanitizers, PL_COUNT(sanitizers)) && good;
    if (good)
        return f;
    seccomp_release(f);
    return NULL;
}

static bool export_filter(scmp_filter_ctx f, struct sock_fprog *out)
{
    PL_AUTO(fd) int fd = memfd_create("filter", MFD_CLOEXEC);
    struct stat st;
    if (fd < 0 || seccomp_export_bpf(f, fd) != 0 || fstat(fd, &st) != 0 || st.st_size <= 0 ||
        (size_t)st.st_size > BPF_MAXINSNS * sizeof(struct sock_filter))
        return false;
    struct sock_filter *code = malloc((size_t)st.st_size);
    if (!code || pread(fd, code, (size_t)st.st_size, 0) != st.st_size) {
        free(code);
        return false;
    }
    out->filter = code;
    out->len = (unsigned short)((size_t)st.st_size / sizeof(*code));
    return true;
}

bool pl_sandbox_prepare(const struct pl_sandbox_opts *o)
{
    struct program *p = program_of(o);
    if (p->made)
        return true;
    scmp_filter_ctx f = make_filter(o);
    p->made = f && export_filter(f, &p->prog);
    if (f)
        seccomp_release(f);
    return p->made;
}

static bool seccomp(const struct pl_sandbox_opts *o)
{
    return pl_sandbox_prepare(o) &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program_of(o)->prog) == 0;
}

unsigned pl_sandbox_enter(const struct pl_sandbox_opts *o)
{
    unsigned got = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        got |= PL_SANDBOX_NO_NEW_PRIVS;
    if (landlock(o->tree_fd))
        got |= PL_SANDBOX_LANDLOCK;
    /* No new descriptors, unless they are handed in: after Landlock, which needs one. */
    if (o->tree_fd < 0 && !o->descriptors && !SANITIZED)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0 });
    if (seccomp(o))
        got |= PL_SANDBOX_SECCOMP;
    in_force = got;
    return got;
}

unsigned pl_sandbox_status(void) { return in_force; }

const char *pl_sandbox_text(unsigned status)
{
    bool both = (status & PL_SANDBOX_SECCOMP) && (status & PL_SANDBOX_LANDLOCK);
    if (both)
        return "seccomp and Landlock";
    if (status & PL_SANDBOX_SECCOMP)
        return "seccomp";
    return status & PL_SANDBOX_LANDLOCK ? "Landlock" : "none";
}
