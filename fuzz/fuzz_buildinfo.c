#include "analyze.h"

FUZZ_ROW(buildinfo, "etc/dnf/modules.d/x.module")
