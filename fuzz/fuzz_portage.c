#include "analyze.h"

FUZZ_ROW(portage, "var/db/pkg/a/b-1/PF")
