#include "analyze.h"

FUZZ_ROW(program, "usr/local/bin/python3.11")
