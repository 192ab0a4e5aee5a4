/* argv.c - command lines of contestants: cutting, filling in, running; the minos-bench process and
 * its lanes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/bench/contestant.h"

enum { ISOLATE_BOX_FIRST = 900 }; /* isolate's boxes are numbered; others may use the low ones */

struct blank {
    const char *name;
    char *value;
};

/* `word` with each {name} replaced. */
static char *fill_in(const char *word, const struct blank *blanks, size_t count)
{
    struct buf b = { 0 };
    while (*word != '\0') {
        size_t i = 0;
        while (i < count && strncmp(word, blanks[i].name, strlen(blanks[i].name)) != 0)
            i++;
        if (i < count) {
            buf_puts(&b, blanks[i].value);
            word += strlen(blanks[i].name);
        } else {
            buf_printf(&b, "%c", *word++);
        }
    }
    return buf_take(&b);
}

char **argv_make(const struct bench *b, const char *command, size_t lane)
{
    struct blank blanks[] = {
        { "{bin}", xstrdup(b->fixture.bin) },
        { "{bundle}", xstrdup(b->fixture.bundle) },
        { "{dir}", xstrdup(b->fixture.dir) },
        { "{id}", xasprintf("minos-bench-%d-%zu", (int)getpid(), lane) },
        { "{work}", xasprintf("%" PRId64, b->work_steps) },
        { "{box}", xasprintf("%zu", ISOLATE_BOX_FIRST + lane) },
    };
    auto_free_ char *copy = xstrdup(command);
    char *rest = copy, *word;
    char **argv = xcalloc(strlen(command) / 2 + 2, sizeof *argv);
    size_t argc = 0;
    while ((word = strsep(&rest, " ")) != NULL)
        if (word[0] != '\0')
            argv[argc++] = fill_in(word, blanks, ARRAY_COUNT(blanks));
    char *path = argc > 0 && strchr(argv[0], '/') == NULL ? argv_find(argv[0]) : NULL;
    if (path != NULL) {
        free(argv[0]);
        argv[0] = path;
    }
    for (size_t i = 0; i < ARRAY_COUNT(blanks); i++)
        free(blanks[i].value);
    return argv;
}

void argv_free(char **argv)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

char *argv_find(const char *program)
{
    const char *path = getenv("PATH");
    auto_free_ char *copy = xstrdup(path != NULL ? path : "");
    char *rest = copy, *dir;
    while ((dir = strsep(&rest, ":")) != NULL) {
        auto_free_ char *file = xasprintf("%s/%s", dir, program);
        if (access(file, X_OK) == 0)
            return take_ptr(&file);
    }
    return NULL;
}

int argv_run(char *const *argv, const int stdio[3], int *ret_status, struct err *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, stdio[i], i);
    int errnum = posix_spawn(&pid, argv[0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (errnum != 0)
        return err_set(e, ERR_SYS, errnum, "start %s", argv[0]);
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for %s", argv[0]);
    return 0;
}

void argv_first_line(char *const *argv, char *ret, size_t size)
{
    struct err e;
    int status;
    auto_fd_ int out = memfd_create("output", MFD_CLOEXEC);
    auto_fd_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ret[0] = '\0';
    if (out < 0 || null < 0 || argv_run(argv, (int[]){ null, out, out }, &status, &e) < 0)
        return;
    ssize_t n = pread(out, ret, size - 1, 0);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}
