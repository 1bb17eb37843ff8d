#include "analyze.h"

FUZZ_ROW(dpkg_files, "var/lib/dpkg/info/libc6:amd64.md5sums")
