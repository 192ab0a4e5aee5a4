/*
 * inside_probe.c - the proof that a cell is closed, told by a process in it. Runs in the program's
 * place, after every drop and under the filter; reports what it sees. The keeper compares, adds
 * what only it can see, and refuses to start when a row fails.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/inside.h"

/* What the checks are given: the rest of argv. */
struct probe {
    char *const *host_namespaces;
    bool one_id; /* rootless without subordinate ids */
};

#define SEEN(row, ...) snprintf((row)->seen, sizeof(row)->seen, __VA_ARGS__)

static void read_small(const char *path, char *buf, size_t size)
{
    auto_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, size - 1) : -1;
    buf[n > 0 ? n : 0] = '\0';
}

/* The rest of the line of /proc/self/status that begins with `name`. */
static void status_field(const char *name, char *ret, size_t size)
{
    char text[4096];
    read_small("/proc/self/status", text, sizeof text);
    const char *p = strstr(text, name);
    ret[0] = '\0';
    if (p == NULL)
        return;
    p += strlen(name);
    p += strspn(p, ":\t ");
    snprintf(ret, size, "%.*s", (int)strcspn(p, "\n"), p);
}

static bool differs(const struct probe *p, const char *kind, struct box_proof_row *row)
{
    char path[64], link[64] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n < 0) {
        SEEN(row, "%s: %s", path, strerrorname_np(errno));
        return false;
    }
    SEEN(row, "%s", link);
    for (char *const *h = p->host_namespaces; *h != NULL; h++)
        if (strncmp(*h, link, strlen(kind) + 1) == 0)
            return strcmp(*h, link) != 0;
    return false;
}

#define NAMESPACE_CHECK(kind)                                                                      \
    static bool check_##kind##_ns(const struct probe *p, struct box_proof_row *row)                \
    {                                                                                              \
        return differs(p, #kind, row);                                                             \
    }
NAMESPACE_CHECK(user)
NAMESPACE_CHECK(pid)
NAMESPACE_CHECK(mnt)
NAMESPACE_CHECK(net)
NAMESPACE_CHECK(ipc)
NAMESPACE_CHECK(uts)
NAMESPACE_CHECK(cgroup)
NAMESPACE_CHECK(time)

static bool check_ids(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    uid_t u[3];
    gid_t g[3], list[64];
    int count = getgroups((int)ARRAY_COUNT(list), list), groups = count < 0 ? 64 : 0;
    if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
        return false;
    for (int i = 0; i < count; i++)
        groups += list[i] != g[0]; /* one id: a login lists the caller's own group, too */
    SEEN(row, "uid %u gid %u, %d other groups", u[0], g[0], groups);
    bool same = u[1] == u[0] && u[2] == u[0] && g[1] == g[0] && g[2] == g[0];
    return same && u[0] == INSIDE_USER_ID && g[0] == INSIDE_USER_ID && groups == 0;
}

static bool check_map(const struct probe *p, struct box_proof_row *row)
{
    char text[256];
    read_small("/proc/self/uid_map", text, sizeof text);
    int own = 0;
    long count_sum = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        long inner = -1, outer = -1, count = -1;
        if (sscanf(line, "%ld %ld %ld", &inner, &outer, &count) == 3)
            own += outer != 0;
        count_sum += count;
    }
    SEEN(row, "%ld mapped, %d of them not the keeper's own", count_sum, own);
    return p->one_id ? count_sum == 1 : own == 2 && count_sum == 2;
}

/* With ids of its own, init cannot be signalled at all; with one id the kernel drops what a pid
 * namespace sends its pid 1. */
static bool check_init(const struct probe *p, struct box_proof_row *row)
{
    int killed = kill(1, SIGKILL) == 0 ? 0 : errno;
    auto_fd_ int fd = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
    int opened = fd >= 0 ? 0 : errno;
    SEEN(row, "signal: %s, read: %s", killed != 0 ? strerrorname_np(killed) : "without effect",
         opened != 0 ? strerrorname_np(opened) : "allowed");
    return getpid() != 1 && (killed == EPERM || p->one_id) && opened != 0;
}

static bool check_capabilities(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    static const char *const names[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char value[64];
        status_field(names[i], value, sizeof value);
        if (value[0] == '\0' || strspn(value, "0") != strlen(value)) {
            SEEN(row, "%s %s", names[i], value);
            return false;
        }
    }
    SEEN(row, "all five sets are empty");
    return true;
}

static bool check_no_new_privs(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    char value[32];
    status_field("NoNewPrivs", value, sizeof value);
    SEEN(row, "NoNewPrivs %s", value);
    return strcmp(value, "1") == 0;
}

static bool check_seccomp(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    char value[32];
    status_field("Seccomp", value, sizeof value);
    int unknown = syscall(1023) == 0 ? 0 : errno;
    int clone3 = syscall(SYS_clone3, NULL, 0) >= 0 ? 0 : errno;
    SEEN(row, "mode %s, unknown call %s, clone3 %s", value, strerrorname_np(unknown),
         strerrorname_np(clone3));
    return strcmp(value, "2") == 0 && unknown == ENOSYS && clone3 == ENOSYS;
}

static bool check_root(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    struct statfs fs;
    if (statfs("/", &fs) < 0)
        return false;
    auto_fd_ int fd = open("/minos-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    SEEN(row, "%s, create: %s", fs.f_type == OVERLAYFS_SUPER_MAGIC ? "overlay" : "no overlay",
         fd >= 0 ? "allowed" : strerrorname_np(errno));
    return fs.f_type == OVERLAYFS_SUPER_MAGIC && fd < 0;
}

static bool check_host_paths(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    static const char *const paths[] = { "/sys",    "/run",       "/var/log",    "/boot",
                                         "/home",   "/root",      "/etc/shadow", "/cells",
                                         "/images", "/artifacts", "/host-usr" };
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        if (access(paths[i], F_OK) == 0 || errno != ENOENT) {
            SEEN(row, "%s is there", paths[i]);
            return false;
        }
    SEEN(row, "%zu paths looked for, none there", ARRAY_COUNT(paths));
    return true;
}

static bool check_usr(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    struct statvfs v;
    if (access("/usr", F_OK) < 0) {
        SEEN(row, "no /usr in this image");
        return true;
    }
    if (statvfs("/usr", &v) < 0)
        return false;
    auto_fd_ int fd = open("/usr/minos-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    SEEN(row, "create: %s", fd >= 0 ? "allowed" : strerrorname_np(errno));
    return fd < 0 && (v.f_flag & ST_NOSUID) != 0;
}

static bool check_proc(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    auto_dir_ DIR *d = opendir("/proc");
    if (d == NULL) {
        SEEN(row, "/proc: %s", strerrorname_np(errno));
        return false;
    }
    int own = 0, foreign = 0, facts = 0;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        bool numeric = end != entry->d_name && *end == '\0';
        own += numeric && pid == (long)getpid();
        foreign += numeric && pid != (long)getpid();
        facts += !numeric && entry->d_name[0] != '.' && strcmp(entry->d_name, "self") != 0 &&
                 strcmp(entry->d_name, "thread-self") != 0;
    }
    SEEN(row, "%d own, %d foreign processes, %d other entries", own, foreign, facts);
    return own == 1 && foreign == 0 && facts == 0;
}

static bool check_dev(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    static const char allowed[] = " null zero full random urandom fd stdin stdout stderr shm . .. ";
    auto_dir_ DIR *d = opendir("/dev");
    int count = 0;
    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL; count++) {
        char name[NAME_MAX + 3];
        snprintf(name, sizeof name, " %s ", entry->d_name);
        if (strstr(allowed, name) == NULL) {
            SEEN(row, "/dev/%.60s", entry->d_name);
            return false;
        }
    }
    SEEN(row, "%d entries", count - 2);
    return count > 2;
}

static bool check_mount_flags(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    static const struct {
        const char *path;
        unsigned long flags;
    } rows[] = { { "/", ST_NOSUID | ST_NODEV },
                 { "/box", ST_NOSUID | ST_NODEV },
                 { "/tmp", ST_NOSUID | ST_NODEV },
                 { "/proc", ST_NOSUID | ST_NODEV | ST_NOEXEC },
                 { "/dev", ST_NOSUID | ST_NOEXEC | ST_RDONLY } };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct statvfs v;
        if (statvfs(rows[i].path, &v) < 0 || (v.f_flag & rows[i].flags) != rows[i].flags) {
            SEEN(row, "%s lacks one", rows[i].path);
            return false;
        }
    }
    SEEN(row, "on /, /box, /tmp, /proc and /dev");
    return true;
}

static bool check_network(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    auto_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifconf conf;
    struct ifreq interfaces[8];
    conf.ifc_len = sizeof interfaces;
    conf.ifc_req = interfaces;
    if (fd < 0 || ioctl(fd, SIOCGIFCONF, &conf) < 0) {
        SEEN(row, "socket: %s", strerrorname_np(errno));
        return fd < 0;
    }
    struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(53) };
    out.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, reserved for documentation */
    int r = connect(fd, (struct sockaddr *)&out, sizeof out) == 0 ? 0 : errno;
    size_t count = (size_t)conf.ifc_len / sizeof interfaces[0];
    SEEN(row, "%zu interface up (%s), route out: %s", count,
         count > 0 ? interfaces[0].ifr_name : "-", r == 0 ? "there is one" : strerrorname_np(r));
    return count == 1 && strcmp(interfaces[0].ifr_name, "lo") == 0 && r == ENETUNREACH;
}

static bool check_groups(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    char text[2048];
    read_small("/proc/self/cgroup", text, sizeof text);
    int lines = 0, rooted = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *path = strrchr(line, ':');
        lines++;
        rooted += path != NULL && strcmp(path, ":/") == 0;
    }
    SEEN(row, "%d of %d hierarchies begin at the cell", rooted, lines);
    return lines > 0 && access("/sys/fs/cgroup", F_OK) < 0;
}

static bool check_descriptors(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    int open_count = 0;
    for (int fd = 3; fd < 1024; fd++)
        open_count += fcntl(fd, F_GETFD) >= 0;
    SEEN(row, "%d beside 0, 1 and 2", open_count);
    return open_count == 0;
}

static bool check_hostname(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    SEEN(row, "%s", name);
    return strcmp(name, "minos") == 0;
}

static bool check_clocks(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    SEEN(row, "up for %lld.%03ld s", (long long)ts.tv_sec, ts.tv_nsec / 1000000);
    return ts.tv_sec < 60;
}

static bool check_rlimits(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    struct rlimit core = { 2, 2 }, files = { 0, RLIM_INFINITY };
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    SEEN(row, "core %" PRIu64 ", open files %" PRIu64, (uint64_t)core.rlim_max,
         (uint64_t)files.rlim_max);
    return core.rlim_max <= 1 && files.rlim_max <= 4096;
}

static bool check_session(const struct probe *p, struct box_proof_row *row)
{
    (void)p;
    auto_fd_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    SEEN(row, "session of its own: %s, terminal: %s", getsid(0) == getpid() ? "yes" : "no",
         tty >= 0 ? "there is one" : strerrorname_np(errno));
    return getsid(0) == getpid() && tty < 0;
}

static const struct {
    const char *layer, *claim, *mend;
    bool (*check)(const struct probe *p, struct box_proof_row *row);
} checks[] = {
#define PROBE(layer, claim, check, mend) { layer, claim, mend, check },
#include "sandbox/probe.def"
#undef PROBE
};

static int look(char *const *argv)
{
    struct probe p = { .host_namespaces = argv };
    for (char *const *a = argv; *a != NULL; a++)
        p.one_id = p.one_id || strcmp(*a, "one-id") == 0;
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        struct box_proof_row row = { .ok = false };
        snprintf(row.layer, sizeof row.layer, "%s", checks[i].layer);
        snprintf(row.claim, sizeof row.claim, "%s", checks[i].claim);
        row.ok = checks[i].check(&p, &row);
        if (!row.ok)
            snprintf(row.mend, sizeof row.mend, "%s", checks[i].mend);
        if (write(STDOUT_FILENO, &row, sizeof row) != (ssize_t)sizeof row)
            return 1;
    }
    return 0;
}

static int attack(char *const *argv)
{
    (void)argv;
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return 0; /* still here: the keeper sees it */
}

static int eat_memory(char *const *argv)
{
    (void)argv;
    enum { STEP = 1 << 20, STEPS = 256 };
    for (int i = 0; i < STEPS; i++) {
        volatile char *p =
            mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return 2;
        for (int at = 0; at < STEP; at += 4096)
            p[at] = 1;
    }
    return 0;
}

static int burn_cpu(char *const *argv)
{
    (void)argv;
    for (struct timespec ts = { 0 }; ts.tv_sec < 5;)
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return 0;
}

/* As many children as the limit lets through; the exit code is how many. */
static int fork_many(char *const *argv)
{
    (void)argv;
    int count = 0;
    while (count < 64) {
        pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        if (pid < 0)
            break;
        count++;
    }
    return count;
}

int inside_probe(char *const *argv)
{
    static const struct {
        const char *name;
        int (*run)(char *const *argv);
    } verbs[] = { { "look", look },
                  { "attack", attack },
                  { "memory", eat_memory },
                  { "cpu", burn_cpu },
                  { "processes", fork_many } };
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (strcmp(argv[0], verbs[i].name) == 0)
            return verbs[i].run(argv + 1);
    return 125;
}
