/* keeper_user.c - choosing ids for cells, and becoming root of a user namespace where the caller is
 * not the host's; runs in the keeper, once. */
#include "sandbox/keeper_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"

enum { SUBID_FILE_MAX_BYTES = 1 << 20, SUBID_WANTED = 65536, NAME_BYTES = 256 };

struct subid_range {
    int64_t first, count; /* count 0: none */
};

/* "name:first:count" for our name or number. See subuid(5). */
static bool parse_line(char *line, const char *name, const char *number, struct subid_range *ret)
{
    char *save = NULL;
    const char *who = strtok_r(line, ":", &save);
    const char *first = strtok_r(NULL, ":", &save);
    const char *count = strtok_r(NULL, ":", &save);
    struct err ignored;
    if (who == NULL || first == NULL || count == NULL ||
        (strcmp(who, name) != 0 && strcmp(who, number) != 0))
        return false;
    return units_parse_int(first, 1, UINT32_MAX, &ret->first, &ignored) == 0 &&
           units_parse_int(count, 2, UINT32_MAX, &ret->count, &ignored) == 0;
}

/* Of /etc/passwd alone, so that this program needs no name service; empty when it is not there. Who
 * comes from a directory is found by number. */
static void own_name(char name[NAME_BYTES])
{
    name[0] = '\0';
    FILE *f = fopen("/etc/passwd", "re");
    if (f == NULL)
        return;
    for (const struct passwd *pw = fgetpwent(f); pw != NULL; pw = fgetpwent(f))
        if (pw->pw_uid == getuid()) {
            snprintf(name, NAME_BYTES, "%s", pw->pw_name);
            break;
        }
    fclose(f);
}

static struct subid_range find_range(const char *file)
{
    struct subid_range range = { 0, 0 };
    struct err ignored;
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    char number[24];
    snprintf(number, sizeof number, "%u", getuid());
    char name[NAME_BYTES];
    own_name(name);
    if (io_read_file(AT_FDCWD, file, SUBID_FILE_MAX_BYTES, &b, &ignored) < 0 || b.data == NULL)
        return range;
    for (char *save = NULL, *line = strtok_r(b.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        if (parse_line(line, name, number, &range))
            return range;
    return (struct subid_range){ 0, 0 };
}

/* newuidmap PID 0 OUR_ID 1 1 FIRST COUNT: set-id programs that check /etc/subuid themselves. */
static int run_mapper(const char *program, pid_t pid, unsigned own_id, struct subid_range range)
{
    char pid_text[24], own[24], first[24], count[24];
    snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
    snprintf(own, sizeof own, "%u", own_id);
    snprintf(first, sizeof first, "%" PRId64, range.first);
    snprintf(count, sizeof count, "%" PRId64,
             range.count < SUBID_WANTED ? range.count : SUBID_WANTED);
    const char *argv[] = { program, pid_text, "0", own, "1", "1", first, count, NULL };
    static const char *const env[] = { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", NULL };
    pid_t child;
    int status;
    if (posix_spawnp(&child, program, NULL, NULL, (char *const *)(uintptr_t)argv,
                     (char *const *)(uintptr_t)env) != 0 ||
        waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* A container's root gives ids of its own away without asking anybody. */
static int write_map(const char *map, pid_t pid, struct subid_range range)
{
    char path[64], text[96];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, map);
    snprintf(text, sizeof text, "0 0 1\n1 %" PRId64 " %" PRId64 "\n", range.first, range.count);
    return io_write_file_at(AT_FDCWD, path, text);
}

/* Stays outside the new namespace, waits for it to exist, maps it. */
_Noreturn static void map_from_outside(pid_t keeper, int go_fd, unsigned uid, unsigned gid,
                                       struct subid_range uids, struct subid_range gids)
{
    char go;
    bool good = read(go_fd, &go, 1) == 1;
    if (geteuid() == 0)
        good = good && write_map("uid_map", keeper, uids) == 0 &&
               write_map("gid_map", keeper, gids) == 0;
    else
        good = good && run_mapper("newuidmap", keeper, uid, uids) == 0 &&
               run_mapper("newgidmap", keeper, gid, gids) == 0;
    _exit(good ? 0 : 1);
}

/* Returns 0 when the namespace is there and has its subordinate ids, 1 when it is there without a
 * map. */
static int unshare_mapped(struct subid_range uids, struct subid_range gids, struct err *e)
{
    int go[2];
    pid_t keeper = getpid(), child = -1;
    unsigned uid = getuid(), gid = getgid();
    if (pipe2(go, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    if (uids.count > 0 && gids.count > 0)
        child = fork();
    if (child == 0) {
        close(go[1]);
        map_from_outside(keeper, go[0], uid, gid, uids, gids);
    }
    int r = unshare(CLONE_NEWUSER);
    if (r < 0)
        err_sys(e,
                "unshare the user namespace (sysctl user.max_user_namespaces must be above 0, and "
                "kernel.unprivileged_userns_clone 1 where there is one)");
    else
        (void)!write(go[1], "g", 1);
    close(go[0]);
    close(go[1]);
    int status = 1;
    if (child > 0 && waitpid(child, &status, 0) < 0)
        status = 1;
    return r < 0 ? -1 : child > 0 && status == 0 ? 0 : 1;
}

static int map_self(unsigned uid, unsigned gid, struct err *e)
{
    char text[48];
    if (io_write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
        return err_sys(e, "write setgroups");
    snprintf(text, sizeof text, "0 %u 1\n", gid);
    if (io_write_file_at(AT_FDCWD, "/proc/self/gid_map", text) < 0)
        return err_sys(e, "write gid_map");
    snprintf(text, sizeof text, "0 %u 1\n", uid);
    if (io_write_file_at(AT_FDCWD, "/proc/self/uid_map", text) < 0)
        return err_sys(e, "write uid_map");
    return 0;
}

static int enter(struct keeper_user *u, struct subid_range uids, struct subid_range gids,
                 struct err *e)
{
    unsigned uid = getuid(), gid = getgid();
    int mapped = unshare_mapped(uids, gids, e);
    if (mapped < 0)
        return -1;
    u->one_id = mapped != 0;
    if (u->one_id && map_self(uid, gid, e) < 0)
        return -1;
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(e, "become root of the user namespace");
    if (!u->one_id && setgroups(0, NULL) < 0)
        return err_sys(e, "setgroups");
    /* Else the files of our cells in /proc belong to a root who is not us; a container's root has
     * been made undumpable by keeper_serve. */
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return err_sys(e, "stay dumpable");
    return 0;
}

/* Whoever has no audit id may take one once, and draws a session number from a counter of the whole
 * host, by which cells could tell each other things. So the keeper takes one, which its cells
 * inherit and cannot change. It fails where the kernel has no audit or a login gave us one. */
static void take_audit_id(const struct keeper_user *u)
{
    char text[24];
    snprintf(text, sizeof text, "%u", u->rootless ? 0 : u->outer_user_id);
    (void)!io_write_file_at(AT_FDCWD, "/proc/self/loginuid", text);
}

/* How many ids from 0 on this user namespace has, by a map in /proc; -1 when that cannot be read.
 * The host's first namespace has all, a container's as many as it was given. */
static int64_t count_mapped(const char *map)
{
    auto_buf_ struct buf b = { 0 };
    struct err ignored;
    int64_t next = 0;
    if (io_read_file(AT_FDCWD, map, SUBID_FILE_MAX_BYTES, &b, &ignored) < 0 || b.data == NULL)
        return -1;
    for (char *save = NULL, *line = strtok_r(b.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        int64_t first, outer, count;
        if (sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64, &first, &outer, &count) == 3 &&
            first == next)
            next += count;
    }
    return next;
}

static int64_t count_ids(void)
{
    int64_t uids = count_mapped("/proc/self/uid_map"), gids = count_mapped("/proc/self/gid_map");
    return uids < gids ? uids : gids;
}

static bool has_sys_admin(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_SYS_ADMIN & 1) != 0;
}

int keeper_user_enter(int64_t id_base, struct keeper_user *ret, struct err *e)
{
    int64_t ids = count_ids();
    bool all_ids = ids < 0 || ids >= UINT32_MAX;
    struct keeper_user u = { .rootless = geteuid() != 0 || !all_ids || !has_sys_admin() };
    struct subid_range uids = { id_base, SUBID_WANTED }, gids = uids;
    if (geteuid() != 0) {
        uids = find_range("/etc/subuid");
        gids = find_range("/etc/subgid");
    } else if (!all_ids) {
        uids = gids = (struct subid_range){ 1, ids > 2 ? ids - 1 : 0 };
    }
    if (u.rootless && enter(&u, uids, gids, e) < 0)
        return err_wrap(e, "rootless mode");
    ids = count_ids();
    int64_t pairs = ids < 0 ? SUBID_WANTED / 2 : (ids - 1) / 2;
    if (u.rootless && !u.one_id && pairs < 1)
        return err_set(e, ERR_SYS, 0,
                       "the user namespace has %" PRId64 " ids, and a cell needs two of its own",
                       ids);
    /* Two ids for each process id: no two keepers that live at once share one. */
    int64_t pid = getpid();
    if (!u.rootless)
        u.outer_root_id = (uid_t)(id_base + 2 * pid);
    else if (pairs >= 1 && !u.one_id)
        u.outer_root_id = (uid_t)(1 + 2 * (pid % pairs));
    u.outer_user_id = u.one_id ? 0 : u.outer_root_id + 1;
    take_audit_id(&u);
    *ret = u;
    return 0;
}
