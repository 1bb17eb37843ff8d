/* engine.h - the HTTP side of a local container engine (Docker, podman's compatible API). */
#pragma once
#include "base/buf.h"
#include "image/archive.h"

struct pl_engine {
    char socket[256];   /* path, or empty: by network */
    char url[512];      /* "http://docker", "https://host:2376" */
    char cert_dir[512]; /* of DOCKER_CERT_PATH; empty: no TLS of our own */
    bool insecure;
    unsigned timeout_s, connect_s, stall_s;
};

/* Where the engine is: DOCKER_HOST, else the first usable socket of Docker's and podman's usual
 * places. PL_EABSENT, PL_EAUTH with what to do about it. */
pl_rc pl_engine_find(const struct pl_source_opts *o, struct pl_engine *out,
                     struct pl_err *err) PL_CHECKED;
/* GET a document of at most max bytes. PL_EABSENT for 404 with the engine's own words. */
pl_rc pl_engine_get(const struct pl_engine *e, const char *path, size_t max, struct pl_buf *out,
                    struct pl_err *err) PL_CHECKED;
/* GET path as a stream, by a process of its own, as often as asked. */
pl_rc pl_engine_stream(const struct pl_engine *e, const char *path, struct pl_opener **out,
                       struct pl_err *err) PL_CHECKED;
