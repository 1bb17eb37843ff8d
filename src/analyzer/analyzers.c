#include "analyzer/analyzer.h"

#define ANALYZER(name) extern const struct pl_analyzer pl_analyzer_##name;
#include "analyzer/analyzers.def"
#undef ANALYZER

const struct pl_analyzer *const pl_analyzers[] = {
#define ANALYZER(name) &pl_analyzer_##name,
#include "analyzer/analyzers.def"
#undef ANALYZER
};
const size_t pl_n_analyzers = sizeof(pl_analyzers) / sizeof(pl_analyzers[0]);
