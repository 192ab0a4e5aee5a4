/* err.c - filling and wrapping `struct err`; runs in every process, also between clone and exec (no
 * heap). */
#define ERR_C
#include "sandbox/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int format_(4, 0)
    fill(struct err *e, enum err_kind kind, int errnum, const char *fmt, va_list ap)
{
    e->kind = kind;
    e->errnum = errnum;
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    if (errnum != 0 && n >= 0 && (size_t)n < sizeof e->msg - 1) {
        const char *why =
            strerrordesc_np(errnum); /* a table look-up: no heap, no locale, unlike strerror */
        snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %s",
                 why != NULL ? why : "unknown error");
    }
    return -1;
}

#define FILL(kind, errnum)                                                                         \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    fill(e, kind, errnum, fmt, ap);                                                                \
    va_end(ap);                                                                                    \
    return -1

int err_input(struct err *e, const char *fmt, ...)
{
    FILL(ERR_INPUT, 0);
}

int err_busy(struct err *e, const char *fmt, ...)
{
    FILL(ERR_BUSY, 0);
}

int err_sys(struct err *e, const char *fmt, ...)
{
    int saved = errno;
    FILL(ERR_SYS, saved);
}

int err_bug(struct err *e, const char *fmt, ...)
{
    FILL(ERR_BUG, 0);
}

int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...)
{
    FILL(kind, errnum);
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[ERR_MESSAGE_BYTES];
    memcpy(inner, e->msg, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n + 3 < sizeof e->msg)
        snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %.*s", (int)sizeof e->msg - n - 3,
                 inner);
    return -1;
}

const char *err_kind_name(enum err_kind kind)
{
    switch (kind) {
    case ERR_INPUT:
        return "input";
    case ERR_BUSY:
        return "busy";
    case ERR_SYS:
        return "sys";
    case ERR_BUG:
        return "bug";
    }
    return "unknown";
}
