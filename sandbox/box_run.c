/*
 * box_run.c - one run: handing commands to the keeper and pumping their output until the last
 * outcome; runs in the worker's slots and in `minos-box run`.
 *
 * What must be true:
 *  1. Nothing is sent of a run until all of it is known to be well-formed, so that ERR_INPUT leaves
 *     the keeper as it was.
 *  2. While commands run there is one poll loop; it never blocks in a read, so that a writer that
 *     outlives its cell (a descriptor handed on) cannot hold us.
 *  3. A stream's sink gets the first limits.output_bytes bytes and never one more; the byte after
 *     them is what makes BOX_CAUSE_OUTPUT, also when the program has ended by itself meanwhile.
 *  4. After an error that is not ERR_INPUT or ERR_BUSY the connection is closed: the keeper then
 *     ends its cells, and no late answer can be taken for that of a later question.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/box_private.h"

/* Fewer wake-ups than with 64 KiB; the most a user may ask for by default. */
enum { PIPE_BYTES = 1024 * 1024 };

/* An output stream that comes to us through a pipe. */
struct stream {
    int fd; /* -1: at its end */
    size_t index;
    const struct box_sink *sink;
    int64_t cap_bytes;
    int64_t *count_bytes; /* in the outcome */
    bool full;            /* what comes from now on is dropped */
    bool over;            /* more came than cap_bytes */
};

/* The descriptors one command is given. */
struct gift {
    int fds[3];   /* stdin, stdout, stderr; -1: /dev/null */
    int owned[3]; /* those of them that are ours to close once sent, else -1 */
};

struct run {
    struct box *b;
    const struct box_command *commands;
    size_t count;
    const struct box_join *joins;
    size_t join_count;
    const struct box_watch *watch; /* NULL: none, or it has spoken */
    int64_t watch_mono_ns;         /* when to ask it next */
    struct gift gifts[BOX_COMMANDS_MAX];
    struct stream streams[2 * BOX_COMMANDS_MAX];
    size_t stream_count;
    uint8_t alive; /* mask of the commands without outcome */
    struct box_outcome *outcomes;
};

static void run_done(struct run *r)
{
    for (size_t i = 0; i < BOX_COMMANDS_MAX; i++) /* r->count may be what was refused */
        for (size_t k = 0; k < 3; k++)
            close_fd(&r->gifts[i].owned[k]);
    for (size_t i = 0; i < r->stream_count; i++)
        close_fd(&r->streams[i].fd);
}

static int check_joins(const struct run *r, struct err *e)
{
    unsigned from_mask = 0, to_mask = 0;
    for (size_t i = 0; i < r->join_count; i++) {
        const struct box_join *j = &r->joins[i];
        if (j->from < 0 || j->to < 0 || (size_t)j->from >= r->count || (size_t)j->to >= r->count)
            return err_input(e, "join %zu: no such command", i);
        const struct box_sink *sink = &r->commands[j->from].stdout_sink;
        if ((from_mask & 1U << j->from) != 0 || sink->fd >= 0 || sink->write != NULL)
            return err_input(e, "join %zu: stdout of command %d has another end", i, j->from);
        if ((to_mask & 1U << j->to) != 0 || r->commands[j->to].stdin_fd >= 0)
            return err_input(e, "join %zu: stdin of command %d has another end", i, j->to);
        from_mask |= 1U << j->from;
        to_mask |= 1U << j->to;
    }
    return 0;
}

static unsigned flags_of(const struct run *r, size_t i)
{
    const struct gift *g = &r->gifts[i];
    return (g->fds[0] >= 0 ? WIRE_STDIN : 0U) | (g->fds[1] >= 0 ? WIRE_STDOUT : 0U) |
           (g->fds[2] >= 0 ? WIRE_STDERR : 0U) |
           (r->commands[i].keep_files ? WIRE_KEEP_FILES : 0U) |
           (r->commands[i].file_count > 0 ? WIRE_FILES : 0U);
}

/* Read back what we would send with the reader that the keeper has, so that there is one check. */
static int check_command(struct run *r, size_t i, struct err *e)
{
    struct wire_out *o = &r->b->out;
    const struct box_command *c = &r->commands[i];
    if (c->stdout_sink.fd >= 0 && c->stdout_sink.write != NULL)
        return err_input(e, "stdout has two ends");
    if (c->stderr_sink.fd >= 0 && c->stderr_sink.write != NULL)
        return err_input(e, "stderr has two ends");
    wire_put_command(o, (uint32_t)i, c, c->keep_files ? WIRE_KEEP_FILES : 0);
    if (o->overflow)
        return err_input(e, "argv and env are longer than %d bytes", BOX_ARGS_BYTES_MAX);
    struct wire_command command;
    struct wire_message m = { .data = o->data, .len = o->len };
    return wire_read_command(&m, &command, e);
}

static int check_files(struct run *r, size_t i, struct err *e)
{
    const struct box_command *c = &r->commands[i];
    if (c->file_count == 0)
        return 0;
    if (c->file_count > BOX_FILES_MAX)
        return err_input(e, "more than %d files", BOX_FILES_MAX);
    struct wire_out *o = &r->b->out;
    wire_put_place(o, (uint32_t)i, c->files, c->file_count);
    struct wire_place place;
    struct wire_message m = { .data = o->data, .len = o->len, .fd_count = c->file_count };
    return wire_read_place(&m, &place, e);
}

static int check_run(struct run *r, struct err *e)
{
    if (r->count == 0 || r->count > BOX_COMMANDS_MAX)
        return err_input(e, "expected 1 to %d commands", BOX_COMMANDS_MAX);
    for (size_t i = 0; i < r->count; i++) {
        if (r->commands[i].keep_files && r->count > 1)
            return err_input(e, "files can be kept of a command that runs alone");
        if (check_command(r, i, e) < 0 || check_files(r, i, e) < 0)
            return err_wrap(e, "command %zu", i);
    }
    return check_joins(r, e);
}

/* --- a run: the descriptors ------------------------------------------------------------------- */

/* Stream k (1 stdout, 2 stderr) of command i: its own descriptor, or a pipe to us. */
static int give_output(struct run *r, size_t i, int k, const struct box_sink *sink,
                       int64_t *count_bytes, struct err *e)
{
    struct gift *g = &r->gifts[i];
    *count_bytes = sink->fd >= 0 ? -1 : 0;
    if (sink->fd >= 0) {
        g->fds[k] = sink->fd;
        return 0;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    r->streams[r->stream_count++] = (struct stream){
        .fd = ends[0],
        .index = i,
        .sink = sink,
        .cap_bytes = r->commands[i].limits.output_bytes,
        .count_bytes = count_bytes,
    };
    g->fds[k] = g->owned[k] = ends[1];
    /* Larger is better but not needed: a user past pipe-user-pages-soft is refused. */
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return err_sys(e, "fcntl");
    return 0;
}

static int give_join(struct run *r, const struct box_join *j, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    struct gift *from = &r->gifts[j->from], *to = &r->gifts[j->to];
    from->fds[1] = from->owned[1] = ends[1];
    to->fds[0] = to->owned[0] = ends[0];
    r->outcomes[j->from].stdout_bytes = -1;
    return 0;
}

static int give_all(struct run *r, struct err *e)
{
    for (size_t i = 0; i < r->count; i++)
        r->gifts[i].fds[0] = r->commands[i].stdin_fd >= 0 ? r->commands[i].stdin_fd : -1;
    for (size_t i = 0; i < r->join_count; i++)
        if (give_join(r, &r->joins[i], e) < 0)
            return -1;
    for (size_t i = 0; i < r->count; i++) {
        const struct box_command *c = &r->commands[i];
        struct box_outcome *o = &r->outcomes[i];
        if (r->gifts[i].fds[1] < 0 && give_output(r, i, 1, &c->stdout_sink, &o->stdout_bytes, e))
            return -1;
        if (give_output(r, i, 2, &c->stderr_sink, &o->stderr_bytes, e) < 0)
            return -1;
    }
    return 0;
}

static int send_command(struct run *r, size_t i, struct err *e)
{
    const struct box_command *c = &r->commands[i];
    struct gift *g = &r->gifts[i];
    int fds[BOX_FILES_MAX];
    size_t fd_count = 0;
    for (size_t k = 0; k < 3; k++)
        if (g->fds[k] >= 0)
            fds[fd_count++] = g->fds[k];
    wire_put_command(&r->b->out, (uint32_t)i, c, flags_of(r, i));
    if (box_say(r->b, fds, fd_count, e) < 0)
        return -1;
    for (size_t k = 0; k < 3; k++)
        close_fd(&g->owned[k]);
    if (c->file_count == 0)
        return 0;
    for (size_t k = 0; k < c->file_count; k++)
        fds[k] = c->files[k].fd;
    wire_put_place(&r->b->out, (uint32_t)i, c->files, c->file_count);
    return box_say(r->b, fds, c->file_count, e);
}

/* --- a run: the pump -------------------------------------------------------------------------- */

/* Stop those of `mask` that are alive. */
static int stop(struct run *r, enum box_cause cause, uint8_t mask, struct err *e)
{
    if ((mask & r->alive) == 0)
        return 0;
    wire_put_stop(&r->b->out, cause, mask & r->alive);
    return box_say(r->b, NULL, 0, e);
}

/* Give a piece to the stream's sink, the cap kept. */
static int deliver(struct run *r, struct stream *s, size_t len, struct err *e)
{
    if (s->full)
        return 0;
    int64_t room_bytes = s->cap_bytes - *s->count_bytes;
    s->over = (int64_t)len > room_bytes;
    size_t take = s->over ? (size_t)room_bytes : len;
    *s->count_bytes += (int64_t)take;
    bool enough =
        s->sink->write != NULL && take > 0 && s->sink->write(s->sink->ctx, r->b->chunk, take) != 0;
    s->full = s->over || enough;
    if (!s->full)
        return 0;
    return stop(r, s->over ? BOX_CAUSE_OUTPUT : BOX_CAUSE_ENOUGH, (uint8_t)(1U << s->index), e);
}

/* Read once from a stream; *ret_more is false when there is nothing now or ever. */
static int pump(struct run *r, struct stream *s, bool *ret_more, struct err *e)
{
    ssize_t n = read(s->fd, r->b->chunk, sizeof r->b->chunk);
    *ret_more = n > 0 || (n < 0 && errno == EINTR);
    if (n > 0)
        return deliver(r, s, (size_t)n, e);
    if (n == 0)
        close_fd(&s->fd);
    else if (errno != EINTR && errno != EAGAIN)
        return err_sys(e, "read the output of command %zu", s->index);
    return 0;
}

/* After the last outcome everything a program wrote is in the pipes. */
static int drain(struct run *r, struct err *e)
{
    for (size_t i = 0; i < r->stream_count; i++) {
        struct stream *s = &r->streams[i];
        bool more = true;
        while (more && s->fd >= 0 && !s->full)
            if (pump(r, s, &more, e) < 0)
                return -1;
        struct box_outcome *o = &r->outcomes[s->index];
        if (s->over && o->cause == BOX_CAUSE_NONE)
            o->cause = BOX_CAUSE_OUTPUT;
    }
    return 0;
}

/* The commands that `index` is joined to, over however many pipes. */
static uint8_t peers_of(const struct run *r, size_t index)
{
    unsigned mask = 1U << index, before;
    do {
        before = mask;
        for (size_t i = 0; i < r->join_count; i++) {
            unsigned both = 1U << r->joins[i].from | 1U << r->joins[i].to;
            mask |= (mask & both) != 0 ? both : 0;
        }
    } while (mask != before);
    return (uint8_t)(mask & ~(1U << index));
}

static int take_outcome(struct run *r, const struct wire_message *m, struct err *e)
{
    uint32_t index;
    struct box_outcome o;
    if (wire_read_outcome(m, &index, &o, e) < 0)
        return box_broken(r->b, e);
    if ((r->alive & 1U << index) == 0) {
        err_set(e, ERR_SYS, 0, "an outcome for command %u, which has none to come", index);
        return box_broken(r->b, e);
    }
    o.stdout_bytes = r->outcomes[index].stdout_bytes;
    o.stderr_bytes = r->outcomes[index].stderr_bytes;
    r->outcomes[index] = o;
    r->alive &= (uint8_t) ~(1U << index);
    return o.cause != BOX_CAUSE_NONE ? stop(r, BOX_CAUSE_PEER, peers_of(r, index), e) : 0;
}

static int take_message(struct run *r, struct err *e)
{
    auto_wire_ struct wire_message m = { 0 };
    if (box_await(r->b, clock_mono_ns(), &m, e) < 0)
        return box_broken(r->b, e);
    if (m.data[0] == WIRE_ERROR)
        return box_take_error(r->b, &m, WIRE_ERROR, e);
    return m.data[0] == WIRE_OUTCOME ? take_outcome(r, &m, e) : box_unexpected(r->b, &m, e);
}

static int ask_watch(struct run *r, struct err *e)
{
    if (clock_mono_ns() >= r->watch_mono_ns) /* else an event came before its time */
        r->watch_mono_ns = clock_mono_ns() + r->watch->every_ms * NS_PER_MS;
    enum box_cause cause = r->watch->check(r->watch->ctx);
    if (cause == BOX_CAUSE_NONE)
        return 0;
    r->watch = NULL;
    return stop(r, cause, WIRE_STOP_ALL, e);
}

/* When poll must come back: the watch's time or, at the latest, when the keeper is overdue. */
static int poll_timeout_ms(const struct run *r, int64_t deadline_mono_ns)
{
    int64_t until_mono_ns = deadline_mono_ns;
    if (r->watch != NULL && r->watch->every_ms > 0 && r->watch_mono_ns < until_mono_ns)
        until_mono_ns = r->watch_mono_ns;
    int64_t left_ns = until_mono_ns - clock_mono_ns();
    int64_t left_ms = left_ns > 0 ? (left_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* One turn of the loop: wait, then streams first, so that an outcome finds little left. */
static int turn(struct run *r, int64_t deadline_mono_ns, struct err *e)
{
    struct pollfd polls[2 + 2 * BOX_COMMANDS_MAX] = {
        { .fd = r->b->sock, .events = POLLIN },
        { .fd = r->watch != NULL ? r->watch->poll_fd : -1, .events = POLLIN },
    };
    for (size_t i = 0; i < r->stream_count; i++)
        polls[2 + i] = (struct pollfd){ .fd = r->streams[i].fd, .events = POLLIN };
    int n = poll(polls, 2 + r->stream_count, poll_timeout_ms(r, deadline_mono_ns));
    if (n < 0 && errno != EINTR)
        return err_sys(e, "poll");
    if (n <= 0)
        memset(polls, 0, sizeof polls);
    bool more;
    for (size_t i = 0; i < r->stream_count; i++)
        if (polls[2 + i].revents != 0 && pump(r, &r->streams[i], &more, e) < 0)
            return -1;
    bool due = r->watch != NULL && r->watch->every_ms > 0 && clock_mono_ns() >= r->watch_mono_ns;
    if (r->watch != NULL && (polls[1].revents != 0 || due) && ask_watch(r, e) < 0)
        return -1;
    if (polls[0].revents != 0 && take_message(r, e) < 0)
        return -1;
    if (r->alive != 0 && clock_mono_ns() >= deadline_mono_ns) {
        err_set(e, ERR_SYS, ETIMEDOUT, "no outcome");
        return box_broken(r->b, e);
    }
    return 0;
}

/* The keeper ends what is too slow; this deadline is for a keeper that does not. */
static int64_t run_deadline_mono_ns(const struct run *r)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->commands[i].limits.wall_time_ms > longest_ms)
            longest_ms = r->commands[i].limits.wall_time_ms;
    return box_answer_deadline_mono_ns() + longest_ms * NS_PER_MS;
}

/* --- the command that is run next ------------------------------------------------------------- */

void box_drop_next(struct box *b)
{
    for (size_t k = 0; k < 2; k++)
        close_fd(&b->next.output_fds[k]);
    b->next.command = NULL;
}

int box_forget(struct box *b, struct err *e)
{
    if (b->next.command == NULL)
        return 0;
    box_drop_next(b);
    if (box_usable(b, e) < 0)
        return -1;
    wire_put_empty(&b->out, WIRE_FORGET);
    return box_say(b, NULL, 0, e);
}

static struct run run_of(struct box *b, const struct box_command *commands, size_t count,
                         struct box_outcome *outcomes)
{
    struct run r = { .b = b, .commands = commands, .count = count, .outcomes = outcomes };
    for (size_t i = 0; i < BOX_COMMANDS_MAX; i++)
        r.gifts[i] = (struct gift){ .fds = { -1, -1, -1 }, .owned = { -1, -1, -1 } };
    return r;
}

/* What is wrong with it, and nothing of it sent then, is told when it is run. */
static int announce(struct box *b, const struct box_command *command, struct err *e)
{
    struct box_outcome counts;
    struct run r = run_of(b, command, 1, &counts);
    if (check_run(&r, e) == 0 && give_all(&r, e) == 0 && send_command(&r, 0, e) == 0) {
        b->next.command = command;
        for (size_t i = 0; i < r.stream_count; i++)
            b->next.output_fds[r.streams[i].sink == &command->stderr_sink] =
                take_fd(&r.streams[i].fd);
    }
    run_done(&r);
    return b->sock >= 0 ? 0 : -1;
}

static int ask_next(struct run *r, struct err *e)
{
    const struct box_watch *w = r->watch;
    if (w == NULL || w->next == NULL || r->count != 1 || r->commands->keep_files)
        return 0;
    const struct box_command *next = w->next(w->next_ctx);
    return next != NULL ? announce(r->b, next, e) : 0;
}

/* It has been checked and sent; its streams are ours again. */
static void take_announced(struct run *r)
{
    const struct box_command *c = r->commands;
    const struct box_sink *sinks[2] = { &c->stdout_sink, &c->stderr_sink };
    int64_t *counts[2] = { &r->outcomes->stdout_bytes, &r->outcomes->stderr_bytes };
    for (size_t k = 0; k < 2; k++) {
        int fd = take_fd(&r->b->next.output_fds[k]);
        *counts[k] = fd < 0 ? -1 : 0;
        if (fd >= 0)
            r->streams[r->stream_count++] = (struct stream){ .fd = fd,
                                                             .sink = sinks[k],
                                                             .cap_bytes = c->limits.output_bytes,
                                                             .count_bytes = counts[k] };
    }
    r->b->next.command = NULL;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int hand_over(struct run *r, struct err *e)
{
    if (r->b->next.command == r->commands && r->count == 1 && r->join_count == 0) {
        take_announced(r);
        return 0;
    }
    if (box_forget(r->b, e) < 0 || check_run(r, e) < 0 || give_all(r, e) < 0)
        return -1;
    for (size_t i = 0; i < r->count; i++)
        if (send_command(r, i, e) < 0)
            return -1;
    return 0;
}

static int run_all(struct run *r, struct err *e)
{
    if (box_usable(r->b, e) < 0 || hand_over(r, e) < 0)
        return -1;
    wire_put_run(&r->b->out, (uint32_t)r->count);
    if (box_say(r->b, NULL, 0, e) < 0)
        return -1;
    r->alive = (uint8_t)((1U << r->count) - 1);
    int64_t deadline_mono_ns = run_deadline_mono_ns(r);
    if (r->watch != NULL)
        r->watch_mono_ns =
            clock_mono_ns() +
            (r->watch->first_ms > 0 ? r->watch->first_ms : r->watch->every_ms) * NS_PER_MS;
    if (ask_next(r, e) < 0)
        return -1;
    while (r->alive != 0)
        if (turn(r, deadline_mono_ns, e) < 0)
            return -1;
    return drain(r, e);
}

int box_run(struct box *b, const struct box_command *commands, size_t count,
            const struct box_join *joins, size_t join_count, const struct box_watch *watch,
            struct box_outcome *outcomes, struct err *e)
{
    struct run r = run_of(b, commands, count, outcomes);
    r.joins = joins;
    r.join_count = join_count;
    r.watch = watch;
    int result = run_all(&r, e);
    run_done(&r);
    return result;
}
