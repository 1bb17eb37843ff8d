#include "analyze.h"

FUZZ_ROW(rpmmanifest, "var/lib/rpmmanifest/container-manifest-2")
