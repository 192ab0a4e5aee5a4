/*
 * wake.c - hints between the processes that share a store, over datagram sockets; server and
 * worker.
 *
 * A receiver's socket has a name in DATA/run, and a sender writes to all names of its topic.
 * Sockets are reached as /proc/self/fd/N/NAME, since DATA may be a path too long for sockaddr_un.
 */
#include "schema/wake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"
#include "schema/db.h"

enum {
    NAME_BYTES = 64,
    SOCKETS_PER_PROCESS = 1024,
    BACKLOG_LEAST = 10, /* net.unix.max_dgram_qlen where nobody changed it */
    BACKLOG_MOST =
        128,         /* one sender's socket keeps 277 (net.core.wmem_default), whatever that is */
    PEERS_MAX = 128, /* that a sender keeps sockets to; of more it keeps none */
    SETTLED_S = 1,   /* coarser than the time stamps of any file system for directories */
    RECEIVE_BYTES = 1 << 20,
};

struct wake {
    int fd, dir_fd;
    enum wake_topic topic;
    char name[NAME_BYTES];
    int64_t backlog;  /* datagrams that the kernel keeps for us at most, or fewer */
    int64_t in_a_row; /* read since we last found none */
};

static const char *topic_name(enum wake_topic topic)
{
    switch (topic) {
    case WAKE_QUEUE:
        return "queue";
    case WAKE_PROGRESS:
        return "progress";
    case WAKE_CALLBACK:
        return "callback";
    }
    return "none";
}

static int open_run(const char *data_dir)
{
    auto_free_ char *path = xasprintf("%s/run", data_dir);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static socklen_t address(int dir_fd, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%.63s", dir_fd, name);
    return sizeof *ret;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether a socket file has no process behind it any more. */
static bool is_stale(int dir_fd, const char *name)
{
    struct sockaddr_un to;
    socklen_t len = address(dir_fd, name, &to);
    auto_fd_ int fd = new_socket();
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, len) < 0 && errno == ECONNREFUSED;
}

/* ---- receiving */

static int64_t read_backlog(void)
{
    auto_buf_ struct buf text;
    struct err e;
    int64_t v = 0;
    buf_init(&text, 0);
    if (io_read_file(AT_FDCWD, "/proc/sys/net/unix/max_dgram_qlen", 64, &text, &e) < 0)
        return BACKLOG_LEAST;
    char *newline = text.data != NULL ? strchr(text.data, '\n') : NULL;
    if (newline != NULL)
        *newline = '\0';
    if (units_parse_int(buf_text(&text), 1, INT32_MAX, &v, &e) < 0)
        return BACKLOG_LEAST;
    return v < BACKLOG_MOST ? v : BACKLOG_MOST;
}

static int bind_free_name(struct wake *w, struct err *e)
{
    for (int n = 0; n < SOCKETS_PER_PROCESS; n++) {
        struct sockaddr_un at;
        snprintf(w->name, sizeof w->name, "%s-%d-%d.sock", topic_name(w->topic), (int)getpid(), n);
        socklen_t len = address(w->dir_fd, w->name, &at);
        if (bind(w->fd, (struct sockaddr *)&at, len) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return err_sys(e, "bind run/%s", w->name);
        if (is_stale(w->dir_fd, w->name)) { /* of a dead process that had our number */
            unlinkat(w->dir_fd, w->name, 0);
            n--;
        }
    }
    return err_set(e, ERR_BUG, 0, "bind run/%s: too many in one process", w->name);
}

static int open_all(struct wake *w, const char *data_dir, struct err *e)
{
    w->dir_fd = open_run(data_dir);
    if (w->dir_fd < 0)
        return err_sys(e, "open %s/run", data_dir);
    w->fd = new_socket();
    if (w->fd < 0)
        return err_sys(e, "socket");
    int bytes = RECEIVE_BYTES; /* what the kernel grants will do */
    setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    w->backlog = read_backlog();
    return bind_free_name(w, e);
}

int wake_open(const char *data_dir, enum wake_topic topic, struct wake **ret, struct err *e)
{
    struct wake *w = xcalloc(1, sizeof *w);
    w->fd = w->dir_fd = -1;
    w->topic = topic;
    if (open_all(w, data_dir, e) < 0) {
        w->name[0] = '\0';
        wake_close(w);
        return err_wrap(e, "open a wake socket in %s", data_dir);
    }
    *ret = w;
    return 0;
}

void wake_close(struct wake *w)
{
    if (w == NULL)
        return;
    if (w->name[0] != '\0')
        unlinkat(w->dir_fd, w->name, 0);
    close_fd(&w->fd);
    close_fd(&w->dir_fd);
    free(w);
}

int wake_fd(const struct wake *w)
{
    return w->fd;
}

/* Nothing waits. When so many came in a row that the kernel may have refused others meanwhile, an
 * event about no one submission tells the receiver to look at everything. */
static bool make_up_for_lost(struct wake *w, struct wake_event *ret)
{
    bool perhaps = w->in_a_row >= w->backlog;
    w->in_a_row = 0;
    *ret = (struct wake_event){ .topic = w->topic };
    return perhaps;
}

int wake_next(struct wake *w, struct wake_event *ret, bool *ret_found, struct err *e)
{
    struct wake_event event = { .topic = w->topic };
    ssize_t n = -1;
    do
        n = recv(w->fd, event.id, sizeof event.id - 1, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return err_sys(e, "receive from run/%s", w->name);
    if (n < 0) {
        *ret_found = make_up_for_lost(w, ret);
        return 0;
    }
    w->in_a_row++;
    if (!store_id_valid(event.id)) /* "" or no message of ours: about no one submission */
        event.id[0] = '\0';
    *ret = event;
    *ret_found = true;
    return 0;
}

/* ---- sending */

static void send_to(int fd, int dir_fd, const char *name, const char *id)
{
    struct sockaddr_un to;
    socklen_t len = address(dir_fd, name, &to);
    if (sendto(fd, id, strlen(id), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0 &&
        errno == ECONNREFUSED)
        unlinkat(dir_fd, name, 0); /* its process died without wake_close */
}

void wake_send(const char *data_dir, enum wake_topic topic, const char *id)
{
    auto_fd_ int fd = new_socket();
    auto_fd_ int dir_fd = open_run(data_dir);
    if (fd < 0 || dir_fd < 0)
        return;
    auto_dir_ DIR *dir = fdopendir(dir_fd);
    if (dir == NULL)
        return;
    int borrowed_fd = take_fd(&dir_fd); /* the stream closes it */
    char prefix[NAME_BYTES];
    int prefix_len = snprintf(prefix, sizeof prefix, "%s-", topic_name(topic));
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        if (strncmp(d->d_name, prefix, (size_t)prefix_len) == 0 && strlen(d->d_name) < NAME_BYTES)
            send_to(fd, borrowed_fd, d->d_name, id);
    }
}

/* ---- sending again and again
 *
 * To open a socket and to read a directory for each hint costs more than the hint. Who owns a store
 * keeps a socket for each receiver, and reads the directory again only when it has changed. What
 * comes within one tick of the file system's clock leaves no trace in its time: what was read so
 * soon after a change is read again. */

struct peer {
    int fd; /* connected */
    enum wake_topic topic;
    char name[NAME_BYTES];
};

struct wake_sender {
    int dir_fd;
    struct timespec changed; /* of the directory, as it was read; */
    bool settled;            /* what changes later has another time */
    size_t count;            /* PEERS_MAX + 1: there are too many */
    struct peer peers[PEERS_MAX];
};

static void forget_peers(struct wake_sender *s)
{
    for (size_t i = 0; i < s->count && i < PEERS_MAX; i++)
        close_fd(&s->peers[i].fd);
    s->count = 0;
    s->settled = false;
}

void wake_sender_free(struct wake_sender *s)
{
    if (s == NULL)
        return;
    forget_peers(s);
    close_fd(&s->dir_fd);
    free(s);
}

static bool topic_of(const char *name, enum wake_topic *ret)
{
    static const enum wake_topic topics[] = { WAKE_QUEUE, WAKE_PROGRESS, WAKE_CALLBACK };
    size_t len = strcspn(name, "-");
    for (size_t i = 0; i < ARRAY_COUNT(topics); i++) {
        const char *of = topic_name(topics[i]);
        if (strlen(of) == len && strncmp(name, of, len) == 0) {
            *ret = topics[i];
            return name[len] == '-' && strlen(name) < NAME_BYTES;
        }
    }
    return false;
}

static void add_peer(struct wake_sender *s, const char *name)
{
    struct sockaddr_un to;
    enum wake_topic topic;
    if (!topic_of(name, &topic) || s->count > PEERS_MAX)
        return;
    socklen_t len = address(s->dir_fd, name, &to);
    auto_fd_ int fd = new_socket();
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) < 0) {
        if (errno == ECONNREFUSED)
            unlinkat(s->dir_fd, name, 0); /* its process died without wake_close */
        return;
    }
    if (fd < 0 || s->count == PEERS_MAX) {
        forget_peers(s);
        s->count = PEERS_MAX + 1;
        return;
    }
    struct peer *p = &s->peers[s->count++];
    *p = (struct peer){ .fd = take_fd(&fd), .topic = topic };
    memcpy(p->name, name, strlen(name) + 1); /* topic_of looked at its length */
}

static void find_peers(struct wake_sender *s, const struct timespec *changed)
{
    forget_peers(s);
    auto_fd_ int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        s->count = PEERS_MAX + 1;
        return;
    }
    (void)take_fd(&fd); /* the stream closes it */
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        add_peer(s, d->d_name);
    s->changed = *changed;
    s->settled = s->count <= PEERS_MAX && clock_unix_ms() / 1000 > changed->tv_sec + SETTLED_S;
}

/* False: not this way. */
static bool look_for_peers(struct wake_sender *s, const char *data_dir)
{
    struct stat st;
    if (s->dir_fd >= 0 && (fstat(s->dir_fd, &st) < 0 || st.st_nlink == 0))
        close_fd(&s->dir_fd);
    if (s->dir_fd < 0) {
        forget_peers(s);
        s->dir_fd = open_run(data_dir);
        if (s->dir_fd < 0 || fstat(s->dir_fd, &st) < 0)
            return false;
    }
    if (!s->settled || st.st_mtim.tv_sec != s->changed.tv_sec ||
        st.st_mtim.tv_nsec != s->changed.tv_nsec)
        find_peers(s, &st.st_mtim);
    return s->count <= PEERS_MAX;
}

void wake_tell(struct store *store, enum wake_topic topic, const char *id)
{
    if (store->sender == NULL) {
        store->sender = xcalloc(1, sizeof *store->sender);
        store->sender->dir_fd = -1;
    }
    struct wake_sender *s = store->sender;
    if (!look_for_peers(s, store->data_dir)) {
        wake_send(store->data_dir, topic, id);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct peer *p = &s->peers[i];
        if (p->topic != topic || send(p->fd, id, strlen(id), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
            errno == EAGAIN)
            continue;
        s->settled = false;
        if (errno == ECONNREFUSED)
            unlinkat(s->dir_fd, p->name, 0); /* its process died without wake_close */
    }
}
