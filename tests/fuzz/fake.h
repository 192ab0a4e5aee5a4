/*
 * fake.h - a server without threads and sockets, for fuzzers: the real http.c and handlers between
 * a libmicrohttpd, a writer, a hub and readers of our own (fake.c), which do at once, in the
 * caller, what theirs would do in another thread, all on one connection to the store.
 */
#pragma once

#include <microhttpd.h>

#include "server/server.h"

enum { FAKE_PAIRS_MAX = 64, FAKE_HEADERS_MAX = 16 };

struct fake_pair {
    enum MHD_ValueKind kind;
    const char *name, *value; /* value NULL: the parameter has none */
};

/* One request on one connection, and its answer. */
struct MHD_Connection {
    struct fake_pair pairs[FAKE_PAIRS_MAX];
    size_t pair_count;
    const struct sockaddr *peer;
    size_t head_bytes;
    int suspended;
    unsigned status; /* 0: none was given */
    struct MHD_Response *response;
};

struct MHD_Response {
    int users;
    struct buf body;                /* what it sends */
    MHD_ContentReaderCallback read; /* of a stream */
    MHD_ContentReaderFreeCallback drop;
    void *stream;
    struct {
        char *name, *value;
    } headers[FAKE_HEADERS_MAX];
    size_t header_count;
};

/* The store that readers lend and the writer writes to; a job leaves its transaction open, so that
 * the request that made it sees what it did, until fake_forget. */
void fake_use(struct store *s);
void fake_forget(void);

/* Decode a path, or a parameter's name or value, as the server would. */
void fake_unescape(char *text);

/* What http_start gave to libmicrohttpd: one request, as it would have come, its body in pieces of
 * `piece` bytes. The answer is in `c`; fake_end lets go of it. */
void fake_ask(struct MHD_Connection *c, const char *method, const char *url, const char *body,
              size_t len, size_t piece);
void fake_end(struct MHD_Connection *c);

/* A header of the answer; NULL. */
const char *fake_header(const struct MHD_Connection *c, const char *name);
