#include "image/reference.h"

#include <stdio.h>

enum { NAME_BYTES = 255 }; /* host and repository together, as the distribution-spec asks */

static bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
static bool letter_or_digit(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

static pl_rc wrong(struct pl_err *err, pl_span text, const char *why)
{
    char shown[121];
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < sizeof(shown); i++)
        shown[n++] = text.ptr[i] >= ' ' && text.ptr[i] < 0x7f ? text.ptr[i] : '?';
    shown[n] = '\0';
    return pl_fail(err, PL_EUSAGE, "\"%s\" is no image reference: %s", shown, why);
}

static bool is_domain(pl_span first)
{
    for (size_t i = 0; i < first.len; i++)
        if (first.ptr[i] == '.' || first.ptr[i] == ':' ||
            (first.ptr[i] >= 'A' && first.ptr[i] <= 'Z'))
            return true;
    return pl_span_eq(first, PL_LIT("localhost"));
}

static bool good_host(pl_span host)
{
    if (pl_span_starts(host, PL_LIT("["))) { /* an IPv6 address */
        size_t end = pl_span_chr(host, ']');
        if (end == SIZE_MAX || end + 1 != host.len || end < 3)
            return false;
        for (size_t i = 1; i < end; i++)
            if (!strchr("0123456789abcdefABCDEF:.", host.ptr[i]) || !host.ptr[i])
                return false;
        return true;
    }
    pl_span label;
    if (host.len == 0 || pl_span_ends(host, PL_LIT(".")))
        return false;
    while (pl_span_split(&host, '.', &label)) {
        if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!letter_or_digit(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_')
                return false;
    }
    return true;
}

static bool good_domain(pl_span domain)
{
    size_t colon = pl_span_rchr(domain, ':');
    size_t bracket = pl_span_rchr(domain, ']');
    if (colon == SIZE_MAX || (bracket != SIZE_MAX && colon < bracket))
        return good_host(domain);
    uint64_t port;
    return pl_span_decimal(pl_span_from(domain, colon + 1), 65535, &port) && port > 0 &&
           good_host(pl_span_sub(domain, 0, colon));
}

/* [a-z0-9]+ parts joined by ".", "_", "__" or any number of "-". */
static bool good_component(pl_span c)
{
    if (c.len == 0 || !lower_or_digit(c.ptr[0]) || !lower_or_digit(c.ptr[c.len - 1]))
        return false;
    for (size_t i = 0; i < c.len; i++) {
        size_t n = 0;
        while (!lower_or_digit(c.ptr[i + n])) /* ends: the last byte is one */
            n++;
        if (n == 0)
            continue;
        char mark = c.ptr[i];
        if (mark != '.' && mark != '_' && mark != '-')
            return false;
        for (size_t k = 1; k < n; k++)
            if (c.ptr[i + k] != mark)
                return false;
        if ((mark == '.' && n > 1) || (mark == '_' && n > 2))
            return false;
        i += n - 1;
    }
    return true;
}

static const char *repository_fault(pl_span repository)
{
    pl_span component, rest = repository;
    if (repository.len == 0)
        return "the repository is missing; write registry/repository:tag";
    if (pl_span_ends(repository, PL_LIT("/")))
        return "it ends in a slash";
    for (size_t i = 0; i < repository.len; i++)
        if (repository.ptr[i] >= 'A' && repository.ptr[i] <= 'Z')
            return "a repository is written in lower case";
    while (pl_span_split(&rest, '/', &component))
        if (!good_component(component))
            return "a repository is of a-z, 0-9 and single . _ - between them";
    return NULL;
}

static bool good_tag(pl_span tag)
{
    if (tag.len == 0 || tag.len > 128 || tag.ptr[0] == '.' || tag.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < tag.len; i++)
        if (!letter_or_digit(tag.ptr[i]) && tag.ptr[i] != '.' && tag.ptr[i] != '_' &&
            tag.ptr[i] != '-')
            return false;
    return true;
}

static bool is_bare_id(pl_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len == 64;
}

static void put(char *to, pl_span s)
{
    memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
}

/* Takes ":tag" and "@digest" off the end of rest. */
static pl_rc suffixes(pl_span text, pl_span *rest, struct pl_reference *r, struct pl_err *err)
{
    size_t at = pl_span_chr(*rest, '@');
    if (at != SIZE_MAX) {
        if (pl_digest_parse(pl_span_from(*rest, at + 1), &r->digest, NULL))
            return wrong(err, text,
                         "after @ stands a digest, sha256: and 64 lower-case hex digits");
        rest->len = at;
    }
    size_t colon = pl_span_rchr(*rest, ':');
    size_t slash = pl_span_rchr(*rest, '/');
    if (colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash)) {
        pl_span tag = pl_span_from(*rest, colon + 1);
        if (!good_tag(tag))
            return wrong(err, text, "a tag is of letters, digits and . _ -, at most 128 of them");
        put(r->tag, tag);
        rest->len = colon;
    }
    return PL_OK;
}

pl_rc pl_reference_parse(pl_span text, struct pl_reference *out, struct pl_err *err)
{
    struct pl_reference r = { 0 };
    pl_span rest = text;
    if (pl_span_find(text, PL_LIT("://")) != SIZE_MAX)
        return wrong(err, text, "write it without https:// in front");
    if (is_bare_id(text))
        return wrong(err, text,
                     "it is an image ID; name the repository, as in repository@sha256:...");
    pl_rc rc = suffixes(text, &rest, &r, err);
    if (rc)
        return rc;
    size_t slash = pl_span_chr(rest, '/');
    pl_span domain = PL_LIT("docker.io"), first = pl_span_sub(rest, 0, slash);
    if (slash != SIZE_MAX && is_domain(first)) {
        domain = first;
        rest = pl_span_from(rest, slash + 1);
    }
    if (!good_domain(domain))
        return wrong(err, text, "the part before the first slash is no host[:port]");
    const char *fault = repository_fault(rest);
    if (fault)
        return wrong(err, text, fault);
    if (pl_span_eq_nocase(domain, PL_LIT("index.docker.io")) ||
        pl_span_eq_nocase(domain, PL_LIT("docker.io")))
        domain = PL_LIT("docker.io");
    bool hub = pl_span_eq(domain, PL_LIT("docker.io"));
    bool official = hub && pl_span_chr(rest, '/') == SIZE_MAX;
    if (domain.len + rest.len + (official ? 8 : 0) > NAME_BYTES)
        return wrong(err, text, "its name is longer than 255 bytes");
    put(r.domain, domain);
    put(r.host, hub ? PL_LIT("registry-1.docker.io") : domain);
    put(r.repository, official ? PL_LIT("library/") : PL_LIT(""));
    put(r.repository + strlen(r.repository), rest);
    if (!r.tag[0] && !pl_digest_set(&r.digest))
        put(r.tag, PL_LIT("latest"));
    *out = r;
    return PL_OK;
}

const char *pl_reference_target(const struct pl_reference *r)
{
    return pl_digest_set(&r->digest) ? r->digest.text : r->tag;
}

void pl_reference_text(const struct pl_reference *r, char *out, size_t size)
{
    snprintf(out, size, "%s/%s%s%s%s%s", r->domain, r->repository, r->tag[0] ? ":" : "", r->tag,
             pl_digest_set(&r->digest) ? "@" : "", r->digest.text);
}
