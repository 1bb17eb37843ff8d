#include "analyze.h"

FUZZ_ROW(dpkg, "var/lib/dpkg/status")
