#include "analyze.h"

FUZZ_ROW(pacman, "var/lib/pacman/local/a-1-1/desc")
