/*
 * log.h - one line per event on standard error: `2026-01-02T03:04:05.678Z info minos-worker event
 * key=value ...`. Libraries do not log; programs log once per event. Never source code, tokens or
 * test data.
 */
#pragma once

#include "sandbox/base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A value of the program's single context: lines below `level` are dropped. */
struct log {
    const char *program; /* "minos-worker" */
    enum log_level level;
};

/* `event` is a fixed name in snake_case; the rest is "key=%s ..." (values with blanks must be
 * quoted by log_quote). */
void log_event(const struct log *l, enum log_level level, const char *event, const char *fmt, ...)
    format_(4, 5);

/* As log_event with kind=... and error="..." from `e`. */
void log_error(const struct log *l, const char *event, const struct err *e);

/* What an operator should look at when a process of the service ended by this signal: " mend=..."
 * for SIGKILL, which the kernel sends for want of memory, else "". */
const char *log_mend_of(int signo);

enum { LOG_QUOTE_BYTES = 256 };

/* `text` in double quotes, control characters and quotes escaped, cut to fit; returns buf. */
const char *log_quote(const char *text, char buf[LOG_QUOTE_BYTES]);
