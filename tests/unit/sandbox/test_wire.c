/* test_wire.c - the protocol: what is written is read again, and nothing else is; one process. */
#include "sandbox/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

/* Messages are large: tests run in a process of their own each, so one of each will do. */
static struct wire_out out;
static uint8_t in[WIRE_MESSAGE_MAX];

static struct wire_message message(size_t fd_count)
{
    struct wire_message m = { .data = out.data, .len = out.len, .fd_count = fd_count };
    ck_assert(!out.overflow);
    return m;
}

static const char *const argv[] = { "prog", "", "-x", NULL };
static const char *const env[] = { "PATH=/bin", "EMPTY=", NULL };

static struct box_command command(void)
{
    return (struct box_command){ .image = "host",
                                 .artifact = "0123456789abcdef",
                                 .argv = argv,
                                 .env = env,
                                 .limits = limits_run_defaults() };
}

static int read_as(const struct wire_message *m, int type, struct err *e);

/* The message `out` with `count` descriptors must be refused with these words. */
static void refused(int type, size_t fd_count, const char *words)
{
    struct err e;
    struct wire_message m = message(fd_count);
    ck_assert_int_eq(read_as(&m, type, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_has(e.msg, words);
}

static int read_as(const struct wire_message *m, int type, struct err *e)
{
    static union {
        struct wire_command command;
        struct wire_place place;
        struct box_proof proof;
        struct err err;
        struct box_outcome outcome;
        struct wire_file file;
    } u;
    uint32_t number;
    int64_t bytes;
    enum box_cause cause;
    uint8_t mask;
    switch ((enum wire_type)type) {
    case WIRE_HELLO:
        return wire_read_hello(m, &number, e);
    case WIRE_COMMAND:
        return wire_read_command(m, &u.command, e);
    case WIRE_PLACE:
        return wire_read_place(m, &u.place, e);
    case WIRE_RUN:
        return wire_read_run(m, &number, e);
    case WIRE_STOP:
        return wire_read_stop(m, &cause, &mask, e);
    case WIRE_COLLECT:
        return wire_read_collect(m, &bytes, e);
    case WIRE_GREETING:
        return wire_read_greeting(m, &number, &u.proof, e);
    case WIRE_REFUSAL:
    case WIRE_ERROR:
        return wire_read_err(m, (enum wire_type)type, &u.err, e);
    case WIRE_OUTCOME:
        return wire_read_outcome(m, &number, &u.outcome, e);
    case WIRE_FILE:
        return wire_read_file(m, &u.file, e);
    case WIRE_FILES_END:
        return wire_read_files_end(m, &number, e);
    case WIRE_FORGET:
    case WIRE_RELEASE:
    case WIRE_RELEASED:
        return wire_read_empty(m, (enum wire_type)type, e);
    }
    return -1;
}

START_TEST(hello_carries_the_version)
{
    uint32_t version = 0;
    struct err e;
    wire_put_hello(&out);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_hello(&m, &version, &e), 0);
    ck_assert_uint_eq(version, WIRE_VERSION);
}
END_TEST

START_TEST(a_command_comes_back_as_it_was_sent)
{
    struct box_command c = command();
    struct wire_command w;
    struct err e;
    const char *pointers[WIRE_STRINGS_MAX + 1];
    wire_put_command(&out, 7, &c, WIRE_STDIN | WIRE_STDERR | WIRE_KEEP_FILES | WIRE_FILES);
    struct wire_message m = message(2);
    ck_assert_int_eq(wire_read_command(&m, &w, &e), 0);
    ck_assert_uint_eq(w.index, 7);
    ck_assert_str_eq(w.image, "host");
    ck_assert_str_eq(w.artifact, c.artifact);
    ck_assert_int_eq(w.stdin_at, 0);
    ck_assert_int_eq(w.stdout_at, -1);
    ck_assert_int_eq(w.stderr_at, 1);
    ck_assert(w.keep_files);
    ck_assert(w.has_files);
    ck_assert_int_eq(memcmp(&w.limits, &c.limits, sizeof c.limits), 0);
    wire_strings_pointers(&w.argv, pointers);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(pointers[i], argv[i]);
    ck_assert_ptr_null(pointers[3]);
    wire_strings_pointers(&w.env, pointers);
    ck_assert_str_eq(pointers[1], "EMPTY=");
    ck_assert_ptr_null(pointers[2]);
}
END_TEST

START_TEST(a_command_without_env_artifact_or_streams_is_fine)
{
    struct box_command c = command();
    struct wire_command w;
    struct err e;
    c.env = NULL;
    c.artifact = NULL;
    wire_put_command(&out, 0, &c, 0);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_command(&m, &w, &e), 0);
    ck_assert_ptr_null(w.artifact);
    ck_assert_uint_eq(w.env.count, 0);
    ck_assert_ptr_null(wire_strings_next(&w.env, NULL));
    ck_assert_int_eq(w.stdout_at, -1);
}
END_TEST

START_TEST(commands_that_no_keeper_should_see_are_refused)
{
    static const char *const bad_images[] = { "", "Host", "../host", "a/b", ".x", "a\n" };
    static const char *const no_name[] = { "=x", NULL }, *const no_value[] = { "PATH", NULL };
    static const char *const none[] = { NULL }, *const empty[] = { "", NULL };
    for (size_t i = 0; i < ARRAY_COUNT(bad_images); i++) {
        struct box_command c = command();
        c.image = bad_images[i];
        wire_put_command(&out, 0, &c, 0);
        refused(WIRE_COMMAND, 0, "wire: COMMAND: image");
    }
    const struct {
        const char *artifact;
        const char *const *argv, *const *env;
        const char *words;
    } rows[] = {
        { "../../etc", argv, env, "artifact" },
        { "ABCD", argv, env, "artifact" },
        { NULL, none, env, "argv" },
        { NULL, empty, env, "argv" },
        { NULL, argv, no_name, "env" },
        { NULL, argv, no_value, "env" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct box_command c = command();
        c.artifact = rows[i].artifact;
        c.argv = rows[i].argv;
        c.env = rows[i].env;
        wire_put_command(&out, 0, &c, 0);
        refused(WIRE_COMMAND, 0, rows[i].words);
    }
    struct box_command c = command();
    wire_put_command(&out, BOX_COMMANDS_MAX, &c, 0);
    refused(WIRE_COMMAND, 0, "index");
    wire_put_command(&out, 0, &c, 32);
    refused(WIRE_COMMAND, 0, "flags");
}
END_TEST

START_TEST(descriptors_must_be_as_many_as_promised)
{
    struct box_command c = command();
    wire_put_command(&out, 0, &c, WIRE_STDIN | WIRE_STDOUT);
    refused(WIRE_COMMAND, 1, "descriptors");
    refused(WIRE_COMMAND, 3, "descriptors");
    wire_put_hello(&out);
    refused(WIRE_HELLO, 1, "descriptors");
}
END_TEST

START_TEST(arguments_above_the_limit_are_refused)
{
    auto_free_ char *half = xmalloc(BOX_ARGS_BYTES_MAX / 2 + 3);
    memset(half, 'x', BOX_ARGS_BYTES_MAX / 2 + 2);
    half[BOX_ARGS_BYTES_MAX / 2 + 2] = '\0';
    half[1] = '=';
    const char *one[] = { half, NULL };
    struct box_command c = command();
    c.argv = one;
    c.env = one;
    wire_put_command(&out, 0, &c, 0);
    refused(WIRE_COMMAND, 0, "too long together");
    const char *many[8] = { half, half, half, half, half, half, half, NULL };
    c.argv = many;
    wire_put_command(&out, 0, &c, 0);
    ck_assert(out.overflow);
    struct err e;
    ck_assert_int_eq(wire_send(-1, &out, NULL, 0, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
}
END_TEST

START_TEST(more_arguments_than_allowed_are_refused)
{
    auto_free_ const char **many = xcalloc(WIRE_STRINGS_MAX + 2, sizeof *many);
    for (size_t i = 0; i <= WIRE_STRINGS_MAX; i++)
        many[i] = "a";
    struct box_command c = command();
    c.argv = many;
    wire_put_command(&out, 0, &c, 0);
    refused(WIRE_COMMAND, 0, "argv: out of range");
    many[WIRE_STRINGS_MAX] = NULL;
    wire_put_command(&out, 0, &c, 0);
    struct wire_message m = message(0);
    struct err e;
    ck_assert_int_eq(read_as(&m, WIRE_COMMAND, &e), 0);
}
END_TEST

START_TEST(files_come_back_with_their_names_and_bits)
{
    struct box_file files[BOX_FILES_MAX];
    char names[BOX_FILES_MAX][8];
    struct wire_place p;
    struct err e;
    for (size_t i = 0; i < BOX_FILES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "f%zu", i);
        files[i] = (struct box_file){ .name = names[i], .executable = i % 2 == 1 };
    }
    wire_put_place(&out, 1, files, BOX_FILES_MAX);
    struct wire_message m = message(BOX_FILES_MAX);
    ck_assert_int_eq(wire_read_place(&m, &p, &e), 0);
    ck_assert_uint_eq(p.index, 1);
    ck_assert_uint_eq(p.count, BOX_FILES_MAX);
    ck_assert_str_eq(p.files[63].name, "f63");
    ck_assert(p.files[63].executable && !p.files[62].executable);
}
END_TEST

START_TEST(file_names_that_could_leave_the_cell_are_refused)
{
    char longest[BOX_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = { "", ".", "..", "/", "a/b", "../x", "/etc/passwd", longest };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct box_file f = { .name = bad[i] };
        wire_put_place(&out, 0, &f, 1);
        refused(WIRE_PLACE, 1, "file name");
    }
    struct box_file twice[] = { { .name = "a" }, { .name = "b" }, { .name = "a" } };
    wire_put_place(&out, 0, twice, 3);
    refused(WIRE_PLACE, 3, "given twice");
    wire_put_place(&out, 0, twice, 0);
    refused(WIRE_PLACE, 0, "count");
}
END_TEST

START_TEST(run_stop_and_collect_keep_their_ranges)
{
    uint32_t count;
    int64_t bytes;
    enum box_cause cause;
    uint8_t mask;
    struct err e;
    wire_put_run(&out, 8);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_run(&m, &count, &e), 0);
    ck_assert_uint_eq(count, 8);
    wire_put_run(&out, 9);
    refused(WIRE_RUN, 0, "count");
    wire_put_run(&out, 0);
    refused(WIRE_RUN, 0, "count");
    wire_put_stop(&out, BOX_CAUSE_PEER, 0x81);
    m = message(0);
    ck_assert_int_eq(wire_read_stop(&m, &cause, &mask, &e), 0);
    ck_assert_int_eq(cause, BOX_CAUSE_PEER);
    ck_assert_uint_eq(mask, 0x81);
    wire_put_stop(&out, BOX_CAUSE_NONE, 1);
    refused(WIRE_STOP, 0, "cause");
    wire_put_stop(&out, (enum box_cause)(BOX_CAUSE_PEER + 1), 1);
    refused(WIRE_STOP, 0, "cause");
    wire_put_collect(&out, INT64_MAX);
    m = message(0);
    ck_assert_int_eq(wire_read_collect(&m, &bytes, &e), 0);
    ck_assert_int_eq(bytes, INT64_MAX);
    wire_put_collect(&out, -1);
    refused(WIRE_COLLECT, 0, "max_bytes");
}
END_TEST

START_TEST(a_greeting_brings_the_whole_proof)
{
    static struct box_proof sent, got;
    uint32_t version;
    struct err e;
    sent = (struct box_proof){ .cgroup = "hybrid", .mode = "root", .kernel = "Linux 6.18" };
    sent.count = BOX_PROOF_MAX;
    for (size_t i = 0; i < sent.count; i++) {
        sent.rows[i].ok = true;
        memset(sent.rows[i].layer, 'l', sizeof sent.rows[i].layer - 1);
        memset(sent.rows[i].mend, 'm', sizeof sent.rows[i].mend - 1);
    }
    wire_put_greeting(&out, &sent);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_greeting(&m, &version, &got, &e), 0);
    ck_assert(got.complete);
    ck_assert_str_eq(got.cgroup, "hybrid");
    ck_assert_str_eq(got.rows[39].mend, sent.rows[39].mend);
    sent.rows[39].ok = false;
    sent.rows[39].allowed = true;
    wire_put_greeting(&out, &sent);
    m = message(0);
    ck_assert_int_eq(wire_read_greeting(&m, &version, &got, &e), 0);
    ck_assert(!got.complete && got.rows[39].allowed);
}
END_TEST

START_TEST(an_error_keeps_its_kind_number_and_words)
{
    struct err sent, got, e;
    err_set(&sent, ERR_BUSY, EMFILE, "open %s", "x");
    wire_put_err(&out, WIRE_ERROR, &sent);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_err(&m, WIRE_ERROR, &got, &e), 0);
    ck_assert_int_eq(got.kind, ERR_BUSY);
    ck_assert_int_eq(got.errnum, EMFILE);
    ck_assert_str_eq(got.msg, sent.msg);
    refused(WIRE_REFUSAL, 0, "another type was expected");
    sent.kind = (enum err_kind)9;
    wire_put_err(&out, WIRE_ERROR, &sent);
    refused(WIRE_ERROR, 0, "kind");
}
END_TEST

START_TEST(an_outcome_keeps_every_number)
{
    struct box_outcome sent = { .started = true,
                                .exited = true,
                                .exit_code = 255,
                                .cause = BOX_CAUSE_MEMORY,
                                .seccomp_syscall = -1,
                                .cpu_ns = INT64_MAX,
                                .user_ns = 1,
                                .system_ns = 2,
                                .wall_ns = 3,
                                .release_mono_ns = 10,
                                .memory_peak_bytes = 4,
                                .memory_nocache_bytes = -1,
                                .rss_peak_bytes = 5,
                                .process_peak_count = -1,
                                .voluntary_switches = 6,
                                .involuntary_switches = 7,
                                .oom_kills = 8,
                                .process_refusals = 9 };
    struct box_outcome got;
    uint32_t index;
    struct err e;
    wire_put_outcome(&out, 3, &sent);
    struct wire_message m = message(0);
    ck_assert_int_eq(wire_read_outcome(&m, &index, &got, &e), 0);
    ck_assert_uint_eq(index, 3);
    ck_assert(got.started && got.exited && got.cause == BOX_CAUSE_MEMORY);
    ck_assert_int_eq(got.exit_code, 255);
    ck_assert_int_eq(got.cpu_ns, INT64_MAX);
    ck_assert_int_eq(got.process_refusals, 9);
    memcpy(in, out.data, out.len); /* the others: written again, it is the same message */
    wire_put_outcome(&out, 3, &got);
    ck_assert_int_eq(memcmp(in, out.data, out.len), 0);
    sent.exit_code = 256;
    wire_put_outcome(&out, 3, &sent);
    refused(WIRE_OUTCOME, 0, "exit_code");
    sent.exit_code = 0;
    sent.cpu_ns = -1;
    wire_put_outcome(&out, 3, &sent);
    refused(WIRE_OUTCOME, 0, "cpu_ns");
}
END_TEST

START_TEST(collected_names_are_relative_paths_of_proper_components)
{
    struct wire_file f = { .name = "a/b/c/d/e/f/g/h", .bytes = 5, .executable = true }, got;
    struct err e;
    wire_put_file(&out, &f);
    struct wire_message m = message(1);
    ck_assert_int_eq(wire_read_file(&m, &got, &e), 0);
    ck_assert_str_eq(got.name, f.name);
    ck_assert_int_eq(got.bytes, 5);
    ck_assert(got.executable);
    const char *const bad[] = { "",     "/a",  "a/",   "a//b", "../a",
                                "a/..", "./a", "a/./", "..",   "a/b/c/d/e/f/g/h/i" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        f.name = bad[i];
        wire_put_file(&out, &f);
        refused(WIRE_FILE, 1, "name");
    }
}
END_TEST

/* One valid message of every type; returns its descriptors. */
static size_t sample(int type)
{
    static struct box_proof proof = { .count = 2 };
    struct box_command c = command();
    struct box_file files[] = { { .name = "a" }, { .name = "b" } };
    struct wire_file file = { .name = "a/b", .bytes = 1 };
    struct box_outcome outcome = { .seccomp_syscall = -1 };
    struct err what = { .kind = ERR_SYS, .msg = "words" };
    switch ((enum wire_type)type) {
    case WIRE_HELLO:
        wire_put_hello(&out);
        return 0;
    case WIRE_COMMAND:
        wire_put_command(&out, 1, &c, WIRE_STDOUT);
        return 1;
    case WIRE_PLACE:
        wire_put_place(&out, 1, files, 2);
        return 2;
    case WIRE_RUN:
        wire_put_run(&out, 1);
        return 0;
    case WIRE_STOP:
        wire_put_stop(&out, BOX_CAUSE_CANCEL, 1);
        return 0;
    case WIRE_COLLECT:
        wire_put_collect(&out, 1);
        return 0;
    case WIRE_GREETING:
        wire_put_greeting(&out, &proof);
        return 0;
    case WIRE_REFUSAL:
    case WIRE_ERROR:
        wire_put_err(&out, (enum wire_type)type, &what);
        return 0;
    case WIRE_OUTCOME:
        wire_put_outcome(&out, 1, &outcome);
        return 0;
    case WIRE_FILE:
        wire_put_file(&out, &file);
        return 1;
    case WIRE_FILES_END:
        wire_put_files_end(&out, 3);
        return 0;
    case WIRE_FORGET:
    case WIRE_RELEASE:
    case WIRE_RELEASED:
        wire_put_empty(&out, (enum wire_type)type);
        return 0;
    }
    return 0;
}

static const int types[] = {
#define X(name, number) number,
    WIRE_TYPES(X)
#undef X
};

static void cut_and_lengthen(int type)
{
    struct err e;
    size_t fd_count = sample(type);
    size_t len = out.len;
    struct wire_message whole = message(fd_count);
    ck_assert_int_eq(read_as(&whole, type, &e), 0);
    for (size_t cut = 0; cut < len; cut++) {
        /* A heap block of that very size, so that a sanitizer sees one byte too far. */
        auto_free_ uint8_t *copy = xmalloc(cut);
        memcpy(copy, out.data, cut);
        struct wire_message m = { .data = copy, .len = cut, .fd_count = fd_count };
        ck_assert_int_eq(read_as(&m, type, &e), -1);
        ck_assert_int_eq(e.kind, ERR_INPUT);
    }
    out.data[out.len++] = 0;
    refused(type, fd_count, "bytes are left over");
}

START_TEST(every_message_is_refused_when_cut_or_lengthened_anywhere)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        cut_and_lengthen(types[i]);
}
END_TEST

static void flip_every_bit(int type)
{
    struct err e;
    size_t fd_count = sample(type);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct wire_message m = message(fd_count);
        if (read_as(&m, type, &e) < 0)
            ck_assert_int_eq(e.kind, ERR_INPUT);
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

START_TEST(every_message_survives_any_changed_bit)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        flip_every_bit(types[i]);
}
END_TEST

START_TEST(texts_need_one_nul_and_at_the_end)
{
    struct err what = { .kind = ERR_SYS, .msg = "words" };
    wire_put_err(&out, WIRE_ERROR, &what);
    out.data[out.len - 1] = 'x';
    refused(WIRE_ERROR, 0, "no NUL at the end");
    out.data[out.len - 1] = 0;
    out.data[out.len - 3] = 0;
    refused(WIRE_ERROR, 0, "a NUL in the middle");
}
END_TEST

START_TEST(an_unknown_type_is_named)
{
    enum wire_type type;
    struct err e;
    uint8_t byte = 99;
    struct wire_message m = { .data = &byte, .len = 1 };
    ck_assert_int_eq(wire_message_type(&m, &type, &e), -1);
    ck_assert_has(e.msg, "unknown message type 99");
    m.len = 0;
    ck_assert_int_eq(wire_message_type(&m, &type, &e), -1);
    ck_assert_str_eq(wire_type_name(WIRE_FILES_END), "FILES_END");
    ck_assert_str_eq(wire_type_name(0), "unknown");
}
END_TEST

START_TEST(descriptors_travel_beside_the_message)
{
    int pair[2];
    struct err e;
    struct wire_message m;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    auto_fd_ int one = pair[0], other = pair[1];
    int fds[2] = { 0, 2 };
    size_t fd_count = sample(WIRE_PLACE);
    ck_assert_int_eq(wire_send(one, &out, fds, fd_count, &e), 0);
    ck_assert_int_eq(wire_recv(other, in, &m, &e), 0);
    ck_assert_int_eq(read_as(&m, WIRE_PLACE, &e), 0);
    auto_fd_ int taken = wire_take_fd(&m, 0);
    ck_assert_int_ge(taken, 0);
    wire_message_done(&m);
    close_fd(&one);
    ck_assert_int_eq(wire_recv(other, in, &m, &e), 0);
    ck_assert_uint_eq(m.len, 0);
    ck_assert_int_eq(wire_send(other, &out, NULL, 0, &e), -1);
    ck_assert_int_eq(e.errnum, EPIPE);
}
END_TEST

START_TEST(a_message_longer_than_the_maximum_is_refused)
{
    int pair[2];
    struct err e;
    struct wire_message m;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    auto_fd_ int one = pair[0], other = pair[1];
    auto_free_ char *big = xcalloc(WIRE_MESSAGE_MAX + 1, 1);
    ck_assert_int_eq(io_send_msg(one, big, WIRE_MESSAGE_MAX + 1, NULL, 0), 0);
    ck_assert_int_eq(wire_recv(other, in, &m, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_int_eq(io_send_msg(one, big, WIRE_MESSAGE_MAX, NULL, 0), 0);
    ck_assert_int_eq(wire_recv(other, in, &m, &e), 0);
    ck_assert_uint_eq(m.len, WIRE_MESSAGE_MAX);
}
END_TEST

UNIT_MAIN("wire", hello_carries_the_version, a_command_comes_back_as_it_was_sent,
          a_command_without_env_artifact_or_streams_is_fine,
          commands_that_no_keeper_should_see_are_refused, descriptors_must_be_as_many_as_promised,
          arguments_above_the_limit_are_refused, more_arguments_than_allowed_are_refused,
          files_come_back_with_their_names_and_bits,
          file_names_that_could_leave_the_cell_are_refused, run_stop_and_collect_keep_their_ranges,
          a_greeting_brings_the_whole_proof, an_error_keeps_its_kind_number_and_words,
          an_outcome_keeps_every_number, collected_names_are_relative_paths_of_proper_components,
          every_message_is_refused_when_cut_or_lengthened_anywhere,
          every_message_survives_any_changed_bit, texts_need_one_nul_and_at_the_end,
          an_unknown_type_is_named, descriptors_travel_beside_the_message,
          a_message_longer_than_the_maximum_is_refused)
