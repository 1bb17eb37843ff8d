/* debian.h - what the readers of Debian's two formats share. Private to the room. */
#pragma once
#include "feed/record.h"

/* "bookworm" -> "debian:12"; false for a codename that we do not know. */
bool pl_debian_stream(pl_span codename, char *out, size_t size);
