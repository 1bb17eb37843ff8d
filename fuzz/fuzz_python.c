#include "analyze.h"

FUZZ_ROW(python, "usr/lib/python3/dist-packages/a-1.egg-info/PKG-INFO")
