/*
 * keeper_furnish.h - what a job finds in its cell's /box: its artifact, then the files it was sent.
 *
 * Of an artifact, directories are made anew and small files copied into the cell's tmpfs; a large
 * file is mounted there, read-only, out of an overlay of this keeper's own, whose inodes (locks,
 * watches) no other slot meets. None of it is the program's own. An overlay on /box itself
 * would hold the names of whatever the program has there, for each time it opens it, charged to
 * nobody (docs/THREATS.md).
 *
 * The artifact of the last job is kept as it was found: the next job's is often the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "sandbox/keeper_user.h"

enum {
    FURNISH_COPY_MAX_BYTES = 64 << 10,  /* a larger file is mounted */
    FURNISH_COPIES_MAX_BYTES = 1 << 20, /* so is one that would be more than this together */
    FURNISH_ENTRIES_MAX = 8 * BOX_COLLECT_FILES_MAX,
    FURNISH_BATCH = 64, /* files mounted at once */
};

struct furnish_entry {
    char *path; /* relative to /box */
    enum furnish_way { FURNISH_DIRECTORY, FURNISH_COPY, FURNISH_MOUNT } way;
    int64_t bytes;
    bool executable;
    struct timespec changed;
};

/* An artifact as it was found. Its directory is the client's: nothing found is true later on. */
struct furnish_artifact {
    char name[65];  /* "" for none */
    int dir_fd;     /* -1: none */
    int overlay_fd; /* its root, attached in the keeper's namespace; -1: nothing to be mounted */
    bool local;     /* on a file system that nobody serves from elsewhere */
    uid_t owner;    /* its directory's, the client */
    dev_t device;
    ino_t inode;
    struct timespec changed;
    struct furnish_entry *entries;
    size_t entry_count, file_count;
    int64_t copied_bytes; /* in whole pages: what it takes of the cell's tmpfs */
};

void furnish_init(struct furnish_artifact *a); /* none */
void furnish_done(struct furnish_artifact *a); /* in the keeper's namespace; none afterwards */

/* In the keeper's namespace: let `a` be the artifact of that name (64 hex digits) below /artifacts.
 * ERR_INPUT: it is no directory, or holds more than box_collect hands out. */
must_check_ int furnish_look(struct furnish_artifact *a, const char *artifact, struct err *e);

/* Fails, and looks into nothing, unless `a` is the artifact of that name, and as it was found. */
must_check_ int furnish_still(const struct furnish_artifact *a, const char *artifact,
                              struct err *e);

/* Whether the artifact of that name was looked at last. */
bool furnish_is(const struct furnish_artifact *a, const char *artifact);

/* Some of an artifact's entries, [first, end), with the mounts for them. */
struct furnish_batch {
    size_t first, end;
    int trees[FURNISH_BATCH];
    size_t tree_count;
};

#define auto_batch_ __attribute__((cleanup(furnish_batch_done)))

/* In the keeper's namespace: the entries from `first` on, as many as are laid at once. */
must_check_ int furnish_take(const struct furnish_artifact *a, size_t first,
                             struct furnish_batch *ret, struct err *e);
void furnish_batch_done(struct furnish_batch *b);

/* In the cell's mount namespace, before anything of the job has run. */
must_check_ int furnish_lay(const struct furnish_artifact *a, const struct furnish_batch *b,
                            const struct keeper_user *user, struct err *e);
must_check_ int furnish_files(const struct box_file *files, size_t count,
                              const struct keeper_user *user, struct err *e);

/* Is the file at `path`, of which the cell's layer says `st`, as furnish_lay left it? */
bool furnish_untouched(int artifact_fd, const char *path, const struct stat *st);

/* What lies below a mounted file in the cell's layer, which the program cannot reach; elsewhere
 * than furnish_lay left it, it has nothing of the file's. */
static inline bool furnish_is_cover(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & 07777) == S_ISVTX;
}
