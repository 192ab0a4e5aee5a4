/*
 * keeper_collect.c - handing out what a dead command left in /box; runs as root in the keeper.
 *
 * The tree was made by a hostile program, so: everything in the cell is dead before we look; names
 * are resolved one component at a time from descriptors, without links and without leaving the
 * cell's tmpfs; only regular files with one name are opened, and without waiting; counts, depth and
 * bytes are capped. Nothing is changed or removed here: the mount as a whole goes with the cell.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "sandbox/keeper.h"

struct collection {
    struct keeper *k;
    int64_t left_bytes;
    size_t file_count, entry_count;
    uint32_t refused_count;
    char path[4096]; /* of the entry at hand, relative to /box */
};

enum { ENTRIES_MAX = 16 * BOX_COLLECT_FILES_MAX };

static int open_beneath(bool careful, int dir, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    if (!careful)
        return openat(dir, name, (int)flags | O_CLOEXEC | O_NONBLOCK);
    return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

static int hand_out(struct collection *c, int fd, const struct stat *st, struct err *e)
{
    if (c->file_count++ >= BOX_COLLECT_FILES_MAX)
        return err_input(e, "files: more than %d", (int)BOX_COLLECT_FILES_MAX);
    if (st->st_size > c->left_bytes)
        return err_input(e, "files: more bytes than the artifact limit");
    c->left_bytes -= st->st_size;
    struct wire_file f = { .name = c->path,
                           .bytes = st->st_size,
                           .executable = (st->st_mode & S_IXUSR) != 0 };
    wire_put_file(&c->k->space->out, &f);
    return wire_send(c->k->options->sock, &c->k->space->out, &fd, 1, e);
}

/* The artifact's files are not the program's work, while it left them as they were. */
static int offer(struct collection *c, int fd, const struct stat *st, struct err *e)
{
    if (furnish_untouched(c->k->kept.artifact_fd, c->path, st))
        return 0;
    if (furnish_is_cover(st)) {
        c->refused_count++;
        return 0;
    }
    return hand_out(c, fd, st, e);
}

static int walk(struct collection *c, int dir, size_t path_len, int depth, struct err *e);

static int visit(struct collection *c, int dir, const char *name, size_t path_len, int depth,
                 struct err *e)
{
    size_t n = strlen(name), at = path_len + (path_len > 0);
    struct stat st;
    if (at + n + 1 > sizeof c->path || !utf8_valid(name, n) ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        c->refused_count++;
        return 0;
    }
    bool is_dir = S_ISDIR(st.st_mode), careful = layer_on(c->k->maker.layers_off, LAYER_COLLECTOR);
    if (careful && !is_dir && !S_ISREG(st.st_mode)) {
        c->refused_count++; /* links, devices, fifos, sockets */
        return 0;
    }
    auto_fd_ int fd = open_beneath(careful, dir, name, is_dir ? O_RDONLY | O_DIRECTORY : O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) != is_dir ||
        (!is_dir && !S_ISREG(st.st_mode)) || (careful && !is_dir && st.st_nlink != 1) ||
        (is_dir && depth >= BOX_COLLECT_DEPTH_MAX)) {
        c->refused_count++;
        return 0;
    }
    if (path_len > 0)
        c->path[path_len] = '/';
    memcpy(c->path + at, name, n + 1);
    int r = is_dir ? walk(c, fd, at + n, depth + 1, e) : offer(c, fd, &st, e);
    c->path[path_len] = '\0';
    return r;
}

static int walk(struct collection *c, int dir, size_t path_len, int depth, struct err *e)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = own >= 0 ? fdopendir(own) : NULL;
    if (d == NULL) {
        err_sys(e, "read a directory of the cell");
        close_fd(&own);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (c->entry_count++ >= ENTRIES_MAX)
            return err_input(e, "files: more than %d entries", (int)ENTRIES_MAX);
        if (visit(c, dir, entry->d_name, path_len, depth, e) < 0)
            return -1;
    }
    return 0;
}

int keeper_collect(struct keeper *k, int64_t max_bytes, struct err *e)
{
    if (!k->kept.built)
        return err_input(e, "collect: no files are kept");
    auto_fd_ int box = -1;
    if (cell_open_box(&k->kept, &box, e) < 0)
        return -1;
    struct collection c = { .k = k, .left_bytes = max_bytes };
    if (walk(&c, box, 0, 1, e) < 0)
        return -1;
    wire_put_files_end(&k->space->out, c.refused_count);
    return wire_send(k->options->sock, &k->space->out, NULL, 0, e);
}
