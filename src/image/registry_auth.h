/* registry_auth.h - who we are to a registry: challenges, credentials, tokens.
 *
 * Credentials come from the files that docker and podman write, or from their credential helpers
 * (run without a shell, with a time limit). A password goes to the registry and to the token realm
 * that this registry names, never to an http: realm when the registry speaks https.
 * Spec: RFC 9110 section 11 (challenges); distribution docs/spec/auth token, oauth; docker's
 * config.json; docker-credential-helpers protocol; containers-auth.json(5). */
#pragma once
#include "base/arena.h"
#include "base/http.h"
#include "base/json.h"
#include "image/reference.h"

struct pl_challenge {
    pl_span scheme; /* "Bearer", "Basic", as sent */
    pl_span realm, service, scope, error;
};
/* Every challenge of one WWW-Authenticate value, appended to out (of struct pl_challenge). What is
 * no challenge is passed over. False when the arena is full. */
bool pl_challenges_parse(pl_span header, struct pl_arena *a, struct pl_vec *out);

struct pl_credentials {
    const char *user, *password; /* NULL: none */
    const char *identity_token;  /* an OAuth2 refresh token */
    const char *registry_token;  /* a bearer token to be used as it is */
    const char *from;            /* the file or helper, for messages */
};
static inline bool pl_credentials_set(const struct pl_credentials *c)
{
    return c->user || c->identity_token || c->registry_token;
}

/* What one configuration document says of a repository: entries of "auths" (most precise key
 * first: host/ns/repo, host/ns, host), or the helper that is to be asked (credHelpers before
 * credsStore before auths; NULL: none). PL_EFORMAT when it is no such document. */
pl_rc pl_docker_config_find(pl_span json, const struct pl_reference *r, struct pl_arena *a,
                            struct pl_credentials *out, const char **helper,
                            struct pl_err *err) PL_CHECKED;
/* docker-credential-NAME get. PL_EABSENT: it knows none. */
pl_rc pl_credential_helper(const char *name, const char *server, struct pl_arena *a,
                           struct pl_credentials *out, struct pl_err *err) PL_CHECKED;
/* authfile (must be readable then), else $DOCKER_CONFIG/config.json, $REGISTRY_AUTH_FILE,
 * ~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json:
 * the first that knows the repository. None at all is PL_OK with out empty; a file that is broken,
 * or a helper that fails, is told to the log and passed over. */
pl_rc pl_credentials_find(const struct pl_reference *r, const char *authfile, struct pl_arena *a,
                          const struct pl_log *log, struct pl_credentials *out,
                          struct pl_err *err) PL_CHECKED;

/* The state of our standing with one repository of one registry. */
struct pl_registry_auth {
    struct pl_arena *arena;
    const struct pl_credentials *credentials;
    const char *registry_url; /* "https://host[:port]" */
    const char *repository;
    bool insecure;
    char *authorization;      /* the header's value; NULL: none yet */
    int64_t renew_at_ms;      /* monotonic; 0: does not age */
    struct pl_challenge last; /* what the token was asked for with */
    unsigned n_refused;       /* answers 401 in a row */
};
/* After a 401 (or a 403 with insufficient_scope): learn from the challenge and get what it asks
 * for. PL_EAUTH when there is nothing more to try. */
pl_rc pl_registry_login(struct pl_registry_auth *auth, struct pl_http *http,
                        const struct pl_http_response *refused, struct pl_err *err) PL_CHECKED;
/* Before a request: renew a token that is about to end. */
pl_rc pl_registry_renew(struct pl_registry_auth *auth, struct pl_http *http,
                        struct pl_err *err) PL_CHECKED;
