/* test_log.c - event lines on standard error, and readiness; one process a test. */
#include "sandbox/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/ready.h"
#include "tests/unit/base/unit.h"

static const struct log log_ = { .program = "minos-test", .level = LOG_INFO };

/* From here standard error is the write end of a pipe; the read end is returned. */
static int capture_stderr(void)
{
    int p[2];
    ck_assert_int_eq(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
    return p[0];
}

/* What was logged so far, of at most 4095 bytes. */
static const char *logged(int fd, char text[4096])
{
    ssize_t n = read(fd, text, 4095);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(a_line_has_time_level_program_event_and_fields)
{
    char text[4096];
    int fd = capture_stderr();
    log_event(&log_, LOG_INFO, "claimed", "id=%d name=%s", 3, "x");
    logged(fd, text);
    ck_assert_int_eq(text[10], 'T');
    ck_assert_str_eq(text + 24, " info minos-test claimed id=3 name=x\n");
}
END_TEST

START_TEST(an_event_without_fields_has_no_trailing_blank)
{
    char text[4096];
    int fd = capture_stderr();
    log_event(&log_, LOG_WARN, "stopped", "%s", "");
    ck_assert_str_eq(logged(fd, text) + 24, " warn minos-test stopped\n");
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    char text[4096];
    int fd = capture_stderr();
    log_event(&log_, LOG_DEBUG, "noise", "a=%d", 1);
    ck_assert_str_eq(logged(fd, text), "");
    log_event(&log_, LOG_ERROR, "news", "a=%d", 1);
    ck_assert_has(logged(fd, text), " error minos-test news a=1\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_still_ends)
{
    char text[4096], value[3000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    int fd = capture_stderr();
    log_event(&log_, LOG_INFO, "long", "value=%s", value);
    size_t len = strlen(logged(fd, text));
    ck_assert_uint_le(len, 1200);
    ck_assert_int_eq(text[len - 1], '\n');
    ck_assert_ptr_eq(strchr(text, '\n'), text + len - 1);
}
END_TEST

START_TEST(quoted_text_cannot_forge_lines_or_fields)
{
    char q[LOG_QUOTE_BYTES];
    ck_assert_str_eq(log_quote("", q), "\"\"");
    ck_assert_str_eq(log_quote("a b", q), "\"a b\"");
    ck_assert_str_eq(log_quote("a\"b\\c\nd\x1b\x7f", q), "\"a\\\"b\\\\c\\x0ad\\x1b\\x7f\"");
}
END_TEST

START_TEST(quoted_text_is_cut_to_fit)
{
    char q[LOG_QUOTE_BYTES], text[1000];
    static const char fill[] = { 'x', '\n', '"' };
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(text, fill[i], sizeof text - 1);
        text[sizeof text - 1] = '\0';
        size_t len = strlen(log_quote(text, q));
        ck_assert_uint_lt(len, LOG_QUOTE_BYTES);
        ck_assert_uint_gt(len, LOG_QUOTE_BYTES - 10);
        ck_assert_int_eq(q[len - 1], '"');
    }
}
END_TEST

START_TEST(an_error_is_logged_with_its_kind)
{
    char text[4096];
    struct err e;
    (void)err_busy(&e, "queue \"full\"");
    int fd = capture_stderr();
    log_error(&log_, "accept_failed", &e);
    ck_assert_has(logged(fd, text), " error minos-test accept_failed kind=busy"
                                    " error=\"queue \\\"full\\\"\"\n");
}
END_TEST

START_TEST(readiness_is_one_line_and_so_is_a_report)
{
    int p[2];
    char text[64] = { 0 };
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    unsetenv("NOTIFY_SOCKET");
    ready_tell(p[1], "http://127.0.0.1:1");
    ck_assert_int_eq(read(p[0], text, sizeof text - 1), 25);
    ck_assert_str_eq(text, "ready http://127.0.0.1:1\n");
    ready_tell(-1, "");
    ready_keep(p[1]);
    ready_report(p[1], "refused", "two\nlines");
    ck_assert_int_eq(read(p[0], text, sizeof text), 18);
    ck_assert_int_eq(memcmp(text, "refused two lines\n", 18), 0);
    close(p[1]);
    ready_tell(p[1], "closed already: no harm");
}
END_TEST

START_TEST(readiness_reaches_systemd_when_it_asks)
{
    auto_fd_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int n = snprintf(sa.sun_path + 1, sizeof sa.sun_path - 1, "minos-test-%d", (int)getpid());
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    ck_assert_int_eq(bind(sock, (struct sockaddr *)&sa, len), 0);
    char name[128], text[64] = { 0 };
    snprintf(name, sizeof name, "@%s", sa.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    ready_tell(-1, "");
    ck_assert_int_eq(recv(sock, text, sizeof text - 1, MSG_DONTWAIT), 7);
    ck_assert_str_eq(text, "READY=1");
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    ready_tell(-1, "");
}
END_TEST

START_TEST(only_a_kill_makes_one_think_of_memory)
{
    ck_assert_ptr_nonnull(strstr(log_mend_of(SIGKILL), "memory had run out"));
    ck_assert_str_eq(log_mend_of(SIGTERM), "");
    ck_assert_str_eq(log_mend_of(0), "");
}
END_TEST

UNIT_MAIN("log", a_line_has_time_level_program_event_and_fields,
          an_event_without_fields_has_no_trailing_blank, lines_below_the_level_are_dropped,
          a_long_line_is_cut_and_still_ends, quoted_text_cannot_forge_lines_or_fields,
          quoted_text_is_cut_to_fit, an_error_is_logged_with_its_kind,
          readiness_is_one_line_and_so_is_a_report, readiness_reaches_systemd_when_it_asks,
          only_a_kill_makes_one_think_of_memory)
