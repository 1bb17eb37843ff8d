#include "version/version.h"

#define SCHEME(name) extern const struct pl_scheme pl_scheme_##name;
#include "version/schemes.def"
#undef SCHEME

const struct pl_scheme *const pl_schemes[] = {
#define SCHEME(name) &pl_scheme_##name,
#include "version/schemes.def"
#undef SCHEME
};
const size_t pl_n_schemes = sizeof(pl_schemes) / sizeof(pl_schemes[0]);

const struct pl_scheme *pl_scheme_find(pl_span name)
{
    for (size_t i = 0; i < pl_n_schemes; i++)
        if (pl_span_eq(pl_span_str(pl_schemes[i]->name), name))
            return pl_schemes[i];
    return NULL;
}

const struct pl_scheme *pl_scheme_of_type(pl_span type)
{
    static const struct {
        const char *type, *scheme;
    } table[] = { { "npm", "semver" },     { "cargo", "semver" },  { "pypi", "pep440" },
                  { "bitnami", "semver" }, { "pub", "semver" },    { "swift", "semver" },
                  { "julia", "semver" },   { "github", "semver" }, { "alpm", "rpm" },
                  { "conan", "generic" },  { "cran", "generic" } };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (pl_span_eq(type, pl_span_str(table[i].type)))
            return pl_scheme_find(pl_span_str(table[i].scheme));
    return pl_scheme_find(type);
}
