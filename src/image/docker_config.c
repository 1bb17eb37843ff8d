/* Credentials as docker and podman keep them.
 * Spec: docker's config.json ("auths", "credsStore", "credHelpers"); containers-auth.json(5);
 * docker-credential-helpers README, "Development". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/registry_auth.h"

enum { CONFIG_BYTES = 4 << 20, HELPER_BYTES = 64 << 10, HELPER_S = 30 };

#define HUB_KEY "https://index.docker.io/v1/"

/* ---- the document ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "dXNlcjpwYXNz" to user and password, split at the first colon; NULs at the end are dropped, as
 * docker does. */
static bool decode_auth(pl_span text, struct pl_arena *a, struct pl_credentials *out)
{
    char *plain = pl_arena_alloc(a, text.len + 1);
    size_t n = 0;
    unsigned bits = 0, n_bits = 0;
    for (size_t i = 0; plain && i < text.len && text.ptr[i] != '='; i++) {
        int d = base64_digit(text.ptr[i]);
        if (d < 0)
            return false;
        bits = (bits << 6 | (unsigned)d) & 0xffff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            plain[n++] = (char)(bits >> n_bits);
        }
    }
    pl_span all = pl_span_of(plain, n);
    while (all.len && all.ptr[all.len - 1] == '\0')
        all.len--;
    size_t colon = pl_span_chr(all, ':');
    if (!plain || colon == SIZE_MAX || pl_span_chr(all, '\0') != SIZE_MAX)
        return false;
    out->user = pl_arena_str(a, pl_span_sub(all, 0, colon));
    out->password = pl_arena_str(a, pl_span_from(all, colon + 1));
    return out->user && out->password;
}

static const char *text_or_null(const json_t *entry, const char *key, struct pl_arena *a)
{
    pl_span s = pl_json_text(entry, key);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ')
            return NULL; /* would become a header line */
    return s.len ? pl_arena_str(a, s) : NULL;
}

static struct pl_credentials entry_credentials(const json_t *entry, struct pl_arena *a)
{
    struct pl_credentials c = { 0 };
    pl_span auth = pl_json_text(entry, "auth");
    if (auth.len == 0 || !decode_auth(auth, a, &c)) {
        c.user = text_or_null(entry, "username", a);
        c.password = c.user ? text_or_null(entry, "password", a) : NULL;
    }
    if (c.user && !*c.user)
        c.user = NULL;
    c.identity_token = text_or_null(entry, "identitytoken", a);
    c.registry_token = text_or_null(entry, "registrytoken", a);
    return c;
}

/* A key without its scheme, and, where it had one (docker's old way), without its path. */
static pl_span bare_key(pl_span key)
{
    bool scheme =
        pl_span_skip_lit(&key, PL_LIT("https://")) || pl_span_skip_lit(&key, PL_LIT("http://"));
    size_t slash = pl_span_chr(key, '/');
    pl_span path = slash == SIZE_MAX ? PL_SPAN_NONE : pl_span_from(key, slash);
    if (slash != SIZE_MAX &&
        (scheme || pl_span_starts(path, PL_LIT("/v1")) || pl_span_starts(path, PL_LIT("/v2"))))
        key.len = slash;
    while (pl_span_ends(key, PL_LIT("/")))
        key.len--;
    pl_span host = pl_span_sub(key, 0, pl_span_chr(key, '/'));
    if (pl_span_eq(key, PL_LIT("index.docker.io")) ||
        pl_span_eq(host, PL_LIT("registry-1.docker.io")))
        return PL_LIT("docker.io");
    return key;
}

/* Length of the match of a key with "host/ns/repo": 0 none. */
static size_t key_match(pl_span key, pl_span name)
{
    key = bare_key(key);
    if (key.len == 0 || !pl_span_starts(name, key))
        return 0;
    return key.len == name.len || name.ptr[key.len] == '/' ? key.len : 0;
}

static const json_t *best_entry(const json_t *map, pl_span name)
{
    const json_t *best = NULL;
    size_t best_len = 0;
    bool best_plain = false;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)map, key, v)
    {
        size_t n = key_match(pl_span_str(key), name);
        bool plain = pl_span_find(pl_span_str(key), PL_LIT("://")) == SIZE_MAX;
        if (n > best_len || (n && n == best_len && plain && !best_plain)) {
            best = v;
            best_len = n;
            best_plain = plain;
        }
    }
    return best;
}

/* The old ~/.dockercfg is the inner map alone. */
static const json_t *auths_of(const json_t *root)
{
    const json_t *auths = pl_json_object(root, "auths");
    if (auths || json_object_get(root, "credsStore") || json_object_get(root, "credHelpers"))
        return auths;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)root, key, v)
    {
        if (json_object_get(v, "auth"))
            return root;
    }
    return NULL;
}

pl_rc pl_docker_config_find(pl_span json, const struct pl_reference *r, struct pl_arena *a,
                            struct pl_credentials *out, const char **helper, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    pl_rc rc = pl_json_parse(json, &root, err);
    if (rc)
        return rc;
    if (!json_is_object(root))
        return pl_fail(err, PL_EFORMAT, "it is no JSON object");
    char *name = pl_arena_printf(a, "%s/%s", r->domain, r->repository);
    if (!name)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    const json_t *one = best_entry(pl_json_object(root, "credHelpers"), pl_span_str(name));
    pl_span program = pl_json_span(one);
    if (program.len == 0)
        program = pl_json_text(root, "credsStore");
    *helper = program.len ? pl_arena_str(a, program) : NULL;
    *out = entry_credentials(best_entry(auths_of(root), pl_span_str(name)), a);
    return PL_OK;
}

/* ---- helpers ---- */

static bool good_helper_name(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n < 100 && name[n] == '\0' && name[0] != '.' && name[0] != '-';
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

_Noreturn static void be_helper(const char *name, int in, int out)
{
    char program[160];
    snprintf(program, sizeof(program), "docker-credential-%s", name);
    int null = open("/dev/null", O_WRONLY);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || (null >= 0 && dup2(null, 2) < 0))
        _exit(126);
    close_range(3, ~0U, 0);
    setpgid(0, 0);
    execlp(program, program, "get", (char *)NULL);
    _exit(127);
}

/* Everything it writes until it ends; false when time is up or it writes too much. */
static bool drain(int fd, int64_t deadline, struct pl_buf *answer)
{
    char chunk[4096];
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline - now_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if (!(p.revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            pl_buf_add(answer, pl_span_of(chunk, (size_t)n));
        if (answer->failed)
            return false;
    }
}

/* Exit status, or -1 when it had to be killed. */
static int reap(pid_t pid, int64_t deadline)
{
    int status;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        if (got < 0 && errno != EINTR)
            return 128;
        if (now_ms() >= deadline)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return -1;
}

static pl_rc run_helper(const char *name, const char *server, struct pl_buf *answer, int *status,
                        struct pl_err *err)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "pipe");
    PL_AUTO(fd) int in_r = in[0];
    PL_AUTO(fd) int in_w = in[1];
    if (pipe2(out, O_CLOEXEC) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "pipe");
    PL_AUTO(fd) int out_r = out[0];
    PL_AUTO(fd) int out_w = out[1];
    /* The question fits into the pipe, so it can be there before the helper is. */
    if (write(in_w, server, strlen(server)) < 0)
        return pl_fail_errno(err, PL_EIO, errno, "pipe");
    pid_t pid = fork();
    if (pid < 0)
        return pl_fail_errno(err, PL_EIO, errno, "fork");
    if (pid == 0)
        be_helper(name, in_r, out_w);
    pl_close_fd(pl_take_fd(&in_w));
    pl_close_fd(pl_take_fd(&out_w));
    int64_t deadline = now_ms() + HELPER_S * 1000;
    bool drained = drain(out_r, deadline, answer);
    *status = reap(pid, drained ? deadline : 0);
    if (*status == 127)
        return pl_fail(err, PL_EABSENT, "there is no program docker-credential-%s on PATH", name);
    return *status < 0 || !drained
               ? pl_fail(err, PL_EIO, "it gave no proper answer in %d s", HELPER_S)
               : PL_OK;
}

pl_rc pl_credential_helper(const char *name, const char *server, struct pl_arena *a,
                           struct pl_credentials *out, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf answer = { .ceiling = HELPER_BYTES };
    PL_AUTO(json) json_t *root = NULL;
    struct pl_credentials c = { 0 };
    int status = 0;
    if (!good_helper_name(name))
        return pl_fail(err, PL_EFORMAT, "\"%.60s\" is no name of a credential helper", name);
    pl_rc rc = run_helper(name, server, &answer, &status, err);
    if (rc)
        return rc;
    if (status != 0) {
        if (pl_span_find(pl_buf_span(&answer), PL_LIT("credentials not found")) != SIZE_MAX)
            return pl_fail(err, PL_EABSENT, "it knows no credentials for %s", server);
        return pl_fail(err, PL_EIO, "docker-credential-%s failed with exit status %d", name,
                       status);
    }
    rc = pl_json_parse(pl_buf_span(&answer), &root, err);
    if (rc)
        return rc;
    const char *user = text_or_null(root, "Username", a), *secret = text_or_null(root, "Secret", a);
    if (!user || !secret)
        return pl_fail(err, PL_EABSENT, "it knows no credentials for %s", server);
    if (!strcmp(user, "<token>")) {
        c.identity_token = secret;
    } else {
        c.user = user;
        c.password = secret;
    }
    c.from = pl_arena_printf(a, "docker-credential-%s", name);
    *out = c;
    return PL_OK;
}

/* ---- the usual places ---- */

static pl_rc read_file(const char *path, struct pl_buf *out, struct pl_err *err)
{
    PL_AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return pl_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? PL_EABSENT : PL_EIO, errno,
                             "open");
    char chunk[8192];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        pl_buf_add(out, pl_span_of(chunk, (size_t)n));
    if (n < 0)
        return pl_fail_errno(err, PL_EIO, errno, "read");
    return out->failed ? pl_fail(err, PL_ELIMIT, "it is larger than 4 MiB") : PL_OK;
}

static pl_rc look_in(const char *path, const struct pl_reference *r, struct pl_arena *a,
                     const struct pl_log *log, struct pl_credentials *out, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf text = { .ceiling = CONFIG_BYTES };
    struct pl_credentials c = { 0 };
    struct pl_err why;
    const char *helper = NULL;
    pl_rc rc = read_file(path, &text, err);
    if (!rc)
        rc = pl_docker_config_find(pl_buf_span(&text), r, a, &c, &helper, err);
    if (rc)
        return rc;
    if (helper) {
        const char *server = !strcmp(r->domain, "docker.io") ? HUB_KEY : r->domain;
        rc = pl_credential_helper(helper, server, a, out, &why);
        if (!rc)
            return PL_OK;
        if (rc != PL_EABSENT || !pl_credentials_set(&c))
            pl_log(log, rc == PL_EABSENT ? PL_LOG_DEBUG : PL_LOG_WARNING,
                   "%s: credential helper \"%s\": %s", path, helper, why.msg);
    }
    c.from = pl_arena_str(a, pl_span_str(path));
    *out = c;
    return PL_OK;
}

static size_t usual_places(struct pl_arena *a, const char *out[6])
{
    const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    const char *file = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
    const char *config = getenv("XDG_CONFIG_HOME");
    size_t n = 0;
    if (docker && *docker)
        out[n++] = pl_arena_printf(a, "%s/config.json", docker);
    if (file && *file)
        out[n++] = file;
    if (!(docker && *docker) && home && *home)
        out[n++] = pl_arena_printf(a, "%s/.docker/config.json", home);
    if (run && *run)
        out[n++] = pl_arena_printf(a, "%s/containers/auth.json", run);
    else
        out[n++] = pl_arena_printf(a, "/run/containers/%u/auth.json", (unsigned)getuid());
    if (config && *config)
        out[n++] = pl_arena_printf(a, "%s/containers/auth.json", config);
    else if (home && *home)
        out[n++] = pl_arena_printf(a, "%s/.config/containers/auth.json", home);
    return n;
}

pl_rc pl_credentials_find(const struct pl_reference *r, const char *authfile, struct pl_arena *a,
                          const struct pl_log *log, struct pl_credentials *out, struct pl_err *err)
{
    struct pl_credentials c = { 0 };
    if (authfile) {
        pl_rc rc = look_in(authfile, r, a, log, &c, err);
        if (rc) {
            pl_wrap(err, "--authfile %s", authfile);
            return rc;
        }
        *out = c;
        return PL_OK;
    }
    const char *places[6];
    size_t n = usual_places(a, places);
    for (size_t i = 0; i < n && !pl_credentials_set(&c); i++) {
        struct pl_err why = { 0 };
        pl_rc rc = places[i] ? look_in(places[i], r, a, log, &c, &why) : PL_EABSENT;
        if (rc && rc != PL_EABSENT)
            pl_log(log, PL_LOG_WARNING, "%s: %s: no credentials are taken from it", places[i],
                   why.msg);
    }
    *out = c;
    return PL_OK;
}
