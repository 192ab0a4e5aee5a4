/* wire.c - writing and reading the messages of wire.h; runs in clients and in the keeper. */
#include "sandbox/wire.h"

#include <errno.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/wire_fields.h"

const char *wire_type_name(int type)
{
    switch (type) {
#define X(name, number)                                                                            \
    case (number):                                                                                 \
        return #name;
        WIRE_TYPES(X)
#undef X
    }
    return "unknown";
}

/* --- packets ---------------------------------------------------------------------------------- */

int wire_send(int sock, const struct wire_out *o, const int *fds, size_t fd_count, struct err *e)
{
    const char *name = wire_type_name(o->data[0]);
    if (o->overflow)
        return err_input(e, "wire: %s: longer than %d bytes", name, WIRE_MESSAGE_MAX);
    if (io_send_msg(sock, o->data, o->len, fds, fd_count) < 0)
        return err_sys(e, "wire: send %s", name);
    return 0;
}

int wire_recv(int sock, uint8_t *buf, struct wire_message *ret, struct err *e)
{
    ret->data = buf;
    if (io_recv_msg_cut(sock, buf, WIRE_MESSAGE_MAX, &ret->len, ret->fds, &ret->fd_count) == 0)
        return 0;
    ret->len = 0;
    if (errno == EMSGSIZE)
        return err_input(e, "wire: message longer than %d bytes, or its descriptors were lost",
                         WIRE_MESSAGE_MAX);
    return err_sys(e, "wire: receive");
}

int wire_take_fd(struct wire_message *m, size_t i)
{
    return take_fd(&m->fds[i]);
}

void wire_message_done(struct wire_message *m)
{
    for (size_t i = 0; i < m->fd_count; i++)
        close_fd(&m->fds[i]);
    m->fd_count = 0;
}

int wire_message_type(const struct wire_message *m, enum wire_type *ret, struct err *e)
{
    if (m->len == 0)
        return err_input(e, "wire: empty message");
    switch (m->data[0]) {
#define X(name, number)                                                                            \
    case (number):                                                                                 \
        *ret = WIRE_##name;                                                                        \
        return 0;
        WIRE_TYPES(X)
#undef X
    }
    return err_input(e, "wire: unknown message type %d", m->data[0]);
}

/* --- the frame of every message --------------------------------------------------------------- */

static void begin(struct wire_out *o, enum wire_type type)
{
    o->len = 0;
    o->overflow = false;
    put_u8(o, (uint8_t)type);
}

static struct cursor open_message(const struct wire_message *m, enum wire_type type)
{
    struct cursor c = { .data = m->data, .len = m->len, .type = wire_type_name(type) };
    uint8_t seen = get_u8(&c, "type");
    want(&c, seen == type, "type", "another type was expected");
    return c;
}

static int close_message(struct cursor *c, const struct wire_message *m, size_t fd_count,
                         struct err *e)
{
    want(c, c->at == c->len, "end", "bytes are left over");
    want(c, m->fd_count == fd_count, "descriptors", "more or fewer came than were promised");
    if (c->fault != NULL)
        return err_input(e, "wire: %s: %s: %s", c->type, c->field, c->fault);
    return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool image_valid(const char *s)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    return s[0] != '\0' && strchr(first, s[0]) != NULL && strspn(s, rest) == strlen(s);
}

/* One path component of `len` bytes. */
static bool component_valid(const char *s, size_t len)
{
    if (len == 0 || len > BOX_NAME_MAX || memchr(s, '/', len) != NULL)
        return false;
    return !(len == 1 && s[0] == '.') && !(len == 2 && s[0] == '.' && s[1] == '.');
}

static bool path_valid(const char *s)
{
    for (int depth = 1; depth <= BOX_COLLECT_DEPTH_MAX; depth++) {
        size_t len = strcspn(s, "/");
        if (!component_valid(s, len))
            return false;
        if (s[len] == '\0')
            return true;
        s += len + 1;
    }
    return false;
}

static bool env_valid(const struct wire_strings *env)
{
    for (const char *s = wire_strings_next(env, NULL); s != NULL; s = wire_strings_next(env, s)) {
        const char *equals = strchr(s, '=');
        if (equals == NULL || equals == s)
            return false;
    }
    return true;
}

const char *wire_strings_next(const struct wire_strings *s, const char *previous)
{
    const char *next = previous == NULL ? s->bytes : previous + strlen(previous) + 1;
    return s->count > 0 && next < s->bytes + s->len ? next : NULL;
}

void wire_strings_pointers(const struct wire_strings *s, const char **out)
{
    for (const char *p = wire_strings_next(s, NULL); p != NULL; p = wire_strings_next(s, p))
        *out++ = p;
    *out = NULL;
}

/* --- HELLO, COMMAND, PLACE -------------------------------------------------------------------- */

void wire_put_hello(struct wire_out *o)
{
    begin(o, WIRE_HELLO);
    put_u32(o, WIRE_VERSION);
}

int wire_read_hello(const struct wire_message *m, uint32_t *ret_version, struct err *e)
{
    struct cursor c = open_message(m, WIRE_HELLO);
    uint32_t version = get_u32(&c, "version");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_version = version;
    return 0;
}

void wire_put_command(struct wire_out *o, uint32_t index, const struct box_command *c,
                      unsigned flags)
{
    begin(o, WIRE_COMMAND);
    put_u32(o, index);
    put_u8(o, (uint8_t)flags);
    put_text(o, c->image != NULL ? c->image : "");
    put_text(o, c->artifact != NULL ? c->artifact : "");
    put_strings(o, c->argv);
    put_strings(o, c->env);
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help) put_i64(o, c->limits.name);
#include "sandbox/base/limits.def"
#undef LIMIT
}

/* The position of each stream's descriptor; returns how many there are. */
static size_t place_streams(unsigned flags, struct wire_command *w)
{
    int at = 0;
    w->stdin_at = (flags & WIRE_STDIN) != 0 ? at++ : -1;
    w->stdout_at = (flags & WIRE_STDOUT) != 0 ? at++ : -1;
    w->stderr_at = (flags & WIRE_STDERR) != 0 ? at++ : -1;
    return (size_t)at;
}

int wire_read_command(const struct wire_message *m, struct wire_command *ret, struct err *e)
{
    struct cursor c = open_message(m, WIRE_COMMAND);
    struct wire_command w = { .index = get_count(&c, 0, BOX_COMMANDS_MAX - 1, "index") };
    unsigned flags = get_u8(&c, "flags");
    want(&c, flags < 32, "flags", "unknown flag");
    w.keep_files = (flags & WIRE_KEEP_FILES) != 0;
    w.has_files = (flags & WIRE_FILES) != 0;
    w.image = get_text(&c, WIRE_IMAGE_BYTES_MAX, "image");
    want(&c, image_valid(w.image), "image", "expected a name of a-z, 0-9, '.', '_', '-'");
    const char *artifact = get_text(&c, WIRE_ARTIFACT_BYTES_MAX, "artifact");
    want(&c, strspn(artifact, "0123456789abcdef") == strlen(artifact), "artifact",
         "expected lower-case hexadecimal digits");
    w.artifact = artifact[0] != '\0' ? artifact : NULL;
    w.argv = get_strings(&c, "argv");
    want(&c, w.argv.count > 0 && w.argv.bytes[0] != '\0', "argv", "no program is named");
    w.env = get_strings(&c, "env");
    want(&c, env_valid(&w.env), "env", "expected NAME=VALUE");
    want(&c, w.argv.len + w.env.len <= BOX_ARGS_BYTES_MAX, "argv and env", "too long together");
#define LIMIT(name, kind, unit, min, run, compile, ceiling, help)                                  \
    w.limits.name = get_i64(&c, "limits." #name);
#include "sandbox/base/limits.def"
#undef LIMIT
    if (close_message(&c, m, place_streams(flags, &w), e) < 0)
        return -1;
    *ret = w;
    return 0;
}

void wire_put_place(struct wire_out *o, uint32_t index, const struct box_file *files, size_t count)
{
    begin(o, WIRE_PLACE);
    put_u32(o, index);
    put_u32(o, (uint32_t)count);
    for (size_t i = 0; i < count && !o->overflow; i++) {
        put_text(o, files[i].name);
        put_u8(o, files[i].executable);
    }
}

int wire_read_place(const struct wire_message *m, struct wire_place *ret, struct err *e)
{
    struct cursor c = open_message(m, WIRE_PLACE);
    struct wire_place p = { .index = get_count(&c, 0, BOX_COMMANDS_MAX - 1, "index") };
    p.count = get_count(&c, 1, BOX_FILES_MAX, "count");
    for (size_t i = 0; i < p.count && c.fault == NULL; i++) {
        const char *name = get_text(&c, BOX_NAME_MAX, "file name");
        want(&c, component_valid(name, strlen(name)), "file name",
             "expected 1 to 255 bytes without '/', not \".\" or \"..\"");
        for (size_t k = 0; k < i && c.fault == NULL; k++)
            want(&c, strcmp(p.files[k].name, name) != 0, "file name", "given twice");
        p.files[i].name = name;
        p.files[i].executable = get_bool(&c, "executable");
    }
    if (close_message(&c, m, p.count, e) < 0)
        return -1;
    *ret = p;
    return 0;
}

/* --- RUN, STOP, COLLECT, RELEASE -------------------------------------------------------------- */

void wire_put_run(struct wire_out *o, uint32_t count)
{
    begin(o, WIRE_RUN);
    put_u32(o, count);
}

int wire_read_run(const struct wire_message *m, uint32_t *ret_count, struct err *e)
{
    struct cursor c = open_message(m, WIRE_RUN);
    uint32_t count = get_count(&c, 1, BOX_COMMANDS_MAX, "count");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_count = count;
    return 0;
}

enum {
#define X(id, name, help) +1
    CAUSE_COUNT = BOX_CAUSES(X)
#undef X
};

void wire_put_stop(struct wire_out *o, enum box_cause cause, uint8_t mask)
{
    begin(o, WIRE_STOP);
    put_u8(o, (uint8_t)cause);
    put_u8(o, mask);
}

int wire_read_stop(const struct wire_message *m, enum box_cause *ret_cause, uint8_t *ret_mask,
                   struct err *e)
{
    struct cursor c = open_message(m, WIRE_STOP);
    uint8_t cause = get_u8(&c, "cause");
    want(&c, cause > BOX_CAUSE_NONE && cause < CAUSE_COUNT, "cause", "out of range");
    uint8_t mask = get_u8(&c, "mask");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_cause = (enum box_cause)cause;
    *ret_mask = mask;
    return 0;
}

void wire_put_collect(struct wire_out *o, int64_t max_bytes)
{
    begin(o, WIRE_COLLECT);
    put_i64(o, max_bytes);
}

int wire_read_collect(const struct wire_message *m, int64_t *ret_max_bytes, struct err *e)
{
    struct cursor c = open_message(m, WIRE_COLLECT);
    int64_t max_bytes = get_range(&c, 0, INT64_MAX, "max_bytes");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_max_bytes = max_bytes;
    return 0;
}

void wire_put_empty(struct wire_out *o, enum wire_type type)
{
    begin(o, type);
}

int wire_read_empty(const struct wire_message *m, enum wire_type type, struct err *e)
{
    struct cursor c = open_message(m, type);
    return close_message(&c, m, 0, e);
}

/* --- GREETING, REFUSAL, ERROR ----------------------------------------------------------------- */

void wire_put_greeting(struct wire_out *o, const struct box_proof *proof)
{
    begin(o, WIRE_GREETING);
    put_u32(o, WIRE_VERSION);
    put_text(o, proof->cgroup);
    put_text(o, proof->mode);
    put_text(o, proof->kernel);
    put_u32(o, (uint32_t)proof->count);
    for (size_t i = 0; i < proof->count; i++) {
        const struct box_proof_row *r = &proof->rows[i];
        put_text(o, r->layer);
        put_text(o, r->claim);
        put_text(o, r->seen);
        put_text(o, r->mend);
        put_u8(o, r->ok);
        put_u8(o, r->allowed);
    }
}

/* A text that must fit into `out` with its NUL. */
static void get_fixed(struct cursor *c, char *out, size_t size, const char *field)
{
    const char *text = get_text(c, size - 1, field);
    memcpy(out, text, strlen(text) + 1);
}

static void get_proof_row(struct cursor *c, struct box_proof_row *r)
{
    get_fixed(c, r->layer, sizeof r->layer, "layer");
    get_fixed(c, r->claim, sizeof r->claim, "claim");
    get_fixed(c, r->seen, sizeof r->seen, "seen");
    get_fixed(c, r->mend, sizeof r->mend, "mend");
    r->ok = get_bool(c, "ok");
    r->allowed = get_bool(c, "allowed");
}

int wire_read_greeting(const struct wire_message *m, uint32_t *ret_version, struct box_proof *ret,
                       struct err *e)
{
    struct cursor c = open_message(m, WIRE_GREETING);
    struct box_proof p = { .complete = true };
    uint32_t version = get_u32(&c, "version");
    get_fixed(&c, p.cgroup, sizeof p.cgroup, "cgroup");
    get_fixed(&c, p.mode, sizeof p.mode, "mode");
    get_fixed(&c, p.kernel, sizeof p.kernel, "kernel");
    p.count = get_count(&c, 0, BOX_PROOF_MAX, "count");
    for (size_t i = 0; i < p.count; i++) {
        get_proof_row(&c, &p.rows[i]);
        p.complete = p.complete && p.rows[i].ok;
    }
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_version = version;
    *ret = p;
    return 0;
}

void wire_put_err(struct wire_out *o, enum wire_type type, const struct err *what)
{
    begin(o, type);
    put_u8(o, (uint8_t)what->kind);
    put_u32(o, (uint32_t)what->errnum);
    put_text(o, what->msg);
}

int wire_read_err(const struct wire_message *m, enum wire_type type, struct err *ret, struct err *e)
{
    struct cursor c = open_message(m, type);
    uint8_t kind = get_u8(&c, "kind");
    want(&c, kind >= ERR_INPUT && kind <= ERR_BUG, "kind", "out of range");
    struct err what = { .kind = (enum err_kind)kind };
    what.errnum = (int)get_count(&c, 0, INT32_MAX, "errnum");
    get_fixed(&c, what.msg, sizeof what.msg, "message");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret = what;
    return 0;
}

/* --- OUTCOME ---------------------------------------------------------------------------------- */

/* OUTCOME(field, minimum, maximum): every field of struct box_outcome that the keeper knows and
 * that is a number, in the order of the wire; all as 64 bits. */
#define OUTCOME_FIELDS(OUTCOME)                                                                    \
    OUTCOME(exec_errno, 0, 4095)                                                                   \
    OUTCOME(exit_code, -1, 255)                                                                    \
    OUTCOME(signal, 0, 64)                                                                         \
    OUTCOME(seccomp_syscall, -1, INT32_MAX)                                                        \
    OUTCOME(cpu_ns, 0, INT64_MAX)                                                                  \
    OUTCOME(user_ns, 0, INT64_MAX)                                                                 \
    OUTCOME(system_ns, 0, INT64_MAX)                                                               \
    OUTCOME(wall_ns, 0, INT64_MAX)                                                                 \
    OUTCOME(release_mono_ns, 0, INT64_MAX)                                                         \
    OUTCOME(memory_peak_bytes, -1, INT64_MAX)                                                      \
    OUTCOME(memory_nocache_bytes, -1, INT64_MAX)                                                   \
    OUTCOME(rss_peak_bytes, -1, INT64_MAX)                                                         \
    OUTCOME(process_peak_count, -1, INT64_MAX)                                                     \
    OUTCOME(voluntary_switches, 0, INT64_MAX)                                                      \
    OUTCOME(involuntary_switches, 0, INT64_MAX)                                                    \
    OUTCOME(oom_kills, 0, INT64_MAX)                                                               \
    OUTCOME(process_refusals, 0, INT64_MAX)

void wire_put_outcome(struct wire_out *o, uint32_t index, const struct box_outcome *outcome)
{
    begin(o, WIRE_OUTCOME);
    put_u32(o, index);
    put_u8(o, outcome->started);
    put_u8(o, outcome->exited);
    put_u8(o, (uint8_t)outcome->cause);
#define PUT(field, min, max) put_i64(o, outcome->field);
    OUTCOME_FIELDS(PUT)
#undef PUT
}

int wire_read_outcome(const struct wire_message *m, uint32_t *ret_index, struct box_outcome *ret,
                      struct err *e)
{
    struct cursor c = open_message(m, WIRE_OUTCOME);
    uint32_t index = get_count(&c, 0, BOX_COMMANDS_MAX - 1, "index");
    struct box_outcome r = { .started = get_bool(&c, "started") };
    r.exited = get_bool(&c, "exited");
    uint8_t cause = get_u8(&c, "cause");
    want(&c, cause < CAUSE_COUNT, "cause", "out of range");
    r.cause = (enum box_cause)cause;
#define GET(field, min, max) r.field = (__typeof__(r.field))get_range(&c, min, max, #field);
    OUTCOME_FIELDS(GET)
#undef GET
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_index = index;
    *ret = r;
    return 0;
}

/* --- FILE, FILES_END -------------------------------------------------------------------------- */

void wire_put_file(struct wire_out *o, const struct wire_file *f)
{
    begin(o, WIRE_FILE);
    put_text(o, f->name);
    put_i64(o, f->bytes);
    put_u8(o, f->executable);
}

int wire_read_file(const struct wire_message *m, struct wire_file *ret, struct err *e)
{
    struct cursor c = open_message(m, WIRE_FILE);
    struct wire_file f = { .name = get_text(&c, (size_t)BOX_COLLECT_DEPTH_MAX * (BOX_NAME_MAX + 1),
                                            "name") };
    want(&c, path_valid(f.name), "name", "expected a relative path of proper components");
    f.bytes = get_range(&c, 0, INT64_MAX, "bytes");
    f.executable = get_bool(&c, "executable");
    if (close_message(&c, m, 1, e) < 0)
        return -1;
    *ret = f;
    return 0;
}

void wire_put_files_end(struct wire_out *o, uint32_t refused_count)
{
    begin(o, WIRE_FILES_END);
    put_u32(o, refused_count);
}

int wire_read_files_end(const struct wire_message *m, uint32_t *ret_refused_count, struct err *e)
{
    struct cursor c = open_message(m, WIRE_FILES_END);
    uint32_t refused = get_u32(&c, "refused_count");
    if (close_message(&c, m, 0, e) < 0)
        return -1;
    *ret_refused_count = refused;
    return 0;
}
