#include "image/source.h"

#define TRANSPORT(name) extern const struct pl_transport pl_transport_##name;
#include "image/transports.def"
#undef TRANSPORT

const struct pl_transport *const pl_transports[] = {
#define TRANSPORT(name) &pl_transport_##name,
#include "image/transports.def"
#undef TRANSPORT
};
const size_t pl_n_transports = sizeof(pl_transports) / sizeof(pl_transports[0]);
