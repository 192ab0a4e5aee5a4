/*
 * keeper_pending.c - commands between their COMMAND and their RUN: checked as they come, and one
 * that comes while another runs armed before it is asked for. Runs in the keeper.
 *
 * Arming takes some 0.2 ms of a core. While a program runs it is done on a core where none does,
 * and only what surely takes no longer, for nobody watches the clocks meanwhile; else between two
 * runs, while the client thinks about the last. An armed cell has run nothing of its job, and is
 * used by its RUN alone or destroyed.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/files.h"
#include "sandbox/keeper.h"

/* What is copied in less than the time that the rest of arming takes. */
enum { QUICK_BYTES = 256 << 10, QUICK_ENTRIES = 16 };

/* ---- the client's descriptors ----------------------------------------------------------------
 *
 * The last to close a socket may have to wait for its peer, and he who closes a file for its
 * server: as long as whoever made them likes. So while a program runs we hold on to what could do
 * that, and ask it nothing.
 */

/* Pipes and memfds: the kernel's own, who is waited for by nobody. */
static bool is_prompt(int fd)
{
    return fcntl(fd, F_GETPIPE_SZ) >= 0 || fcntl(fd, F_GET_SEALS) >= 0;
}

static bool all_prompt(const struct wire_message *m)
{
    for (size_t i = 0; i < m->fd_count; i++)
        if (!is_prompt(m->fds[i]))
            return false;
    return true;
}

void keeper_let_go(struct keeper *k, struct wire_message *m)
{
    for (size_t i = 0; k->runs && i < m->fd_count; i++) {
        if (is_prompt(m->fds[i]))
            continue;
        if ((k->held_count & (k->held_count - 1)) == 0) /* room for 1, 2, 4, 8... */
            k->held =
                xrealloc(k->held, (k->held_count == 0 ? 1 : 2 * k->held_count) * sizeof *k->held);
        k->held[k->held_count++] = wire_take_fd(m, i);
    }
    wire_message_done(m);
}

void keeper_let_go_held(struct keeper *k)
{
    while (k->held_count > 0)
        close(k->held[--k->held_count]);
    free(k->held);
    k->held = NULL;
}

/* ---- taking them ----------------------------------------------------------------------------- */

void keeper_forget_pending(struct keeper *k)
{
    if (k->next_armed)
        cell_destroy(&k->next);
    k->next_armed = k->next_failed = false;
    for (size_t i = 0; i < k->pending_count; i++) {
        struct pending *p = &k->pending[i];
        /* Not for the cells that are forked from us next. */
        explicit_bzero(p->command_bytes, p->command_message.len);
        if (p->place_bytes != NULL)
            explicit_bzero(p->place_bytes, p->place_message.len);
        keeper_let_go(k, &p->command_message);
        keeper_let_go(k, &p->place_message);
        free(p->command_bytes);
        free(p->place_bytes);
        *p = (struct pending){ 0 };
    }
    k->pending_count = 0;
    k->refused = false;
}

/* Keep a message beyond the receive buffer: the copy owns its bytes and descriptors. */
static void keep_message(struct wire_message *m, struct wire_message *ret, uint8_t **ret_bytes)
{
    *ret_bytes = xmalloc(m->len);
    memcpy(*ret_bytes, m->data, m->len);
    *ret = *m;
    ret->data = *ret_bytes;
    m->fd_count = 0;
}

static int take_command(struct keeper *k, struct wire_message *m, struct err *e)
{
    if (k->pending_count == BOX_COMMANDS_MAX)
        return err_input(e, "more than %d commands", (int)BOX_COMMANDS_MAX);
    struct pending *p = &k->pending[k->pending_count++];
    keep_message(m, &p->command_message, &p->command_bytes);
    if (wire_read_command(&p->command_message, &p->command, e) < 0)
        return -1;
    if (p->command.index != k->pending_count - 1)
        return err_input(e, "command: expected index %zu, got %u", k->pending_count - 1,
                         p->command.index);
    char path[KEEPER_PATH_MAX];
    bool host;
    if (keeper_root_image(k->options->conf, p->command.image, path, &host, e) < 0)
        return -1;
    return limits_check(&p->command.limits, &k->options->conf->ceilings, e);
}

static int take_place(struct keeper *k, struct wire_message *m, struct err *e)
{
    if (k->pending_count == 0 || k->pending[k->pending_count - 1].place_bytes != NULL)
        return err_input(e, "place: there is no command it could be for");
    struct pending *p = &k->pending[k->pending_count - 1];
    keep_message(m, &p->place_message, &p->place_bytes);
    if (!p->command.has_files)
        return err_input(e, "place: the command has announced no files");
    if (wire_read_place(&p->place_message, &p->place, e) < 0)
        return -1;
    if (p->place.index != k->pending_count - 1)
        return err_input(e, "place: expected index %zu, got %u", k->pending_count - 1,
                         p->place.index);
    p->placed = true;
    return 0;
}

void keeper_take_pending(struct keeper *k, enum wire_type type, struct wire_message *m)
{
    struct err e;
    int result = type == WIRE_COMMAND ? take_command(k, m, &e) : take_place(k, m, &e);
    if (result < 0 && !k->refused) {
        k->refused = true;
        k->refusal = e;
    }
}

bool keeper_pending_whole(const struct keeper *k)
{
    for (size_t i = 0; i < k->pending_count; i++)
        if (k->pending[i].command.has_files && !k->pending[i].placed)
            return false;
    return k->pending_count > 0;
}

/* ---- what a cell is to run ------------------------------------------------------------------- */

/* A program could leave the next one word in ours. */
int keeper_renew_null(struct keeper *k, struct err *e)
{
    close_fd(&k->null_fd);
    k->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return k->null_fd < 0 ? err_sys(e, "open /dev/null") : 0;
}

struct cell_job keeper_job_of(const struct keeper *k, size_t index, struct box_file *files)
{
    const struct pending *p = &k->pending[index];
    const struct wire_command *c = &p->command;
    char *text = k->space->text;
    memcpy(text, c->argv.bytes, c->argv.len);
    if (c->env.len > 0)
        memcpy(text + c->argv.len, c->env.bytes, c->env.len);
    for (size_t i = 0; p->placed && i < p->place.count; i++)
        files[i] = (struct box_file){ p->place.files[i].name, p->place_message.fds[i],
                                      p->place.files[i].executable };
    const int *fds = p->command_message.fds;
    return (struct cell_job){
        .artifact = c->artifact,
        .text = text,
        .text_bytes = (uint32_t)(c->argv.len + c->env.len),
        .argc = (uint32_t)c->argv.count,
        .envc = (uint32_t)c->env.count,
        .limits = c->limits,
        .files = files,
        .file_count = p->placed ? p->place.count : 0,
        .stdio_fds = { c->stdin_at >= 0 ? fds[c->stdin_at] : k->null_fd,
                       c->stdout_at >= 0 ? fds[c->stdout_at] : k->null_fd,
                       c->stderr_at >= 0 ? fds[c->stderr_at] : k->null_fd },
    };
}

/* ---- arming ---------------------------------------------------------------------------------- */

/* A standard stream is a file, a pipe or a character device. By a directory, or by one that came
 * over a socket, a program would stand outside of its root; O_PATH needs no right to get such a
 * thing. */
static int check_streams(const struct wire_message *m, struct err *e)
{
    for (size_t i = 0; i < m->fd_count; i++) {
        struct stat st;
        int flags = fcntl(m->fds[i], F_GETFL);
        if (flags < 0 || fstat(m->fds[i], &st) < 0)
            return err_sys(e, "look at a standard stream");
        if ((flags & O_PATH) != 0 || files_is_handle(m->fds[i]) ||
            (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
            return err_input(e,
                             "stdin, stdout, stderr: expected files, pipes or character devices");
    }
    return 0;
}

static int arm(struct keeper *k, size_t index, bool as_found, struct cell *ret, struct err *e)
{
    struct box_file files[BOX_FILES_MAX];
    struct cell_job job = keeper_job_of(k, index, files);
    job.as_found = as_found;
    auto_cell_ struct cell c;
    cell_init(&c);
    if (check_streams(&k->pending[index].command_message, e) < 0 ||
        keeper_take_cell(k, k->pending[index].command.image, &c, e) < 0 ||
        cell_arm(&k->maker, &c, &job, e) < 0)
        return -1;
    *ret = c;
    cell_init(&c); /* taken */
    return 0;
}

int keeper_arm_pending(struct keeper *k, struct cell *const ret[], struct err *e)
{
    size_t first = 0;
    if (k->next_armed && !keeper_cell_alive(&k->next)) {
        cell_destroy(&k->next);
        k->next_armed = false;
    }
    if (k->next_armed) {
        *ret[first++] = k->next;
        cell_init(&k->next);
        k->next_armed = false;
    } else if (keeper_renew_null(k, e) < 0) {
        return -1;
    }
    for (size_t i = first; i < k->pending_count; i++)
        if (arm(k, i, false, ret[i], e) < 0)
            return err_wrap(e, "command %zu", i);
    return 0;
}

/* What fails is tried again, and told, when it is asked for. */
static void arm_next(struct keeper *k, bool as_found)
{
    struct err e;
    k->next_armed = keeper_renew_null(k, &e) == 0 && arm(k, 0, as_found, &k->next, &e) == 0;
}

static bool may_arm(const struct keeper *k)
{
    return !k->ending && !k->refused && !k->next_armed && k->pending_count == 1 &&
           keeper_pending_whole(k);
}

/* Whether arming is a matter of what has been done before, of few bytes, and of nobody's answer. */
static bool is_quick(const struct keeper *k, const struct pending *p)
{
    const struct furnish_artifact *a = &k->maker.artifact;
    int64_t bytes = 0;
    if (!all_prompt(&p->command_message) || !all_prompt(&p->place_message))
        return false;
    if (p->command.artifact != NULL) {
        if (!furnish_is(a, p->command.artifact) || !a->local || a->entry_count > QUICK_ENTRIES)
            return false;
        bytes = a->copied_bytes;
    }
    if (p->placed && p->place.count > QUICK_ENTRIES)
        return false;
    for (size_t i = 0; p->placed && i < p->place.count; i++) {
        struct stat st;
        int seals = fcntl(p->place_message.fds[i], F_GET_SEALS);
        if (seals < 0 || (seals & F_SEAL_GROW) == 0 || /* it might, before we copy it */
            fstat(p->place_message.fds[i], &st) < 0 || st.st_size > QUICK_BYTES)
            return false;
        bytes += st.st_size;
    }
    return bytes <= QUICK_BYTES;
}

void keeper_arm_beside(struct keeper *k)
{
    cpu_set_t own, room;
    if (!may_arm(k) || !keeper_room_beside(k, &room) || !is_quick(k, &k->pending[0]))
        return;
    keeper_take_ahead(k);
    if (!keeper_has_warm(k, k->pending[0].command.image) ||
        sched_getaffinity(0, sizeof own, &own) < 0 || sched_setaffinity(0, sizeof room, &room) < 0)
        return;
    arm_next(k, true); /* the client may change what it likes meanwhile */
    (void)sched_setaffinity(0, sizeof own, &own);
    keeper_ask_ahead(k);
}

void keeper_arm_idle(struct keeper *k)
{
    if (!may_arm(k) || k->next_failed || keeper_client_waits(k, 0))
        return;
    arm_next(k, false);
    k->next_failed = !k->next_armed;
}
