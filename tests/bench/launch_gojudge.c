/* launch_gojudge.c - go-judge as a contestant: a server of the lane's own with one container that
 * it uses again and again; in a lane. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/child.h"
#include "tests/bench/contestant.h"
#include "tests/bench/http.h"

enum { READY_TRIES = 100, READY_REST_MS = 50, STATUS_OK = 200 };

struct gojudge {
    pid_t pid;
    struct http *http;
    char *body;
    struct buf answer;
};

/* A port that is free now. */
static int free_port(int *ret_port, struct err *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    auto_fd_ int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockname(sock, (struct sockaddr *)&at, &len) < 0)
        return err_sys(e, "find a free port");
    *ret_port = ntohs(at.sin_port);
    return 0;
}

static char *make_body(const struct bench *b)
{
    auto_free_ char *program = xasprintf("%s/true", b->fixture.bin);
    json_t *body = json_pack(
        "{s:[{s:[s] s:[s] s:[{s:s} {s:s s:i} {s:s s:i}] s:I s:I s:I s:i s:{s:{s:s}}}]}", "cmd",
        "args", "/w/true", "env", "PATH=/usr/bin:/bin", "files", "content", "", "name", "stdout",
        "max", 1024, "name", "stderr", "max", 1024, "cpuLimit", (json_int_t)(2 * NS_PER_S),
        "clockLimit", (json_int_t)(10 * NS_PER_S), "memoryLimit", (json_int_t)256 << 20,
        "procLimit", 64, "copyIn", "true", "src", program);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

/* Start it and wait until it answers; what it answers is the first turn's affair. */
static int start(struct gojudge *g, const struct bench *b, size_t lane, struct err *e)
{
    int port = 0;
    long status;
    if (free_port(&port, e) < 0)
        return -1;
    auto_free_ char *line = xasprintf(
        "go-judge -http-addr 127.0.0.1:%d -parallelism 1 -dir {dir}/go-judge-%zu", port, lane);
    auto_free_ char *url = xasprintf("http://127.0.0.1:%d", port);
    auto_free_ char *log = xasprintf("%s/go-judge.log", b->fixture.dir);
    auto_fd_ int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    char **argv = argv_make(b, line, lane);
    int r = child_start(&(struct child_plan){ argv, null_fd, log, NULL }, &g->pid, e);
    argv_free(argv);
    if (r < 0 || http_open(url, NULL, &g->http, e) < 0)
        return -1;
    for (int i = 0; i < READY_TRIES; i++) {
        bench_sleep_ms(READY_REST_MS);
        if (http_post(g->http, "/run", g->body, &status, &g->answer, e) == 0)
            return 0;
    }
    return err_wrap(e, "go-judge does not answer");
}

static void gojudge_close(void *state)
{
    struct gojudge *g = state;
    child_stop(g->pid);
    http_close(g->http);
    buf_done(&g->answer);
    free(g->body);
    free(g);
}

static int gojudge_open(const struct bench *b, const struct contestant *c, size_t lane,
                        void **ret_state, struct err *e)
{
    (void)c;
    struct gojudge *g = xcalloc(1, sizeof *g);
    g->body = make_body(b);
    if (start(g, b, lane, e) < 0) {
        gojudge_close(g);
        return -1;
    }
    *ret_state = g;
    return 0;
}

static int gojudge_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    struct gojudge *g = state;
    long status;
    int64_t start_mono_ns = clock_mono_ns();
    if (http_post(g->http, "/run", g->body, &status, &g->answer, e) < 0)
        return -1;
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    json_t *answer = json_loadb(buf_text(&g->answer), g->answer.len, 0, NULL);
    const json_t *result = json_array_get(answer, 0);
    const char *word = json_string_value(json_object_get(result, "status"));
    bool good = status == STATUS_OK && word != NULL && strcmp(word, "Accepted") == 0;
    ret_ns[1] = json_integer_value(json_object_get(result, "runTime"));
    json_decref(answer);
    return good ? 0 : err_set(e, ERR_SYS, 0, "answered %ld: %.200s", status, buf_text(&g->answer));
}

const struct launcher launcher_gojudge = { .series = { "asked to answer", "its own runTime" },
                                           .open = gojudge_open,
                                           .turn = gojudge_turn,
                                           .close = gojudge_close };
