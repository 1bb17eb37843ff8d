#include "analyze.h"

FUZZ_ROW(node, "srv/node_modules/a/package.json")
