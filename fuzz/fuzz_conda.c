#include "analyze.h"

FUZZ_ROW(conda, "opt/conda/conda-meta/a-1-0.json")
