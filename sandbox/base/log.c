/* log.c - event lines; every program, one write(2) a line so that processes that share a terminal
 * do not mix. */
#include "sandbox/base/log.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

void log_event(const struct log *l, enum log_level level, const char *event, const char *fmt, ...)
{
    if (level > l->level)
        return;
    char line[1200], when[CLOCK_RFC3339_BYTES];
    int n = snprintf(line, sizeof line, "%s %s %s %s ", clock_rfc3339(clock_unix_ms(), when),
                     level_name(level), l->program, event);
    if (n < 0 || (size_t)n >= sizeof line - 1)
        n = (int)sizeof line - 2;
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    size_t len = strlen(line);
    if (m == 0 && len > 0)
        len--; /* no fields: drop the blank */
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len);
}

const char *log_mend_of(int signo)
{
    return signo != SIGKILL ? ""
                            : " mend=\"when nobody killed it, memory had run out, as the kernel's "
                              "log says: give "
                              "the service more, or fewer slots and smaller bodies\"";
}

const char *log_quote(const char *text, char buf[LOG_QUOTE_BYTES])
{
    size_t n = 0;
    buf[n++] = '"';
    for (const unsigned char *p = (const unsigned char *)text;
         *p != '\0' && n < LOG_QUOTE_BYTES - 7; p++) {
        if (*p == '"' || *p == '\\') {
            buf[n++] = '\\';
            buf[n++] = (char)*p;
        } else if (*p < 0x20 || *p == 0x7f) {
            n += (size_t)snprintf(buf + n, 5, "\\x%02x", *p);
        } else {
            buf[n++] = (char)*p;
        }
    }
    buf[n++] = '"';
    buf[n] = '\0';
    return buf;
}

void log_error(const struct log *l, const char *event, const struct err *e)
{
    char quoted[LOG_QUOTE_BYTES];
    log_event(l, LOG_ERROR, event, "kind=%s error=%s", err_kind_name(e->kind),
              log_quote(e->msg, quoted));
}
