/* test_walls.c - ways round the walls of a cell that a client might lend and a program might find;
 * real keepers, root. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"

/* --- what a client may lend ------------------------------------------------------------------- */

static void check_refused(struct kit *k, int fd)
{
    struct shot s;
    struct err e;
    shot_init(&s, "exit", "0", NULL);
    s.command.stdin_fd = fd;
    ck_assert_int_eq(box_run(k->box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "stdin") != NULL, "%s", e.msg);
    shot_done(&s);
}

START_TEST(no_descriptor_leads_out_of_the_root)
{
    struct kit k;
    int pair[2];
    kit_open(&k, NULL);
    auto_fd_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd_ int handle = open("/", O_PATH | O_CLOEXEC);
    auto_fd_ int file_handle = open("/etc/passwd", O_PATH | O_CLOEXEC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    auto_fd_ int end = pair[0];
    auto_fd_ int other_end = pair[1];
    check_refused(&k, directory);
    check_refused(&k, handle);
    check_refused(&k, file_handle);
    check_refused(&k, end);
    struct box_outcome o = shot_at(&k, "exit", "0"); /* it serves on */
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

KIT_MAIN("walls", no_descriptor_leads_out_of_the_root)
