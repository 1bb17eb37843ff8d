#include "analyze.h"

FUZZ_ROW(rpm, "var/lib/rpm/Packages")
