#include "analyze.h"

FUZZ_ROW(java, "app/log4j-core-2.14.1.war")
