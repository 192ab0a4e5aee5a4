/* io.c - whole reads and writes, memfds, descriptor passing; every process. */
#include "sandbox/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

int io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t io_read_full(int fd, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int io_read_to_buf(int fd, struct buf *b, struct err *e)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read");
        if (n == 0)
            return 0;
        if (buf_add(b, chunk, (size_t)n, e) < 0)
            return -1;
    }
}

int io_read_file(int dirfd, const char *path, size_t max_bytes, struct buf *b, struct err *e)
{
    auto_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    size_t before = b->max_bytes;
    b->max_bytes = max_bytes;
    int r = io_read_to_buf(fd, b, e);
    b->max_bytes = before;
    return r < 0 ? err_wrap(e, "%s", path) : 0;
}

int io_write_file_at(int dirfd, const char *path, const char *text)
{
    auto_fd_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t len = strlen(text);
    ssize_t n;
    do
        n = write(fd, text, len);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && (size_t)n != len)
        errno = EIO;
    return n == (ssize_t)len ? 0 : -1;
}

int io_sealed_memfd(const char *name, const void *data, size_t len, int *ret_fd, struct err *e)
{
    auto_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(e, "memfd_create");
    if (io_write_all(fd, data, len) < 0)
        return err_sys(e, "write memfd");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_sys(e, "seal memfd");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "seek memfd");
    *ret_fd = take_fd(&fd);
    return 0;
}

int io_send_msg(int sock, const void *data, size_t len, const int *fds, size_t fd_count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * IO_FDS_MAX)];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (fd_count > IO_FDS_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (fd_count > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    ssize_t n;
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

static size_t collect_fds(struct msghdr *msg, int fds[IO_FDS_MAX])
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n && count < IO_FDS_MAX; i++)
            memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    return count;
}

int io_recv_msg_cut(int sock, void *data, size_t cap, size_t *ret_len, int fds[IO_FDS_MAX],
                    size_t *ret_fd_count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * IO_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec iov = { .iov_base = data, .iov_len = cap };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes };
    ssize_t n;
    *ret_fd_count = 0;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    *ret_fd_count = collect_fds(&msg, fds);
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        errno = EMSGSIZE;
        return -1;
    }
    *ret_len = (size_t)n;
    return 0;
}

int io_recv_msg(int sock, void *data, size_t cap, size_t *ret_len, int fds[IO_FDS_MAX],
                size_t *ret_fd_count)
{
    if (io_recv_msg_cut(sock, data, cap, ret_len, fds, ret_fd_count) == 0)
        return 0;
    int errnum = errno;
    for (size_t i = 0; i < *ret_fd_count; i++)
        close(fds[i]);
    *ret_fd_count = 0;
    errno = errnum;
    return -1;
}
