/* reload.c - `minos reload`: asks `minos up` to read configuration and languages again, and says
 * what came of it; the `minos` process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/data_args.h"
#include "server/cli/text.h"
#include "server/cli/up_control.h"

static const struct opt_row rows[] = { DATA_ROWS, CLI_JSON_ROW, CLI_HELP_ROW };
static const struct opt_spec spec = {
    .usage = "minos reload [OPTION]...",
    .about = "Has the `minos up` of a data directory read its configuration and languages again, "
             "waits for the\noutcome and says it: all processes have the new settings, or, when "
             "anything in them is wrong, all keep\nthe old. Keys that only a start can change are "
             "named. What runs is not disturbed.\n\n--config and --set say here where the data "
             "directory is; `minos up` reads the file that it was started\nwith. Under systemd: "
             "systemctl reload minos-box minos-worker minos-server minos-courier",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = "Exit status: 0 reloaded, 2 usage error, or the new settings are wrong, 3 the service "
             "cannot be reached,\nor a process failed.\n",
};

/* The directory by descriptor: its path may be longer than an address can be. */
static int connect_up(const char *data_dir, int *ret_fd, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_free_ char *run = xasprintf("%s/run", data_dir);
    auto_fd_ int dir_fd = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d/%s", dir_fd, UP_CONTROL_NAME);
    if (dir_fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) {
        *ret_fd = take_fd(&fd);
        return 0;
    }
    if (errno == EACCES)
        return err_input(e, "%s: run this as root, or as the user of `minos up`", data_dir);
    if (errno == ENOENT || errno == ECONNREFUSED)
        return err_set(e, ERR_SYS, 0,
                       "no `minos up` serves from %s; name another with --data, or, under systemd: "
                       "systemctl reload minos-box minos-worker minos-server minos-courier",
                       data_dir);
    return err_sys(e, "%s", run);
}

static int ask(int fd, json_t **ret, struct err *e)
{
    char text[UP_ANSWER_BYTES];
    if (send(fd, UP_CONTROL_RELOAD, strlen(UP_CONTROL_RELOAD), MSG_NOSIGNAL) < 0)
        return err_sys(e, "ask `minos up`");
    ssize_t n;
    do
        n = recv(fd, text, sizeof text, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return err_set(e, ERR_SYS, n < 0 ? errno : 0, "`minos up` ended before it answered");
    *ret = json_loadb(text, (size_t)n, 0, NULL);
    return *ret != NULL ? 0 : err_set(e, ERR_SYS, 0, "`minos up` answered nothing that is known");
}

static void put_keys(struct buf *b, const json_t *o, const char *name, const char *title)
{
    size_t i;
    const json_t *key, *list = json_object_get(o, name);
    if (json_array_size(list) == 0)
        return;
    buf_puts(b, title);
    json_array_foreach(list, i, key)
    {
        const char *text = json_string_value(key);
        buf_puts(b, " ");
        text_visible(text != NULL ? text : "", text != NULL ? strlen(text) : 0, b);
    }
    buf_puts(b, "\n");
}

static int print(const json_t *o, bool json, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    const char *languages = text_member(o, "languages");
    if (json)
        return text_print_json(o, e);
    buf_puts(&b, "reloaded\n");
    put_keys(&b, o, "changed", "changed:");
    put_keys(&b, o, "needs_restart", "waiting for a restart:");
    if (languages[0] != '\0') {
        text_visible(languages, strlen(languages), &b);
        buf_puts(&b, "\n");
    }
    return cli_print(buf_text(&b), e);
}

/* 0, also with a refusal, which is *ret_status. */
static int reload(const struct data_args *a, struct conf *conf, int *ret_status, struct err *e)
{
    auto_fd_ int fd = -1;
    json_t *o = NULL;
    if (data_configure(a, conf, e) < 0 || connect_up(conf->store_data_dir, &fd, e) < 0 ||
        ask(fd, &o, e) < 0)
        return -1;
    const char *outcome = text_member(o, "outcome");
    bool fine = strcmp(outcome, "reloaded") == 0, refused = strcmp(outcome, "refused") == 0;
    int r = fine || a->common.json ? print(o, a->common.json, e) : 0;
    *ret_status = fine ? CLI_OK : refused ? CLI_USAGE : CLI_SERVICE;
    if (!fine) {
        auto_buf_ struct buf b = { 0 };
        const char *why = text_member(o, "error");
        text_visible(why, strlen(why), &b);
        fprintf(stderr, "minos reload: %s%s\n", buf_text(&b),
                refused ? "; nothing has changed" : "");
    }
    json_decref(o);
    return r;
}

int command_reload(int argc, char **argv)
{
    struct data_args args = { 0 };
    struct conf conf;
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    conf_init(&conf);
    int r = first != argc ? err_input(&e, "unexpected \"%.64s\"", argv[first])
                          : reload(&args, &conf, &status, &e);
    if (r < 0)
        status = cli_fail("reload", &e);
    conf_done(&conf);
    return status;
}
