#include "analyze.h"

FUZZ_ROW(apk, "lib/apk/db/installed")
