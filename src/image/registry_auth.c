#include "image/registry_auth.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAX_CHALLENGES = 32, /* of one header; servers send one or two */
    TOKEN_ANSWER = 1 << 20,
    TOKEN_BYTES = 32 << 10, /* must fit into a header; registries' own ceilings are 8 to 16 KiB */
    TOKEN_LIFE_S = 60,      /* when expires_in is absent, and the least we assume */
};

/* ---- challenges ---- */

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~/", c)); /* the last: token68 */
}

static void skip_blanks(pl_span *in)
{
    while (in->len && (in->ptr[0] == ' ' || in->ptr[0] == '\t'))
        *in = pl_span_from(*in, 1);
}

static pl_span token(pl_span *in)
{
    size_t n = 0;
    while (n < in->len && is_token_char(in->ptr[n]))
        n++;
    pl_span t = pl_span_sub(*in, 0, n);
    *in = pl_span_from(*in, n);
    return t;
}

/* A quoted string, or what goes to the next comma or blank; without a closing quote it goes to the
 * end. */
static bool value(pl_span *in, struct pl_arena *a, pl_span *out)
{
    skip_blanks(in);
    if (!pl_span_skip_lit(in, PL_LIT("\""))) {
        size_t n = 0; /* sloppy servers leave the quotes of a URL away */
        while (n < in->len && !strchr(", \t", in->ptr[n]))
            n++;
        pl_span bare = pl_span_sub(*in, 0, n);
        *in = pl_span_from(*in, n);
        return pl_arena_copy(a, bare, out);
    }
    size_t end = 0;
    while (end < in->len && in->ptr[end] != '"')
        end += in->ptr[end] == '\\' && end + 1 < in->len ? 2 : 1;
    char *text = pl_arena_alloc(a, end + 1);
    if (!text)
        return false;
    size_t n = 0;
    while (in->len && in->ptr[0] != '"') {
        if (in->ptr[0] == '\\' && in->len > 1)
            *in = pl_span_from(*in, 1);
        text[n++] = in->ptr[0];
        *in = pl_span_from(*in, 1);
    }
    *in = pl_span_from(*in, 1);
    *out = pl_span_of(text, n);
    return true;
}

static void parameter(struct pl_challenge *c, pl_span name, pl_span v)
{
    if (pl_span_eq_nocase(name, PL_LIT("realm")))
        c->realm = v;
    else if (pl_span_eq_nocase(name, PL_LIT("service")))
        c->service = v;
    else if (pl_span_eq_nocase(name, PL_LIT("scope")))
        c->scope = v;
    else if (pl_span_eq_nocase(name, PL_LIT("error")))
        c->error = v;
}

bool pl_challenges_parse(pl_span in, struct pl_arena *a, struct pl_vec *out)
{
    struct pl_challenge *now = NULL;
    size_t n = 0;
    while (in.len) {
        skip_blanks(&in);
        pl_span word = token(&in);
        if (word.len == 0) {
            in = pl_span_from(in, 1); /* a comma, or what should not be here */
            continue;
        }
        skip_blanks(&in);
        if (pl_span_skip_lit(&in, PL_LIT("="))) {
            pl_span v;
            if (!value(&in, a, &v))
                return false;
            if (now)
                parameter(now, word, v);
            continue;
        }
        if (n++ == MAX_CHALLENGES)
            return true;
        now = pl_vec_push(a, out);
        if (!now || !pl_arena_copy(a, word, &now->scheme))
            return false;
    }
    return true;
}

/* ---- Basic ---- */

static char *basic(struct pl_arena *a, const char *user, const char *password)
{
    char *plain = pl_arena_printf(a, "%s:%s", user ? user : "", password ? password : "");
    if (!plain)
        return NULL;
    size_t n = strlen(plain);
    char *out = n < TOKEN_BYTES ? pl_arena_alloc(a, 6 + (n + 2) / 3 * 4 + 1) : NULL;
    if (!out)
        return NULL;
    memcpy(out, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)out + 6, (const unsigned char *)plain, (int)n);
    return out;
}

/* ---- tokens ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pl_rc take_token(struct pl_registry_auth *auth, pl_span body, struct pl_err *err)
{
    PL_AUTO(json) json_t *root = NULL;
    pl_rc rc = pl_json_parse(body, &root, err);
    if (rc)
        return rc;
    pl_span t = pl_json_text(root, "token");
    if (t.len == 0)
        t = pl_json_text(root, "access_token");
    if (t.len == 0)
        return pl_fail(err, PL_EFORMAT, "its answer holds no token");
    if (t.len > TOKEN_BYTES)
        return pl_fail(err, PL_ELIMIT, "its token has %zu bytes", t.len);
    for (size_t i = 0; i < t.len; i++) /* a line end in it would make headers */
        if (t.ptr[i] <= ' ' || t.ptr[i] >= 0x7f)
            return pl_fail(err, PL_EFORMAT, "its token holds bytes that no token has");
    char *line = pl_arena_printf(auth->arena, "Bearer %.*s", (int)t.len, t.ptr);
    if (!line)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    double life_s = pl_json_number(root, "expires_in", TOKEN_LIFE_S);
    if (!(life_s >= TOKEN_LIFE_S))
        life_s = TOKEN_LIFE_S;
    if (life_s > 86400 * 365)
        life_s = 86400 * 365;
    auth->authorization = line;
    auth->renew_at_ms = now_ms() + (int64_t)(life_s * 900);
    return PL_OK;
}

static pl_rc ask_by_post(struct pl_registry_auth *auth, struct pl_http *http, const char *realm,
                         pl_span scope, struct pl_http_response *r, struct pl_err *err)
{
    PL_AUTO(buf) struct pl_buf form = { .ceiling = 1 << 20 };
    pl_http_query_add(&form, "grant_type", PL_LIT("refresh_token"));
    pl_http_query_add(&form, "service", auth->last.service);
    pl_http_query_add(&form, "client_id", PL_LIT("plimsoll"));
    pl_http_query_add(&form, "scope", scope);
    pl_http_query_add(&form, "refresh_token", pl_span_str(auth->credentials->identity_token));
    if (form.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    struct pl_http_request q = {
        .url = realm,
        .decode = true,
        .no_follow = true,
        .max_body = TOKEN_ANSWER,
        .body = pl_span_from(pl_buf_span(&form), 1), /* without the "?" */
        .content_type = "application/x-www-form-urlencoded",
    };
    return pl_http_request(http, &q, r, err);
}

static pl_rc ask_by_get(struct pl_registry_auth *auth, struct pl_http *http, const char *realm,
                        pl_span scope, struct pl_http_response *r, struct pl_err *err)
{
    const struct pl_credentials *c = auth->credentials;
    PL_AUTO(buf) struct pl_buf url = { .ceiling = 1 << 20 };
    pl_span one;
    pl_buf_add(&url, pl_span_str(realm));
    if (auth->last.service.len)
        pl_http_query_add(&url, "service", auth->last.service);
    while (pl_span_word(&scope, &one))
        pl_http_query_add(&url, "scope", one);
    if (c->user)
        pl_http_query_add(&url, "account", pl_span_str(c->user));
    pl_http_query_add(&url, "client_id", PL_LIT("plimsoll"));
    pl_buf_char(&url, '\0');
    const char *line = NULL;
    if (c->user || c->identity_token) {
        line = c->identity_token
                   ? basic(auth->arena, c->user ? c->user : "<token>", c->identity_token)
                   : basic(auth->arena, c->user, c->password);
        if (!line)
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (url.failed)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    struct pl_http_request q = {
        .url = url.ptr,
        .decode = true,
        .max_body = TOKEN_ANSWER,
        .authorization = line,
    };
    return pl_http_request(http, &q, r, err);
}

/* The realm is the registry's word: it may name another host, but not a weaker way. */
static pl_rc check_realm(const struct pl_registry_auth *auth, const char *realm, struct pl_err *err)
{
    bool plain = pl_span_starts(pl_span_str(realm), PL_LIT("http://"));
    bool secret = auth->credentials->user || auth->credentials->identity_token;
    if (!plain && !pl_span_starts(pl_span_str(realm), PL_LIT("https://")))
        return pl_fail(err, PL_EAUTH,
                       "the registry names the token server \"%.100s\": it must be an "
                       "https: address",
                       realm);
    if (plain && pl_span_starts(pl_span_str(auth->registry_url), PL_LIT("https:")) &&
        (secret || !auth->insecure))
        return pl_fail(err, PL_EAUTH,
                       "the registry speaks https but its token server \"%.100s\" "
                       "does not: no password is sent there",
                       realm);
    return PL_OK;
}

static pl_rc fetch_token(struct pl_registry_auth *auth, struct pl_http *http, struct pl_err *err)
{
    PL_AUTO(http_response) struct pl_http_response r = { 0 };
    const char *realm = pl_arena_str(auth->arena, auth->last.realm);
    char *usual = pl_arena_printf(auth->arena, "repository:%s:pull", auth->repository);
    if (!realm || !usual)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    pl_span scope = auth->last.scope.len ? auth->last.scope : pl_span_str(usual);
    pl_rc rc = check_realm(auth, realm, err);
    if (rc)
        return rc;
    bool posted = auth->credentials->identity_token != NULL;
    if (posted)
        rc = ask_by_post(auth, http, realm, scope, &r, err);
    if (!rc && (!posted || r.status == 404 || r.status == 405))
        rc = ask_by_get(auth, http, realm, scope, &r, err);
    if (!rc && r.status != 200)
        rc = pl_http_status_error(&r, err);
    if (!rc)
        rc = take_token(auth, pl_buf_span(&r.body), err);
    if (!rc)
        return PL_OK;
    char text[256];
    pl_http_url_text(realm, text, sizeof(text));
    if (rc == PL_EAUTH && auth->credentials->from)
        pl_wrap(err, "token server %s: it refuses the credentials of %s", text,
                auth->credentials->from);
    else
        pl_wrap(err, "token server %s", text);
    return rc;
}

/* ---- choosing ---- */

static const struct pl_challenge *offered(const struct pl_vec *v, pl_span scheme)
{
    const struct pl_challenge *c = v->items;
    for (size_t i = 0; i < v->n; i++)
        if (pl_span_eq_nocase(c[i].scheme, scheme) &&
            (c[i].realm.len || pl_span_eq_nocase(scheme, PL_LIT("Basic"))))
            return &c[i];
    return NULL;
}

static pl_rc refused_for_good(const struct pl_registry_auth *auth,
                              const struct pl_http_response *refused, struct pl_err *err)
{
    pl_http_status_error(refused, err);
    if (pl_credentials_set(auth->credentials))
        pl_wrap(err,
                "the registry refuses the credentials of %s, or they do not reach this "
                "repository",
                auth->credentials->from ? auth->credentials->from : "the caller");
    else
        pl_wrap(err,
                "the registry asks for a login, or there is no such repository (no credentials "
                "were found: docker login, or --authfile FILE)");
    return PL_EAUTH;
}

/* Try Basic with what we have; false when that was done before or there is nothing to send. */
static bool try_basic(struct pl_registry_auth *auth)
{
    const struct pl_credentials *c = auth->credentials;
    char *line = c->user ? basic(auth->arena, c->user, c->password) : NULL;
    if (!line || (auth->authorization && !strcmp(auth->authorization, line)))
        return false;
    auth->authorization = line;
    auth->renew_at_ms = 0;
    return true;
}

pl_rc pl_registry_login(struct pl_registry_auth *auth, struct pl_http *http,
                        const struct pl_http_response *refused, struct pl_err *err)
{
    struct pl_vec found = PL_VEC(struct pl_challenge);
    for (unsigned i = 0; i < MAX_CHALLENGES; i++) {
        pl_span header = pl_http_header(refused, "www-authenticate", i);
        if (header.len == 0)
            break;
        pl_span kept;
        if (!pl_arena_copy(auth->arena, header, &kept) ||
            !pl_challenges_parse(kept, auth->arena, &found))
            return pl_fail(err, PL_ENOMEM, "out of memory");
    }
    const struct pl_challenge *bearer = offered(&found, PL_LIT("Bearer"));
    bool basic_too = offered(&found, PL_LIT("Basic")) != NULL;
    unsigned n = ++auth->n_refused;
    if (n == 1 && auth->credentials->registry_token) {
        auth->authorization =
            pl_arena_printf(auth->arena, "Bearer %s", auth->credentials->registry_token);
        return auth->authorization ? PL_OK : pl_fail(err, PL_ENOMEM, "out of memory");
    }
    if (bearer && n <= 2) {
        auth->last = *bearer;
        pl_rc rc = fetch_token(auth, http, err);
        if (!rc || !basic_too || !try_basic(auth))
            return rc;
        return PL_OK;
    }
    if (basic_too && n <= 3 && try_basic(auth))
        return PL_OK;
    return refused_for_good(auth, refused, err);
}

pl_rc pl_registry_renew(struct pl_registry_auth *auth, struct pl_http *http, struct pl_err *err)
{
    if (!auth->renew_at_ms || now_ms() < auth->renew_at_ms)
        return PL_OK;
    return fetch_token(auth, http, err);
}
