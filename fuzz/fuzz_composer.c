#include "analyze.h"

FUZZ_ROW(composer, "app/vendor/composer/installed.json")
