#include "analyze.h"

FUZZ_ROW(java_runtime, "opt/java/release")
