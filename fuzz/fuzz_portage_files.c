#include "analyze.h"

FUZZ_ROW(portage_files, "var/db/pkg/a/b-1/CONTENTS")
