/* cgroup_task.c - what the threads of a cell's group are doing; runs in the keeper */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/cgroup_private.h"

enum { LOOKS_MAX = 256 };

struct look {
    int left;
    bool runs;
};

/* "PID (NAME) STATE ...": the name is the program's choice and may hold anything, so the last ')'
 * is what ends it. 'R' is running as well as ready to run. */
static int look_at(void *ctx, pid_t tid)
{
    struct look *l = ctx;
    char path[32], text[CGROUP_TEXT_BYTES];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
    if (cgroup_read_text_at(AT_FDCWD, path, text) == 0) {
        const char *end = strrchr(text, ')');
        l->runs = end != NULL && strncmp(end, ") R", 3) == 0;
    }
    l->left--;
    return l->runs || l->left == 0;
}

bool cgroup_runs(const struct cgroup *g)
{
    if (g->root == NULL)
        return false;
    struct look l = { .left = LOOKS_MAX };
    int dir_fd = cgroup_processes_dir(g);
    if (cgroup_each_in(dir_fd, "cgroup.threads", look_at, &l) < 0) /* v2's name */
        (void)cgroup_each_in(dir_fd, "tasks", look_at, &l);
    return l.runs;
}
