/* events.c - wake-ups, signals and the drain timer behind one epoll descriptor; slots. */
#include "worker/events.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

static int watch(int epoll_fd, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int events_open(const char *data_dir, int64_t drain_ms, struct events *ret, struct err *e)
{
    struct events ev = { .signal_fd = open_signals(), .timer_fd = -1, .drain_ms = drain_ms };
    ev.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    ev.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int rc = 0;
    if (ev.signal_fd < 0 || ev.timer_fd < 0 || ev.epoll_fd < 0)
        rc = err_sys(e, "prepare signals and timers");
    else if (wake_open(data_dir, WAKE_QUEUE, &ev.wake, e) != 0)
        rc = -1;
    else if (watch(ev.epoll_fd, ev.signal_fd) != 0 || watch(ev.epoll_fd, ev.timer_fd) != 0 ||
             watch(ev.epoll_fd, wake_fd(ev.wake)) != 0)
        rc = err_sys(e, "watch signals and wake-ups");
    if (rc != 0) {
        events_close(&ev);
        return -1;
    }
    *ret = ev;
    return 0;
}

void events_close(struct events *ev)
{
    wake_close(ev->wake);
    ev->wake = NULL;
    close_fd(&ev->signal_fd);
    close_fd(&ev->timer_fd);
    close_fd(&ev->epoll_fd);
}

static void begin_stopping(struct events *ev)
{
    int64_t ns = ev->drain_ms * NS_PER_MS;
    struct itimerspec after = { .it_value = { ns / NS_PER_S, ns % NS_PER_S } };
    if (ev->stopping)
        return;
    ev->stopping = true;
    ev->drain_over = ns == 0; /* a timer of 0 would never ring */
    if (timerfd_settime(ev->timer_fd, 0, &after, NULL) != 0)
        ev->drain_over = true;
}

bool events_take(struct events *ev, const char *id)
{
    struct signalfd_siginfo info;
    uint64_t ticks;
    struct wake_event event;
    struct err ignored;
    bool found = false, named = false;
    while (read(ev->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            ev->retiring = true;
        else
            begin_stopping(ev);
    }
    if (read(ev->timer_fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
        ev->drain_over = true;
    while (wake_next(ev->wake, &event, &found, &ignored) == 0 && found)
        named = named || (id != NULL && strcmp(event.id, id) == 0);
    return named;
}

void events_wait(struct events *ev, int other_fd, int64_t timeout_ms)
{
    struct pollfd p[] = { { .fd = ev->epoll_fd, .events = POLLIN },
                          { .fd = other_fd, .events = POLLIN } };
    if (poll(p, ARRAY_COUNT(p), (int)timeout_ms) > 0)
        events_take(ev, NULL);
}
