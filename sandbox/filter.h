/*
 * filter.h - the system call filter of cells: an allow-list made from syscalls.def,
 * compiled once by the keeper, loaded by one raw system call in each cell.
 *
 * Calls of the table are allowed, refused with an errno, or attacks. An attack stops the caller
 * before the call takes place: the kernel sends a notice to the listener descriptor, which the
 * keeper holds and never answers; it kills the cell instead. Where the kernel has no notices an
 * attack kills its process with SIGSYS. Unlisted calls get ENOSYS; foreign ABIs (i386, x32) kill
 * with SIGSYS. See seccomp(2), seccomp_unotify(2).
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/err.h"

struct filter {
    struct sock_filter *code; /* heap */
    unsigned short count;     /* instructions */
    bool notifies;            /* attacks are told to a listener; false: they kill with SIGSYS */
};

/* Compile the table and try the result in a forked child. ERR_SYS when the kernel takes no filter.
 * The caller frees with filter_done. */
must_check_ int filter_build(struct filter *ret, struct err *e);
void filter_done(struct filter *f);

/* Load it into the calling thread, which must be the process's only one and have no_new_privs set.
 * System calls only: usable between clone and exec. With `listener` and f->notifies: the listener
 * descriptor (close-on-exec), which must reach the keeper, by pidfd_getfd(2) from outside or by
 * sendmsg, and be closed here before the exec; else 0. -1 with errno. */
must_check_ int filter_load(const struct filter *f, bool listener);

/* In the keeper, when the listener is readable (POLLIN; POLLHUP: all its processes are gone): take
 * one notice without answering it, so its caller stays stopped until it is killed. 1 and the call's
 * number; 0 when there is none (the caller died); -1 with errno. Never blocks. Keep the listener
 * open until the cell is dead: closing it releases the stopped caller with ENOSYS. */
must_check_ int filter_take_notice(int listener_fd, int *ret_syscall_nr);

enum { FILTER_NAME_BYTES = 48 };

/* The name of a native system call, "mount", or "system call 999", written into and returned from
 * buf. */
const char *filter_name(int syscall_nr, char buf[FILTER_NAME_BYTES]);
