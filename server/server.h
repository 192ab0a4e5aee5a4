/* server.h - the one context of minos-server, made in main and passed down. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/log.h"
#include "server/auth.h"
#include "server/catalog.h"
#include "server/hub.h"
#include "server/metrics.h"
#include "server/offload.h"
#include "server/rate.h"
#include "server/readers.h"
#include "server/writer.h"

struct http;
struct slow;

struct server {
    const struct conf *_Atomic conf; /* replaced by a reload; old ones stay until the end */
    struct log log;
    struct readers *readers;
    struct writer *writer;
    struct hub *hub;
    struct offload *offload;
    struct auth *auth;
    struct rate *rate;
    struct catalog *catalog;
    struct metrics *metrics;
    struct http *http;
    struct slow *slow;           /* owned by http */
    pthread_mutex_t decode_lock; /* held by whoever decodes a large body: see accept.c */
    int listen_fd;  /* a socket that listens already, which serve_start takes; else 0 or -1 */
    char url[128];  /* "http://127.0.0.1:8080", with the real port */
    bool unguarded; /* set before serve_start by tests, whose process has more to do than serve */
    int64_t started_unix_ms;
    int64_t bodies_max_bytes;           /* of all bodies in flight together */
    atomic_int_least64_t bodies_bytes;  /* of them now */
    atomic_int_least64_t replies_bytes; /* of long answers that are being sent */
    atomic_int_least64_t stream_count;  /* event streams open now */
    atomic_int_least64_t active_count; /* requests whose handler ran and whose answer is not sent */
    atomic_bool stopping;      /* nobody new is let in; who is here is served, and told to go */
    atomic_bool closing;       /* after that: 503 */
    atomic_bool store_damaged; /* a request met a damaged page; for good */
};
