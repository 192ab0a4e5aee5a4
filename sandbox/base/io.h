/*
 * io.h - reading, writing and descriptor passing, whole or not at all. EINTR is retried everywhere.
 * Descriptors made here are close-on-exec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

/* Write all of it; errno is set on failure (also EPIPE). No struct err: used between clone and
 * exec. */
must_check_ int io_write_all(int fd, const void *data, size_t len);

/* Read until `len` bytes or end of file; the count, or -1 with errno. */
must_check_ ssize_t io_read_full(int fd, void *data, size_t len);

/* Append what is left in fd to `b`, bounded by b's ceiling. */
must_check_ int io_read_to_buf(int fd, struct buf *b, struct err *e);

/* The whole file at `path` (relative to dirfd, or AT_FDCWD) of at most max_bytes; links are
 * followed. */
must_check_ int io_read_file(int dirfd, const char *path, size_t max_bytes, struct buf *b,
                             struct err *e);

/* Write `text` in one write(2) to the existing file `path` below dirfd: for /proc and cgroup files.
 * errno on failure. */
must_check_ int io_write_file_at(int dirfd, const char *path, const char *text);

/* A sealed (no write, grow, shrink) memfd that holds these bytes, positioned at its start. */
must_check_ int io_sealed_memfd(const char *name, const void *data, size_t len, int *ret_fd,
                                struct err *e);

/* As many as a message can have beside it (unix(7)), so that none is lost for their number. */
enum { IO_FDS_MAX = 253 };

/* One message of a SOCK_SEQPACKET socket with descriptors (fd_count <= IO_FDS_MAX), borrowed. errno
 * on failure. */
must_check_ int io_send_msg(int sock, const void *data, size_t len, const int *fds,
                            size_t fd_count);

/* Receive one message. *ret_len is 0 at end of stream. The caller owns the descriptors,
 * *ret_fd_count of them. A message longer than `cap`, or one whose descriptors do not all find room
 * in this process, is an error (EMSGSIZE) and its descriptors are closed. Returns -1 with errno
 * (EAGAIN on a non-blocking socket with nothing to read). */
must_check_ int io_recv_msg(int sock, void *data, size_t cap, size_t *ret_len, int fds[IO_FDS_MAX],
                            size_t *ret_fd_count);

/* The same, but of a message that is an error the descriptors that came are the caller's, too:
 * *ret_fd_count is set whatever is returned. For whom it matters when they are closed. */
must_check_ int io_recv_msg_cut(int sock, void *data, size_t cap, size_t *ret_len,
                                int fds[IO_FDS_MAX], size_t *ret_fd_count);
