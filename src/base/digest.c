#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct pl_hasher {
    EVP_MD_CTX *ctx;
    char algorithm[8];
};

static size_t hex_length(pl_span algorithm)
{
    if (pl_span_eq(algorithm, PL_LIT("sha256")))
        return 64;
    if (pl_span_eq(algorithm, PL_LIT("sha512")))
        return 128;
    if (pl_span_eq(algorithm, PL_LIT("sha384")))
        return 96;
    return 0;
}

pl_rc pl_digest_parse(pl_span text, pl_digest *out, struct pl_err *err)
{
    size_t colon = pl_span_chr(text, ':');
    pl_span hex = pl_span_from(text, colon == SIZE_MAX ? text.len : colon + 1);
    size_t want = colon == SIZE_MAX ? 0 : hex_length(pl_span_sub(text, 0, colon));
    bool good = want && hex.len == want;
    for (size_t i = 0; good && i < hex.len; i++)
        good = (hex.ptr[i] >= '0' && hex.ptr[i] <= '9') || (hex.ptr[i] >= 'a' && hex.ptr[i] <= 'f');
    if (!good)
        return pl_fail(err, PL_EFORMAT, "\"%.*s\" is not a digest (sha256: and 64 hex digits)",
                       (int)(text.len < 80 ? text.len : 80), text.ptr ? text.ptr : "");
    memcpy(out->text, text.ptr, text.len);
    out->text[text.len] = '\0';
    return PL_OK;
}

bool pl_digest_eq(const pl_digest *a, const pl_digest *b)
{
    return a->text[0] && pl_span_eq(pl_digest_span(a), pl_digest_span(b));
}

pl_span pl_digest_hex(const pl_digest *d)
{
    pl_span s = pl_digest_span(d);
    return pl_span_from(s, pl_span_chr(s, ':') + 1);
}

pl_span pl_digest_algorithm(const pl_digest *d)
{
    pl_span s = pl_digest_span(d);
    return pl_span_sub(s, 0, pl_span_chr(s, ':'));
}

pl_rc pl_hasher_new(pl_span algorithm, struct pl_hasher **out, struct pl_err *err)
{
    struct pl_hasher *h = calloc(1, sizeof(*h));
    /* OpenSSL 3.0 fetches from its default context without asking whether that could be made. */
    if (!h || !OSSL_LIB_CTX_get0_global_default()) {
        free(h);
        h = NULL;
    }
    if (!h)
        return pl_fail(err, PL_ENOMEM, "out of memory");
    if (algorithm.len < sizeof(h->algorithm) && algorithm.len)
        memcpy(h->algorithm, algorithm.ptr, algorithm.len);
    h->ctx = EVP_MD_CTX_new();
    const EVP_MD *md = EVP_get_digestbyname(h->algorithm);
    if (!h->ctx || !md || EVP_DigestInit_ex(h->ctx, md, NULL) != 1) {
        pl_hasher_free(h);
        return pl_fail(err, PL_EFORMAT, "unknown digest algorithm \"%.*s\"", PL_FMT(algorithm));
    }
    *out = h;
    return PL_OK;
}

void pl_hasher_add(struct pl_hasher *h, pl_span bytes)
{
    if (bytes.len)
        EVP_DigestUpdate(h->ctx, bytes.ptr, bytes.len);
}

void pl_hasher_finish(struct pl_hasher *h, pl_digest *out)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(h->ctx, raw, &n);
    size_t at = strlen(h->algorithm);
    memcpy(out->text, h->algorithm, at);
    out->text[at++] = ':';
    for (unsigned i = 0; i < n; i++) {
        out->text[at++] = hex[raw[i] >> 4];
        out->text[at++] = hex[raw[i] & 15];
    }
    out->text[at] = '\0';
}

void pl_hasher_free(struct pl_hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void pl_sha256(pl_span bytes, pl_digest *out)
{
    PL_AUTO(hasher) struct pl_hasher *h = NULL;
    *out = (pl_digest){ 0 };
    if (pl_hasher_new(PL_LIT("sha256"), &h, NULL))
        return;
    pl_hasher_add(h, bytes);
    pl_hasher_finish(h, out);
}
