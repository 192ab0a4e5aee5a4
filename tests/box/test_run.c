/* test_run.c - the commands `minos-box run` and `minos-box doctor` as people use them. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/box/kit.h"

/* What a command said, and how it ended. */
struct said {
    struct buf out, err;
    int status; /* exit status, or 128 + signal */
};

static void said_done(struct said *s)
{
    buf_done(&s->out);
    buf_done(&s->err);
}

/* A file without a name for a stream. */
static int stream(void)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void read_back(int fd, struct buf *b)
{
    struct err e;
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(io_read_to_buf(fd, b, &e), 0);
}

/* Start minos-box with words (NULL-terminated) and this standard input. */
static pid_t start(const char *const *words, int in, int out, int err)
{
    auto_free_ char *program = kit_built("../minos-box");
    const char *argv[32] = { program };
    for (size_t i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(99);
    }
    return pid;
}

static struct said say(const char *const *words, const char *input)
{
    struct said s = { .status = -1 };
    auto_fd_ int in = kit_memfd(input), out = stream(), err = stream();
    int status;
    pid_t pid = start(words, in, out, err);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    s.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_back(out, &s.out);
    read_back(err, &s.err);
    return s;
}

#define SAY(input, ...) say((const char *const[]){ __VA_ARGS__, NULL }, input)

/* A time as the option says it, longer on a slow machine. */
static void stretch(const char *option, char *ret, size_t size)
{
    int ms, at = 0, end = 0;
    if (sscanf(option, "--%*[a-z]=%n%dms%n", &at, &ms, &end) == 1 && end > 0)
        snprintf(ret, size, "%.*s%lldms", at, option, (long long)kit_slow(ms));
    else
        snprintf(ret, size, "%s", option);
}

START_TEST(the_exit_status_tells_how_the_command_ended)
{
    static const struct {
        const char *script, *option;
        int status;
        const char *report;
    } rows[] = {
        { "exit 0", "--time=1000ms", 0, "exit code 0" },
        { "exit 7", "--time=1000ms", 7, "exit code 7" },
        { "kill -SEGV $$", "--time=1000ms", 139, "ended by signal 11 (SIGSEGV)" },
        { "while :; do :; done", "--time=100ms", 120, "(cpu)" },
        { "sleep 60", "--wall=100ms", 120, "(idle)" },
        { "dd if=/dev/zero of=/dev/null bs=64M count=1", "--memory=16M", 121, "(memory)" },
        { "head -c 1001 /dev/zero", "--output=1000", 122, "(output)" },
        { "for i in 1 2 3 4; do sleep 60 & done; exit 1", "--processes=2", 123, "(processes)" },
        { "unshare -r true", "--time=1000ms", 124, "(seccomp)" },
        { "exit 0", "--memory=1", 125, "--memory" },
        { "exit 0", "--memory=lots", 125, "expected a size" },
        { "exit 0", "--image=nope", 125, "nope" },
        { "exit 0", "--file=a/b=/etc/hostname", 125, "expected a name" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char option[64];
        stretch(rows[i].option, option, sizeof option);
        struct said s = SAY("", "run", option, "--", "sh", "-c", rows[i].script);
        ck_assert_msg(s.status == rows[i].status && strstr(buf_text(&s.err), rows[i].report),
                      "%s %s: status %d: %s", rows[i].option, rows[i].script, s.status,
                      buf_text(&s.err));
        said_done(&s);
    }
    struct said s = SAY("", "run", "no-such-program");
    ck_assert_int_eq(s.status, 127);
    said_done(&s);
    s = SAY("", "run", "/etc/passwd");
    ck_assert_int_eq(s.status, 126);
    said_done(&s);
}
END_TEST

START_TEST(streams_pass_through_and_files_are_there)
{
    struct said s = SAY("typed", "run", "-q", "-f", "name=/etc/passwd", "-e", "WORD=w", "sh", "-c",
                        "cat; echo $WORD; head -c 5 name; echo wrong >&2");
    ck_assert_int_eq(s.status, 0);
    ck_assert_str_eq(buf_text(&s.out), "typedw\nroot:");
    ck_assert_str_eq(buf_text(&s.err), "wrong\n");
    said_done(&s);
}
END_TEST

START_TEST(the_report_can_be_json_in_a_file)
{
    char path[] = "/tmp/minos-report-test-XXXXXX";
    struct err e;
    auto_buf_ struct buf b = { 0 };
    auto_fd_ int fd = mkstemp(path);
    struct said s = SAY("", "run", "--json", "--report", path, "sh", "-c", "echo out; exit 3");
    ck_assert_int_eq(s.status, 3);
    ck_assert_str_eq(buf_text(&s.out), "out\n");
    ck_assert_str_eq(buf_text(&s.err), "");
    ck_assert_int_eq(io_read_to_buf(fd, &b, &e), 0);
    ck_assert_ptr_nonnull(strstr(buf_text(&b), "\"exit_code\":3,\"signal\":null"));
    ck_assert_ptr_nonnull(strstr(buf_text(&b), "\"isolation\":{\"complete\":true"));
    ck_assert_int_eq(unlink(path), 0);
    said_done(&s);
}
END_TEST

START_TEST(a_signal_to_the_command_ends_its_cell)
{
    static const char *const words[] = { "run", "sh", "-c", "echo up; sleep 60", NULL };
    int ends[2], status;
    char line[4] = "";
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    auto_fd_ int in = kit_memfd(""), err = stream(), up = ends[0], out = ends[1];
    pid_t pid = start(words, in, out, err);
    ck_assert_int_eq(read(up, line, 3), 3);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGINT);
    auto_buf_ struct buf b = { 0 };
    read_back(err, &b);
    ck_assert_ptr_nonnull(strstr(buf_text(&b), "(cancel)"));
}
END_TEST

START_TEST(a_reader_that_goes_away_ends_the_cell)
{
    static const char *const words[] = { "run", "-q", "yes", NULL };
    int ends[2], status;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    auto_fd_ int in = kit_memfd(""), err = stream(), reader = ends[0], out = ends[1];
    pid_t pid = start(words, in, out, err);
    char some[16];
    ck_assert_int_gt(read(reader, some, sizeof some), 0);
    close_fd(&out);
    close_fd(&reader);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGPIPE);
}
END_TEST

START_TEST(doctor_finds_every_layer_in_place)
{
    struct said s = SAY("", "doctor");
    ck_assert_msg(s.status == 0, "%s%s", buf_text(&s.out), buf_text(&s.err));
    ck_assert_ptr_nonnull(strstr(buf_text(&s.out), "layers hold"));
    ck_assert_ptr_null(strstr(buf_text(&s.out), "MISSING"));
    said_done(&s);
    s = SAY("", "doctor", "--json");
    ck_assert_int_eq(s.status, 0);
    ck_assert_int_eq(strncmp(buf_text(&s.out), "{\"complete\":true,", 17), 0);
    said_done(&s);
    s = SAY("", "doctor", "--set", "box.cgroup=/no/such/group");
    ck_assert_int_eq(s.status, 1);
    ck_assert_ptr_nonnull(strstr(buf_text(&s.err), "/no/such/group"));
    said_done(&s);
    s = SAY("", "doctor", "--nonsense");
    ck_assert_int_eq(s.status, 2);
    said_done(&s);
}
END_TEST

START_TEST(help_names_every_limit_and_status)
{
    struct said s = SAY("", "run", "--help");
    ck_assert_int_eq(s.status, 0);
    static const char *const words[] = { "--time",   "--wall",  "--memory", "--processes",
                                         "--output", "--files", "--stack",  "120",
                                         "125",      "128+N" };
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        ck_assert_msg(strstr(buf_text(&s.out), words[i]) != NULL, "%s", words[i]);
    said_done(&s);
}
END_TEST

KIT_MAIN("box run", the_exit_status_tells_how_the_command_ended,
         streams_pass_through_and_files_are_there, the_report_can_be_json_in_a_file,
         a_signal_to_the_command_ends_its_cell, a_reader_that_goes_away_ends_the_cell,
         doctor_finds_every_layer_in_place, help_names_every_limit_and_status)
