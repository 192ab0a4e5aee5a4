/*
 * err.h - the one way functions report failure.
 *
 * A function that can fail returns 0 or -1 and takes `struct err *e` last. The record lives in the
 * caller, holds no heap and can be filled between clone and exec or sent down a pipe. What the
 * judged program did wrong is never an error: it is data (see box.h).
 */
#pragma once

#include <stddef.h>

/* Whose fault, and so what to do. */
enum err_kind {
    ERR_INPUT = 1, /* the asker is wrong: answer 4xx, do not retry */
    ERR_BUSY,      /* try again later */
    ERR_SYS,       /* the host failed: requeue, tell the operator */
    ERR_BUG,       /* one of our invariants broke */
};

enum { ERR_MESSAGE_BYTES = 480 };

struct err {
    enum err_kind kind;
    int errnum;                  /* errno at the time, 0 when none */
    char msg[ERR_MESSAGE_BYTES]; /* NUL-terminated, outermost context first: "open x.yaml: line 3:
                                    ..." */
};

#define must_check_ __attribute__((warn_unused_result))
#define format_(f, a) __attribute__((format(printf, f, a)))

/* Fill `e` and return -1, so that callers write `return err_sys(e, "open %s", path);`.
 * err_sys appends strerror(errno). Messages longer than the buffer are cut. `e` may not be NULL. */
int err_input(struct err *e, const char *fmt, ...) format_(2, 3);
int err_busy(struct err *e, const char *fmt, ...) format_(2, 3);
int err_sys(struct err *e, const char *fmt, ...) format_(2, 3);
int err_bug(struct err *e, const char *fmt, ...) format_(2, 3);

/* As err_sys with an explicit error number (0: none is named) and kind. */
int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...) format_(4, 5);

/* Put context in front of what is there: "context: message". Keeps kind and errnum; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) format_(2, 3);

/* clang's analyzer looks at one file at a time: tell it that all of these return -1, or it follows
 * paths on which a failure looks like success. err.c itself defines ERR_C. */
#if defined(__clang_analyzer__) && !defined(ERR_C)
#define err_input(...) ((void)(err_input)(__VA_ARGS__), -1)
#define err_busy(...) ((void)(err_busy)(__VA_ARGS__), -1)
#define err_sys(...) ((void)(err_sys)(__VA_ARGS__), -1)
#define err_bug(...) ((void)(err_bug)(__VA_ARGS__), -1)
#define err_set(...) ((void)(err_set)(__VA_ARGS__), -1)
#define err_wrap(...) ((void)(err_wrap)(__VA_ARGS__), -1)
#endif

/* "input", "busy", "sys", "bug". */
const char *err_kind_name(enum err_kind kind);
