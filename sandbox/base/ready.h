/* ready.h - telling the parent that a program serves: to a descriptor, and to systemd when it asks
 * (sd_notify(3)). */
#pragma once

/* Write "ready DETAIL\n" to `fd` (unless -1) and close it; send READY=1 to $NOTIFY_SOCKET when set.
 * Failures are ignored: whoever waits sees the end of the pipe. `detail` may be "". */
void ready_tell(int fd, const char *detail);
