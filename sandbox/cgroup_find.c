/*
 * cgroup_find.c - finds the cgroup hierarchies of this host and a place in them; runs in the keeper
 * before it leaves for its own mount namespace.
 *
 * v1: below the group this process was started in, else below the mount's top group.
 * v2 has the rule that a group with processes may not share out controllers (the top excepted), so:
 *   1. this process is in a leaf `supervisor`, as systemd's DelegateSubgroup= or step 3 of an
 *      earlier keeper left it: beside that leaf;
 *   2. its own group already shares out what is needed (the top group): below it;
 *   3. its own group is ours to arrange (delegated by systemd or by its owner, the top of a
 * container's cgroup namespace, or nobody else is in it): move the processes into a leaf
 * `supervisor`, share out;
 *   4. the top of the hierarchy, if it shares out what is needed.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/cgroup_private.h"

#define SUPERVISOR "supervisor"
#define SWEEP_WAIT_NS (50 * NS_PER_MS)

enum { MOUNTINFO_BYTES_MAX = 16 << 20, PROC_CGROUP_BYTES_MAX = 1 << 20, MOUNT_FIELDS = 6 };

/* --- which hierarchies there are --- */

struct mount_row {
    char *root, *point, *type, *options; /* into the line */
};

/* proc(5): mountinfo writes blanks, tabs, newlines and backslashes as three octal digits. */
static void unescape(char *s)
{
    char *to = s;
    for (const char *p = s; *p != '\0'; to++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *to = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 4;
        } else {
            *to = *p++;
        }
    }
    *to = '\0';
}

/* `id parent dev root point options [optional...] - type source super-options` */
static bool split_mount(char *line, struct mount_row *ret)
{
    char *dash = strstr(line, " - ");
    if (dash == NULL)
        return false;
    *dash = '\0';
    char *fields[MOUNT_FIELDS];
    for (size_t i = 0; i < MOUNT_FIELDS; i++)
        if ((fields[i] = strsep(&line, " ")) == NULL)
            return false;
    char *rest = dash + 3;
    char *type = strsep(&rest, " ");
    char *source = strsep(&rest, " ");
    if (type == NULL || source == NULL || rest == NULL)
        return false;
    *ret =
        (struct mount_row){ .root = fields[3], .point = fields[4], .type = type, .options = rest };
    unescape(ret->root);
    unescape(ret->point);
    return true;
}

static unsigned controllers_of(const char *words)
{
    unsigned mask = 0;
    for (unsigned c = 0; c < CTL_COUNT; c++)
        if (cgroup_text_has_word(words, cgroup_controller_name(c)))
            mask |= CTL_BIT(c);
    return mask;
}

static void add_tree(struct cgroup_root *r, const struct mount_row *m, bool v2, unsigned mask)
{
    assert(r->tree_count < CGROUP_TREES_MAX);
    r->trees[r->tree_count++] = (struct cgroup_tree){
        .v2 = v2,
        .controllers = mask,
        .mount = xstrdup(m->point),
        .mount_root = xstrdup(m->root),
        .parent_fd = -1,
        .own_fd = -1,
    };
}

/* What v2 at this mount can give: its controllers, and cpu.stat, which needs none. */
static unsigned v2_controllers(const struct mount_row *m)
{
    auto_fd_ int fd = open(m->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[CGROUP_TEXT_BYTES];
    if (fd < 0 || cgroup_read_text_at(fd, "cgroup.controllers", text) < 0)
        return 0;
    return controllers_of(text) | CTL_BIT(CTL_CPUACCT);
}

static int complain_missing(unsigned missing, struct err *e)
{
    unsigned c = 0;
    while ((missing & CTL_BIT(c)) == 0)
        c++;
    const char *name = cgroup_controller_name(c);
    return err_set(e, ERR_SYS, 0,
                   "the cgroup controller `%s` is neither mounted (v1) nor offered (v2): boot "
                   "without cgroup_disable=%s, or mount it: mount -t cgroup -o %s cgroup "
                   "/sys/fs/cgroup/%s",
                   name, name, name, name);
}

static int find_mounts(struct cgroup_root *r, struct err *e)
{
    auto_buf_ struct buf text;
    buf_init(&text, 0);
    if (io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, &text, e) < 0)
        return -1;
    if (text.len == 0)
        return complain_missing(CTL_ALL, e);
    unsigned found = 0;
    struct mount_row v2 = { 0 };
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        struct mount_row m;
        if (!split_mount(line, &m))
            continue;
        if (strcmp(m.type, "cgroup2") == 0 && v2.point == NULL)
            v2 = m;
        unsigned mask = strcmp(m.type, "cgroup") == 0 ? controllers_of(m.options) & ~found : 0;
        if (mask != 0)
            add_tree(r, &m, false, mask);
        found |= mask;
    }
    r->hybrid = found != 0 && v2.point != NULL;
    unsigned rest_mask = v2.point == NULL ? 0 : v2_controllers(&v2) & ~found & CTL_ALL;
    if (rest_mask != 0)
        add_tree(r, &v2, true, rest_mask);
    unsigned missing = CTL_ALL & ~(found | rest_mask);
    return missing != 0 ? complain_missing(missing, e) : 0;
}

/* The part of `path` below `top`, "" when it is not below. */
static const char *path_below(const char *path, const char *top)
{
    size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (strncmp(path, top, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return "";
    path += len;
    /* "/.." says that the group is outside of this process's cgroup namespace */
    return strcmp(path, "/") == 0 || strncmp(path, "/..", 3) == 0 ? "" : path;
}

/* Fill t->self from the lines `id:controllers:path` of /proc/self/cgroup; v2 has id 0 and no
 * controllers. */
static int find_self(struct cgroup_tree *t, struct err *e)
{
    auto_buf_ struct buf text;
    buf_init(&text, 0);
    if (io_read_file(AT_FDCWD, "/proc/self/cgroup", PROC_CGROUP_BYTES_MAX, &text, e) < 0)
        return -1;
    const char *path = "/";
    char *rest = text.data;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        const char *id = strsep(&line, ":");
        const char *names = strsep(&line, ":");
        if (names == NULL || line == NULL)
            continue;
        bool match = t->v2 ? strcmp(id, "0") == 0 : (controllers_of(names) & t->controllers) != 0;
        if (match)
            path = line;
    }
    t->self = xstrdup(path_below(path, t->mount_root));
    return 0;
}

int cgroup_find_trees(struct cgroup_root *r, struct err *e)
{
    if (find_mounts(r, e) < 0)
        return -1;
    for (size_t i = 0; i < r->tree_count; i++)
        if (find_self(&r->trees[i], e) < 0)
            return -1;
    return 0;
}

/* --- v2: sharing out controllers --- */

/* The controllers of t that `file` of the group lacks. */
static unsigned lacking(const struct cgroup_tree *t, int dir_fd, const char *file)
{
    unsigned need = t->controllers & ~CTL_BIT(CTL_CPUACCT);
    char text[CGROUP_TEXT_BYTES];
    if (need == 0)
        return 0;
    return cgroup_read_text_at(dir_fd, file, text) < 0 ? need : need & ~controllers_of(text);
}

static int share_out(const struct cgroup_tree *t, int dir_fd, unsigned controllers)
{
    unsigned lack = lacking(t, dir_fd, "cgroup.subtree_control") & controllers;
    for (unsigned c = 0; c < CTL_COUNT; c++) {
        char word[16];
        snprintf(word, sizeof word, "+%s", cgroup_controller_name(c));
        if ((lack & CTL_BIT(c)) != 0 &&
            io_write_file_at(dir_fd, "cgroup.subtree_control", word) < 0)
            return -1;
    }
    return 0;
}

/* systemd marks what it hands over, systemd.resource-control(5) Delegate=; others give an ordinary
 * user a group by making it its owner, cgroups(7). */
static bool is_delegated(int dir_fd)
{
    char v[4];
    struct stat st;
    return fgetxattr(dir_fd, "trusted.delegate", v, sizeof v) > 0 ||
           fgetxattr(dir_fd, "user.delegate", v, sizeof v) > 0 ||
           (geteuid() != 0 && fstat(dir_fd, &st) == 0 && st.st_uid == geteuid());
}

/* Only the true top of the hierarchy has no cgroup.type. */
static bool is_true_top(int dir_fd)
{
    return faccessat(dir_fd, "cgroup.type", F_OK, 0) < 0;
}

static int is_other(void *ctx, pid_t pid)
{
    bool *others = ctx;
    *others = *others || pid != getpid();
    return 0;
}

static bool is_alone(int dir_fd)
{
    bool others = false;
    return cgroup_each_process(dir_fd, is_other, &others) == 1 && !others;
}

static int move_one(void *ctx, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    return io_write_file_at(*(int *)ctx, "cgroup.procs", text) < 0 && errno != ESRCH ? 1 : 0;
}

/* Processes may be born between two readings, so look until the group is empty. */
static int move_into_supervisor(int dir_fd)
{
    if (mkdirat(dir_fd, SUPERVISOR, 0755) < 0 && errno != EEXIST)
        return -1;
    auto_fd_ int leaf_fd = openat(dir_fd, SUPERVISOR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (leaf_fd < 0)
        return -1;
    for (int i = 0; i < 10; i++) {
        int n = cgroup_each_process(dir_fd, move_one, &leaf_fd);
        if (n <= 0)
            return n;
    }
    errno = EBUSY;
    return -1;
}

/* --- trying places --- */

/* How far a parent may be changed to make it usable. */
enum ownership { NOT_OURS, OURS_TO_SHARE, OURS_TO_ARRANGE };

struct place {
    const char *path; /* below the mount, "" for the mount itself */
    enum ownership ours;
};

static int complain_place(const struct cgroup_tree *t, const char *path, struct err *e)
{
    unsigned c = 0;
    while ((t->controllers & CTL_BIT(c)) == 0)
        c++;
    return err_sys(
        e,
        "cgroup %s, controller %s: make a group in %s (run as root, or make one there, give "
        "it to this user by chown and name it in box.cgroup)",
        t->v2 ? "v2" : "v1", cgroup_controller_name((enum cgroup_controller)c), path);
}

static void put_controllers(struct buf *b, unsigned mask, const char *before)
{
    for (unsigned c = 0; c < CTL_COUNT; c++)
        if ((mask & CTL_BIT(c)) != 0)
            buf_printf(b, "%s%s%s", b->len > 0 ? " " : "", before, cgroup_controller_name(c));
}

/* The group was not given them itself: nothing that is done in it can help. */
static int complain_not_given(const char *path, unsigned lack, struct err *e)
{
    auto_buf_ struct buf words = { 0 };
    put_controllers(&words, lack, "");
    return err_set(
        e, ERR_SYS, 0,
        "cgroup v2: %s is not given %s by the group above it: for systemd's user manager "
        "set `Delegate=cpu memory pids` in [Service] by `systemctl edit user@.service`; "
        "in a container, let its engine have them",
        path, buf_text(&words));
}

static int complain_lacking(const char *path, unsigned lack, struct err *e)
{
    auto_buf_ struct buf words = { 0 };
    put_controllers(&words, lack, "+");
    return err_set(e, ERR_SYS, 0,
                   "cgroup v2: %s does not share out %s to groups below it: start minos in a group "
                   "of its own (a systemd unit with Delegate=yes, or systemd-run %s-p Delegate=yes "
                   "--pipe), or: echo '%s' > %s/cgroup.subtree_control",
                   path, buf_text(&words), geteuid() == 0 ? "" : "--user ", buf_text(&words), path);
}

static int prepare_v2(const struct cgroup_tree *t, int dir_fd, const char *path,
                      enum ownership ours, struct err *e)
{
    if (ours == OURS_TO_ARRANGE && lacking(t, dir_fd, "cgroup.subtree_control") != 0 &&
        move_into_supervisor(dir_fd) < 0)
        return err_sys(
            e, "cgroup v2: move the processes of %s into its child " SUPERVISOR "%s", path,
            errno == EROFS ? " (in a container: mount its control groups read-write)" : "");
    if (ours != NOT_OURS && share_out(t, dir_fd, CTL_ALL) < 0 && errno != ENOENT && errno != EBUSY)
        return err_sys(e, "cgroup v2: share out controllers in %s", path);
    unsigned lack = lacking(t, dir_fd, "cgroup.subtree_control");
    if (lack == 0)
        return 0;
    unsigned not_given = lacking(t, dir_fd, "cgroup.controllers");
    return not_given != 0 ? complain_not_given(path, not_given, e)
                          : complain_lacking(path, lack, e);
}

/* Make our group in the directory; on failure nothing of ours is left there. */
static int try_place(const struct cgroup_root *r, struct cgroup_tree *t, const struct place *p,
                     struct err *e)
{
    auto_free_ char *path = xasprintf("%s%s", t->mount, p->path);
    auto_fd_ int parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return err_sys(e, "open the group %s", path);
    if (t->v2 && prepare_v2(t, parent_fd, path, p->ours, e) < 0)
        return -1;
    cgroup_sweep(parent_fd, SWEEP_WAIT_NS);
    if (mkdirat(parent_fd, r->name, 0755) < 0)
        return complain_place(t, path, e);
    auto_fd_ int own_fd = openat(parent_fd, r->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own_fd < 0 || (t->v2 && share_out(t, own_fd, CTL_OF_CELLS) < 0)) {
        err_sys(e, "cgroup: set up %s/%s", path, r->name);
        unlinkat(parent_fd, r->name, AT_REMOVEDIR);
        return -1;
    }
    t->parent = take_ptr(&path);
    t->parent_fd = take_fd(&parent_fd);
    t->own_fd = take_fd(&own_fd);
    return 0;
}

/* The parent of a leaf that is named supervisor, else NULL; heap. */
static char *beside_supervisor(const char *self)
{
    const char *slash = strrchr(self, '/');
    if (slash == NULL || strcmp(slash + 1, SUPERVISOR) != 0)
        return NULL;
    return xstrndup(self, (size_t)(slash - self));
}

static enum ownership ownership_of(const struct cgroup_tree *t)
{
    auto_free_ char *path = xasprintf("%s%s", t->mount, t->self);
    auto_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || is_true_top(fd))
        return NOT_OURS;
    bool namespace_top = t->self[0] == '\0';
    return namespace_top || is_delegated(fd) || is_alone(fd) ? OURS_TO_ARRANGE : NOT_OURS;
}

/* All places that "auto" means, best first; the error is that of the first. */
static int try_auto(const struct cgroup_root *r, struct cgroup_tree *t, struct err *e)
{
    auto_free_ char *beside = t->v2 ? beside_supervisor(t->self) : NULL;
    struct place places[3];
    size_t count = 0;
    if (beside != NULL)
        places[count++] = (struct place){ beside, OURS_TO_SHARE };
    places[count++] = (struct place){ t->self, t->v2 ? ownership_of(t) : NOT_OURS };
    if (t->self[0] != '\0')
        places[count++] = (struct place){ "", NOT_OURS };
    for (size_t i = 0; i < count; i++) {
        struct err later;
        if (try_place(r, t, &places[i], i == 0 ? e : &later) == 0)
            return 0;
    }
    return -1;
}

/* A path in the file system that is at or below this tree's mount, or else a group's name that
 * counts from the top of each. */
static int try_given(const struct cgroup_root *r, struct cgroup_tree *t, const char *parent,
                     struct err *e)
{
    if (parent[0] != '/' || strstr(parent, "/../") != NULL)
        return err_input(e, "box.cgroup: expected `auto` or an absolute path without `..`, got %s",
                         parent);
    size_t len = strlen(t->mount);
    bool below = strncmp(parent, t->mount, len) == 0 && (parent[len] == '/' || !parent[len]);
    struct place p = { below ? parent + len : parent, OURS_TO_SHARE };
    if (strcmp(p.path, "/") == 0)
        p.path = "";
    return try_place(r, t, &p, e) < 0 ? err_wrap(e, "box.cgroup") : 0;
}

int cgroup_place_tree(struct cgroup_root *r, struct cgroup_tree *t, const char *parent,
                      struct err *e)
{
    return strcmp(parent, "auto") == 0 ? try_auto(r, t, e) : try_given(r, t, parent, e);
}
