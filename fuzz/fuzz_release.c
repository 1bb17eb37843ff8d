#include "analyze.h"

FUZZ_ROW(release, "etc/os-release")
