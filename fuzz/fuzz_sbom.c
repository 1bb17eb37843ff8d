#include "analyze.h"

FUZZ_ROW(sbom, "app/app.cdx.json")
