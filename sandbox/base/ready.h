/* ready.h - telling the parent that a program serves, and later what a reload came to: to a
 * descriptor, and to systemd when it asks (sd_notify(3)). Failures are ignored: whoever waits sees
 * the end of the pipe. -1 is no descriptor, and nothing is written. */
#pragma once

/* The descriptor stays open for ready_report: not in programs that this one executes, and nobody
 * ever waits for its reader. */
void ready_keep(int fd);

/* Write "ready DETAIL\n" to `fd`; send READY=1 to $NOTIFY_SOCKET when set. `detail` may be "". */
void ready_tell(int fd, const char *detail);

/* Write "WORD TEXT\n" in one piece, cut to READY_REPORT_BYTES; a newline in `text` becomes a blank.
 */
void ready_report(int fd, const char *word, const char *text);

enum { READY_REPORT_BYTES = 4096 }; /* PIPE_BUF: one write(2) is whole or nothing */
