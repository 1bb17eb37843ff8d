/* shim.c - preloaded into the program by tests/e2e/faults.py: the nth allocation, read or write of
 * one process fails.
 *
 * PL_FAULT_KIND   alloc, read, write
 * PL_FAULT_AT     which one, from 1; counted from the start of main's process and of each fork anew
 * PL_FAULT_WHO    parent: the process that was started; child: all that it forks
 * PL_FAULT_HIT    a file whose first byte becomes "x" when the fault was met
 *
 * Only calls made by the program and its libraries through the PLT are seen, which is all that it
 * makes. What the dynamic loader does before main is not counted: the counter starts with the first
 * call after the constructor below. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE, ALLOC, READ, WRITE };

static enum kind kind;
static long at;
static atomic_long count;
static atomic_bool armed;
static bool in_child, child_fails;
static char *hit_byte;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
ssize_t read(int fd, void *buf, size_t n);
ssize_t pread(int fd, void *buf, size_t n, off_t at_byte);
ssize_t write(int fd, const void *buf, size_t n);

static void after_fork(void)
{
    in_child = true;
    atomic_store(&count, 0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("PL_FAULT_KIND"), *n = getenv("PL_FAULT_AT");
    const char *who = getenv("PL_FAULT_WHO"), *hit = getenv("PL_FAULT_HIT");
    if (!what || !n)
        return;
    kind = !strcmp(what, "alloc") ? ALLOC : !strcmp(what, "read") ? READ : WRITE;
    at = strtol(n, NULL, 10);
    child_fails = who && !strcmp(who, "child");
    int fd = hit ? open(hit, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) { /* memory: a child in its sandbox has no descriptor left */
        char *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        hit_byte = map == MAP_FAILED ? NULL : map;
        close(fd);
    }
    pthread_atfork(NULL, NULL, after_fork);
    atomic_store(&armed, true);
}

static bool fails(enum kind k)
{
    if (!atomic_load(&armed) || k != kind || in_child != child_fails ||
        atomic_fetch_add(&count, 1) + 1 != at)
        return false;
    if (hit_byte)
        *hit_byte = 'x';
    return true;
}

void *malloc(size_t size)
{
    if (fails(ALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    if (fails(ALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    if (fails(ALLOC)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(p, size);
}

ssize_t read(int fd, void *buf, size_t n)
{
    if (fails(READ)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_read, fd, buf, n);
}

/* Large files are the default here: the symbol is pread64. */
ssize_t pread(int fd, void *buf, size_t n, off_t at_byte)
{
    if (fails(READ)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, buf, n, at_byte);
}

ssize_t write(int fd, const void *buf, size_t n)
{
    if (fails(WRITE)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, buf, n);
}
