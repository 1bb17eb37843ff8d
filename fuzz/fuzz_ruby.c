#include "analyze.h"

FUZZ_ROW(ruby, "usr/lib/ruby/specifications/a-1.gemspec")
