#include "analyze.h"

FUZZ_ROW(pacman_files, "var/lib/pacman/local/a-1-1/files")
