#include "analyze.h"

FUZZ_ROW(dotnet,
         "usr/share/dotnet/shared/Microsoft.NETCore.App/6.0.5/Microsoft.NETCore.App.deps.json")
