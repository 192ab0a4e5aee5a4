/* snapshot.c - copies of what slots read at their start; the supervisor. */
#include "worker/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"

#define PREFIX "settings-"
enum { FILE_BYTES_MAX = 16 << 20 };

static int copy_file(const char *from, const char *to, struct err *e)
{
    auto_buf_ struct buf text = { 0 };
    if (io_read_file(AT_FDCWD, from, FILE_BYTES_MAX, &text, e) < 0)
        return -1;
    auto_fd_ int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || io_write_all(fd, buf_text(&text), text.len) < 0)
        return err_sys(e, "copy %s to %s", from, to);
    return 0;
}

static bool is_yaml(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static int copy_yaml(const char *from, const char *to, struct err *e)
{
    if (mkdir(to, 0700) != 0)
        return err_sys(e, "make %s", to);
    auto_dir_ DIR *d = opendir(from);
    if (d == NULL && errno == ENOENT)
        return 0;
    if (d == NULL)
        return err_sys(e, "read %s", from);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        auto_free_ char *source = xasprintf("%s/%s", from, entry->d_name);
        auto_free_ char *target = xasprintf("%s/%s", to, entry->d_name);
        if (is_yaml(entry->d_name) && copy_file(source, target, e) != 0)
            return -1;
    }
    return 0;
}

static int fill(const struct worker *w, const char *dir, struct err *e)
{
    auto_free_ char *shipped = language_shipped_dir();
    auto_free_ char *to_shipped = xasprintf("%s/shipped", dir), *to_own = xasprintf("%s/own", dir);
    auto_free_ char *to_conf = xasprintf("%s/minos.yaml", dir);
    if (mkdir(dir, 0700) != 0)
        return err_sys(e, "make %s", dir);
    if (copy_file(w->conf.file != NULL ? w->conf.file : "/dev/null", to_conf, e) != 0)
        return -1;
    if (copy_yaml(shipped, to_shipped, e) != 0)
        return -1;
    return copy_yaml(w->conf.worker_languages_dir, to_own, e);
}

int snapshot_make(const struct worker *w, struct snapshot *ret, struct err *e)
{
    struct snapshot s = { xasprintf("%s/run/" PREFIX "%lld", w->conf.store_data_dir,
                                    (long long)clock_mono_ns()) };
    if (fill(w, s.dir, e) != 0) {
        snapshot_drop(&s);
        return -1;
    }
    *ret = s;
    return 0;
}

static void remove_files(const char *dir)
{
    auto_dir_ DIR *d = opendir(dir);
    for (const struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;)
        (void)!unlinkat(dirfd(d), entry->d_name, 0);
}

static void remove_all(const char *dir)
{
    static const char *const folders[] = { "shipped", "own" };
    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        auto_free_ char *folder = xasprintf("%s/%s", dir, folders[i]);
        remove_files(folder);
        (void)!rmdir(folder);
    }
    remove_files(dir);
    (void)!rmdir(dir);
}

void snapshot_drop(struct snapshot *s)
{
    if (s->dir != NULL)
        remove_all(s->dir);
    free(s->dir);
    s->dir = NULL;
}

void snapshot_sweep(const char *data_dir)
{
    auto_free_ char *run = xasprintf("%s/run", data_dir);
    auto_dir_ DIR *d = opendir(run);
    for (const struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
        auto_free_ char *dir = xasprintf("%s/%s", run, entry->d_name);
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0)
            remove_all(dir);
    }
}

void snapshot_arguments(const struct snapshot *s, struct text_list *argv)
{
    text_list_take(argv, xasprintf("--config=%s/minos.yaml", s->dir));
    text_list_take(argv, xasprintf("--set=worker.languages_dir=%s/own", s->dir));
}

void snapshot_environment(const struct snapshot *s, struct text_list *envp)
{
    static const char name[] = "MINOS_LANGUAGES=";
    for (char **v = environ; v != NULL && *v != NULL; v++)
        if (strncmp(*v, name, sizeof name - 1) != 0)
            text_list_add(envp, *v);
    text_list_take(envp, xasprintf("%s%s/shipped", name, s->dir));
}
