#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/advisory.h"

static const struct {
    const char *vector;
    double score;
} known[] = {
    { "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8 },
    { "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0 },
    { "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2 },
    { "AV:A/AC:M/Au:M/C:N/I:C/A:P", 5.4 },
    { "AV:L/AC:M/Au:N/C:C/I:N/A:P", 5.4 },
    { "AV:A/AC:M/Au:N/C:C/I:C/A:C", 7.9 },
    { "AV:N/AC:L/Au:M/C:C/I:N/A:N", 6.1 },
    { "AV:L/AC:H/Au:S/C:C/I:P/A:P", 5.0 },
    { "AV:L/AC:H/Au:N/C:C/I:N/A:C", 5.6 },
    { "AV:N/AC:H/Au:N/C:N/I:C/A:C", 7.1 },
    { "AV:L/AC:M/Au:M/C:P/I:C/A:N", 4.8 },
    { "AV:A/AC:M/Au:S/C:C/I:P/A:C", 7.0 },
    { "AV:N/AC:M/Au:S/C:N/I:N/A:C", 6.3 },
    { "AV:L/AC:H/Au:N/C:N/I:P/A:C", 4.7 },
    { "AV:N/AC:H/Au:S/C:N/I:C/A:N", 4.9 },
    { "AV:L/AC:L/Au:N/C:N/I:P/A:N", 2.1 },
    { "AV:L/AC:H/Au:S/C:P/I:N/A:C", 4.5 },
    { "AV:L/AC:M/Au:M/C:N/I:C/A:P", 4.8 },
    { "AV:A/AC:L/Au:S/C:P/I:P/A:N", 4.1 },
    { "AV:A/AC:L/Au:M/C:C/I:P/A:C", 6.9 },
    { "AV:L/AC:H/Au:N/C:P/I:C/A:C", 5.9 },
    { "AV:A/AC:H/Au:M/C:N/I:P/A:N", 1.2 },
    { "AV:L/AC:M/Au:M/C:P/I:N/A:C", 4.8 },
    { "AV:N/AC:H/Au:N/C:C/I:C/A:N", 7.1 },
    { "AV:A/AC:L/Au:S/C:N/I:N/A:C", 5.5 },
    { "AV:L/AC:H/Au:N/C:N/I:C/A:N", 4.0 },
    { "AV:N/AC:M/Au:M/C:P/I:P/A:N", 4.3 },
    { "AV:L/AC:M/Au:S/C:C/I:N/A:N", 4.4 },
    { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0 },
    { "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1 },
    { "CVSS:3.0/AV:A/AC:L/PR:H/UI:N/S:C/C:N/I:L/A:N", 3.4 },
    { "CVSS:3.0/AV:P/AC:H/PR:H/UI:R/S:C/C:N/I:H/A:H", 6.5 },
    { "CVSS:3.0/AV:P/AC:H/PR:H/UI:R/S:C/C:H/I:L/A:L", 6.0 },
    { "CVSS:3.0/AV:P/AC:H/PR:L/UI:N/S:U/C:L/I:H/A:N", 4.6 },
    { "CVSS:3.0/AV:N/AC:L/PR:H/UI:N/S:C/C:L/I:H/A:L", 8.2 },
    { "CVSS:3.0/AV:P/AC:H/PR:N/UI:R/S:C/C:L/I:L/A:N", 3.4 },
    { "CVSS:3.0/AV:P/AC:H/PR:L/UI:N/S:U/C:N/I:L/A:L", 2.9 },
    { "CVSS:3.0/AV:L/AC:H/PR:N/UI:N/S:U/C:H/I:L/A:L", 6.2 },
    { "CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4 },
    { "CVSS:3.0/AV:A/AC:L/PR:H/UI:N/S:C/C:L/I:L/A:N", 4.8 },
    { "CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:L", 8.9 },
    { "CVSS:3.0/AV:P/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:H", 5.3 },
    { "CVSS:3.0/AV:N/AC:H/PR:H/UI:N/S:U/C:H/I:L/A:N", 5.0 },
    { "CVSS:3.0/AV:A/AC:H/PR:L/UI:R/S:C/C:N/I:N/A:L", 2.6 },
    { "CVSS:3.0/AV:L/AC:H/PR:N/UI:R/S:C/C:L/I:N/A:H", 6.3 },
    { "CVSS:3.0/AV:N/AC:H/PR:H/UI:N/S:C/C:N/I:L/A:N", 3.0 },
    { "CVSS:3.0/AV:P/AC:L/PR:H/UI:R/S:U/C:H/I:H/A:H", 6.1 },
    { "CVSS:3.0/AV:N/AC:H/PR:L/UI:N/S:C/C:N/I:L/A:N", 3.5 },
    { "CVSS:3.0/AV:P/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:L", 2.9 },
    { "CVSS:3.0/AV:A/AC:H/PR:H/UI:R/S:U/C:N/I:L/A:H", 4.6 },
    { "CVSS:3.0/AV:P/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0 },
    { "CVSS:3.0/AV:A/AC:L/PR:N/UI:R/S:C/C:L/I:H/A:N", 7.4 },
    { "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:C/C:L/I:N/A:N", 3.4 },
    { "CVSS:3.0/AV:P/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:H", 5.6 },
    { "CVSS:3.0/AV:P/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 1.8 },
    { "CVSS:3.0/AV:A/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:L", 5.5 },
    { "CVSS:3.0/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2 },
    { "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:N/I:L/A:H", 5.9 },
    { "CVSS:3.0/AV:P/AC:L/PR:H/UI:R/S:C/C:H/I:H/A:N", 6.7 },
    { "CVSS:3.0/AV:N/AC:L/PR:H/UI:N/S:C/C:L/I:L/A:N", 5.5 },
    { "CVSS:3.1/AV:P/AC:H/PR:N/UI:N/S:C/C:L/I:N/A:L", 3.6 },
    { "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:L", 9.0 },
    { "CVSS:3.1/AV:P/AC:H/PR:H/UI:N/S:C/C:N/I:N/A:H", 4.7 },
    { "CVSS:3.1/AV:A/AC:L/PR:L/UI:R/S:C/C:H/I:N/A:H", 8.1 },
    { "CVSS:3.1/AV:P/AC:L/PR:N/UI:R/S:C/C:H/I:N/A:N", 5.1 },
    { "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:N/A:N", 1.8 },
    { "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:N/I:L/A:N", 2.5 },
    { "CVSS:3.1/AV:A/AC:H/PR:H/UI:R/S:C/C:L/I:N/A:N", 2.4 },
    { "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.8 },
    { "CVSS:3.1/AV:P/AC:H/PR:L/UI:N/S:U/C:N/I:L/A:L", 2.9 },
    { "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:N/I:H/A:N", 4.1 },
    { "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:U/C:N/I:L/A:N", 2.8 },
    { "CVSS:3.1/AV:A/AC:H/PR:H/UI:N/S:C/C:L/I:L/A:H", 6.8 },
    { "CVSS:3.1/AV:A/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:H", 8.0 },
    { "CVSS:3.1/AV:A/AC:L/PR:N/UI:R/S:C/C:H/I:N/A:L", 7.4 },
    { "CVSS:3.1/AV:A/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H", 8.3 },
    { "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:H/A:N", 6.5 },
    { "CVSS:3.1/AV:P/AC:H/PR:N/UI:R/S:C/C:H/I:L/A:H", 6.9 },
    { "CVSS:3.1/AV:A/AC:H/PR:H/UI:N/S:C/C:L/I:L/A:N", 4.0 },
    { "CVSS:3.1/AV:P/AC:L/PR:L/UI:R/S:C/C:N/I:H/A:H", 6.8 },
    { "CVSS:3.1/AV:P/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:N", 7.0 },
    { "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N", 7.1 },
    { "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:H/I:H/A:N", 5.7 },
    { "CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:C/C:N/I:H/A:H", 7.3 },
    { "CVSS:3.1/AV:P/AC:H/PR:H/UI:N/S:U/C:L/I:H/A:L", 4.9 },
    { "CVSS:3.1/AV:N/AC:L/PR:H/UI:R/S:C/C:H/I:H/A:N", 8.1 },
    { "CVSS:3.1/AV:N/AC:H/PR:L/UI:N/S:C/C:N/I:N/A:H", 6.3 },
    { "CVSS:3.1/AV:P/AC:L/PR:L/UI:N/S:C/C:L/I:N/A:N", 2.4 },
    { "CVSS:3.1/AV:L/AC:H/PR:N/UI:R/S:C/C:L/I:H/A:N", 6.3 },
    { "CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 9.6 },
    { "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:P/VC:H/VI:L/VA:H/SC:L/SI:L/SA:N", 4.6 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:H/UI:P/VC:L/VI:L/VA:L/SC:L/SI:L/SA:L", 1.0 },
    { "CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:L/SA:H/CR:L/IR:M/AR:L/MSI:S/MAV:L",
      7.3 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:N/VC:N/VI:N/VA:H/SC:N/SI:H/SA:H/CR:H/IR:H/AR:H/MSI:S/MAV:L",
      8.3 },
    { "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:N/VI:L/VA:L/SC:H/SI:L/SA:H/CR:H/IR:M/AR:M/MSI:S/MAV:L",
      8.0 },
    { "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:P/VC:H/VI:H/VA:L/SC:H/SI:N/SA:N/E:U", 7.1 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:L/UI:N/VC:H/VI:L/VA:H/SC:N/SI:L/SA:N", 4.6 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:P/VC:N/VI:N/VA:L/SC:N/SI:L/SA:H/E:X", 4.8 },
    { "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:A/VC:L/VI:L/VA:H/SC:L/SI:N/SA:L", 4.4 },
    { "CVSS:4.0/AV:L/AC:H/AT:P/PR:N/UI:P/VC:L/VI:H/VA:H/SC:H/SI:L/SA:N", 7.0 },
    { "CVSS:4.0/AV:L/AC:H/AT:P/PR:L/UI:P/VC:H/VI:H/VA:H/SC:N/SI:H/SA:N/E:U/CR:L/IR:X/AR:H/MSI:S/"
      "MAV:L",
      5.1 },
    { "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:N/VC:N/VI:L/VA:N/SC:N/SI:H/SA:H/E:A", 2.1 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:N/UI:A/VC:L/VI:H/VA:N/SC:H/SI:H/SA:N/E:X/CR:H/IR:X/AR:M/MSI:S/"
      "MAV:L",
      8.3 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:H/UI:P/VC:H/VI:L/VA:L/SC:H/SI:L/SA:H/CR:H/IR:L/AR:H/MSI:S/MAV:L",
      7.2 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:N/SA:N", 6.8 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:H/UI:A/VC:N/VI:N/VA:L/SC:N/SI:N/SA:L", 1.0 },
    { "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:P/VC:N/VI:L/VA:N/SC:L/SI:H/SA:L/E:U", 0.3 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:A/VC:H/VI:N/VA:N/SC:H/SI:L/SA:H", 5.9 },
    { "CVSS:4.0/AV:L/AC:H/AT:P/PR:L/UI:A/VC:H/VI:N/VA:L/SC:H/SI:L/SA:H/E:X", 5.9 },
    { "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:N/VA:L/SC:L/SI:L/SA:N", 4.3 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:L/SI:N/SA:N", 7.3 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:N/VC:L/VI:H/VA:H/SC:N/SI:L/SA:H/E:P/CR:X/IR:M/AR:X/MSI:S/"
      "MAV:L",
      7.1 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:H/UI:P/VC:N/VI:L/VA:L/SC:L/SI:H/SA:H/CR:M/IR:H/AR:M/MSI:S/MAV:L",
      4.8 },
    { "CVSS:4.0/AV:A/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:N/SC:L/SI:H/SA:N", 4.8 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:P/VC:H/VI:N/VA:H/SC:L/SI:L/SA:N", 4.4 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:H/UI:A/VC:H/VI:N/VA:N/SC:N/SI:L/SA:H/E:A", 5.7 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:N/UI:A/VC:L/VI:H/VA:N/SC:H/SI:L/SA:H", 5.9 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:A/VC:N/VI:H/VA:H/SC:L/SI:L/SA:N/E:U", 2.2 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:N/VI:N/VA:H/SC:L/SI:L/SA:N/E:X", 6.0 },
    { "CVSS:4.0/AV:P/AC:H/AT:N/PR:L/UI:A/VC:L/VI:L/VA:H/SC:L/SI:H/SA:N/CR:M/IR:L/AR:M/MSI:S/MAV:L",
      5.4 },
    { "CVSS:4.0/AV:P/AC:H/AT:N/PR:N/UI:N/VC:H/VI:L/VA:H/SC:L/SI:H/SA:L", 5.9 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:N/UI:P/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N/E:A", 2.1 },
    { "CVSS:4.0/AV:P/AC:L/AT:N/PR:H/UI:A/VC:L/VI:H/VA:H/SC:L/SI:L/SA:L/E:U", 1.9 },
    { "CVSS:4.0/AV:L/AC:H/AT:P/PR:L/UI:P/VC:N/VI:N/VA:H/SC:L/SI:N/SA:N", 4.1 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:L/UI:A/VC:L/VI:L/VA:L/SC:H/SI:H/SA:N", 2.1 },
    { "CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:A/VC:H/VI:L/VA:H/SC:L/SI:H/SA:L/CR:X/IR:L/AR:H/MSI:S/MAV:L",
      8.3 },
    { "CVSS:4.0/AV:A/AC:L/AT:P/PR:H/UI:N/VC:H/VI:L/VA:L/SC:L/SI:N/SA:H/CR:M/IR:X/AR:L/MSI:S/MAV:L",
      7.2 },
    { "CVSS:4.0/AV:P/AC:H/AT:N/PR:N/UI:A/VC:N/VI:L/VA:L/SC:N/SI:L/SA:N", 1.0 },
    { "CVSS:4.0/AV:A/AC:H/AT:P/PR:H/UI:N/VC:L/VI:H/VA:H/SC:N/SI:L/SA:L/E:A/CR:H/IR:X/AR:H/MSI:S/"
      "MAV:L",
      8.4 },
    { "CVSS:4.0/AV:P/AC:L/AT:P/PR:L/UI:N/VC:H/VI:L/VA:N/SC:N/SI:N/SA:N", 4.3 },
    { "CVSS:4.0/AV:A/AC:H/AT:N/PR:H/UI:A/VC:L/VI:H/VA:L/SC:L/SI:L/SA:N", 4.4 },
    { "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:P/VC:H/VI:H/VA:L/SC:L/SI:L/SA:N", 8.6 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:N/UI:A/VC:H/VI:H/VA:H/SC:H/SI:N/SA:N/CR:H/IR:X/AR:X/MSI:S/MAV:L",
      9.3 },
    { "CVSS:4.0/AV:A/AC:H/AT:P/PR:N/UI:N/VC:N/VI:N/VA:H/SC:L/SI:N/SA:L", 6.0 },
    { "CVSS:4.0/AV:N/AC:H/AT:P/PR:L/UI:N/VC:H/VI:L/VA:N/SC:N/SI:L/SA:H/E:A", 7.1 },
    { "CVSS:4.0/AV:P/AC:L/AT:N/PR:N/UI:P/VC:N/VI:L/VA:L/SC:N/SI:H/SA:L", 4.2 },
    { "CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:N/VC:H/VI:H/VA:L/SC:L/SI:H/SA:N/E:P/CR:H/IR:M/AR:M/MSI:S/"
      "MAV:L",
      8.3 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:P/VC:N/VI:H/VA:N/SC:L/SI:N/SA:N", 4.1 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:L/VI:N/VA:L/SC:H/SI:L/SA:N/E:P", 2.3 },
    { "CVSS:4.0/AV:A/AC:L/AT:N/PR:L/UI:N/VC:H/VI:N/VA:H/SC:H/SI:N/SA:L", 8.3 },
    { "CVSS:4.0/AV:P/AC:H/AT:P/PR:L/UI:N/VC:H/VI:L/VA:H/SC:L/SI:H/SA:L", 5.9 },
    { "CVSS:4.0/AV:A/AC:L/AT:P/PR:H/UI:N/VC:N/VI:H/VA:H/SC:L/SI:H/SA:H/CR:H/IR:X/AR:L/MSI:S/MAV:L",
      8.4 },
    { "CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:A/VC:H/VI:N/VA:H/SC:N/SI:L/SA:N", 5.8 },
    { "CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:N/VC:N/VI:H/VA:N/SC:L/SI:H/SA:L/CR:H/IR:L/AR:X/MSI:S/MAV:L",
      7.1 },
    { "CVSS:4.0/AV:A/AC:L/AT:N/PR:H/UI:A/VC:L/VI:L/VA:N/SC:H/SI:H/SA:L", 4.5 },
    { "CVSS:4.0/AV:A/AC:H/AT:P/PR:H/UI:A/VC:L/VI:L/VA:N/SC:L/SI:N/SA:L", 1.0 },
    { "CVSS:4.0/AV:A/AC:H/AT:P/PR:H/UI:P/VC:H/VI:N/VA:L/SC:N/SI:L/SA:N/CR:X/IR:H/AR:H/MSI:S/MAV:L",
      6.9 },
    { "CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:A/VC:H/VI:N/VA:L/SC:H/SI:N/SA:N/E:X", 5.6 },
    { "CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:A/VC:L/VI:L/VA:L/SC:H/SI:L/SA:L", 4.8 },
    { "CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:A/VC:N/VI:N/VA:H/SC:L/SI:N/SA:L", 5.9 },
    { "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0.0 },
};

static double score(const char *v) { return pl_cvss_score(pl_span_str(v)); }

static void test_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < PL_COUNT(known); i++)
        if (fabs(score(known[i].vector) - known[i].score) > 0.001)
            fail_msg("%s: want %.1f, got %.1f", known[i].vector, known[i].score,
                     score(known[i].vector));
}

/* What publishers write around a vector, and what is none. */
static void test_forms(void **state)
{
    (void)state;
    assert_true(fabs(score("(AV:N/AC:L/Au:N/C:P/I:P/A:P)") - 7.5) < 0.001);
    assert_true(fabs(score("AV:N/AC:L/Au:N/C:P/I:P/A:P/E:F/RL:OF/RC:C") - 7.5) < 0.001);
    assert_true(fabs(score(" CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O\n") - 9.8) <
                0.001);
    assert_true(fabs(score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N")) < 0.001);
    static const char *const none[] = {
        "",
        "high",
        "7.5",
        "CVSS:3.1",
        "CVSS:3.1/",
        "CVSS:5.0/AV:N",
        "AV:N/AC:L/Au:N/C:P/I:P",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:S/VI:N/VA:N/SC:N/SI:N/SA:N",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:S/SA:N",
        "CVSS:4.0/AV:X/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N",
    };
    for (size_t i = 0; i < PL_COUNT(none); i++)
        assert_true(score(none[i]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known),
                                        cmocka_unit_test(test_forms) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
