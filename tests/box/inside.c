/*
 * inside.c - the program that the box tests run in a cell: one verb, then its arguments. Static, so
 * that it needs nothing of the image.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long number(const char *text)
{
    return strtol(text, NULL, 10);
}

static void put(int fd, const char *text)
{
    (void)!write(fd, text, strlen(text));
}

static void ignore(int number_of_signal)
{
    const struct sigaction action = { .sa_handler = SIG_IGN };
    sigaction(number_of_signal, &action, NULL);
}

/* --- how it ends ------------------------------------------------------------------------------ */

static int do_exit(char **args)
{
    return (int)number(args[0]);
}

static int do_raise(char **args)
{
    raise((int)number(args[0]));
    pause();
    return 99;
}

static int do_segfault(char **args)
{
    (void)args;
    volatile int *p = (volatile int *)8;
    return *p;
}

static int do_divide(char **args)
{
    return (int)(number(args[0]) / number(args[1]));
}

/* --- limits ----------------------------------------------------------------------------------- */

static int do_spin(char **args)
{
    (void)args;
    for (volatile unsigned long i = 0;; i++)
        ;
    return 0;
}

/* Spin in `n` children at once and outlive none of them. */
static int do_spin_in_children(char **args)
{
    for (long i = number(args[0]); i > 0; i--)
        if (fork() == 0)
            do_spin(args);
    while (wait(NULL) > 0)
        ;
    return 0;
}

static int do_sleep(char **args)
{
    struct timespec t = { .tv_sec = number(args[0]) / 1000,
                          .tv_nsec = number(args[0]) % 1000 * 1000000 };
    nanosleep(&t, NULL);
    return 0;
}

/* Touch so many bytes of fresh memory. */
static int do_memory(char **args)
{
    size_t len = (size_t)number(args[0]);
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 3;
    for (size_t i = 0; i < len; i += 4096)
        p[i] = 1;
    return 0;
}

/* A child takes the memory; we outlive it and end with args[1], after args[2] ms. */
static int do_memory_in_child(char **args)
{
    if (fork() == 0)
        _exit(do_memory(args));
    wait(NULL);
    do_sleep(args + 2);
    return (int)number(args[1]);
}

static int do_fill_tmp(char **args)
{
    static char block[65536];
    int fd = open("/tmp/full", O_WRONLY | O_CREAT, 0600);
    ignore(SIGXFSZ);
    for (long left = number(args[0]); left > 0; left -= (long)sizeof block)
        if (write(fd, block, sizeof block) < 0)
            return errno == ENOSPC || errno == EFBIG ? 7 : 8;
    return 0;
}

static int do_fork_bomb(char **args)
{
    (void)args;
    for (;;)
        fork();
    return 0;
}

static int do_forks(char **args)
{
    long started = 0;
    for (long i = number(args[0]); i > 0; i--) {
        pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        started += pid > 0;
    }
    printf("%ld\n", started);
    return 0;
}

/* `n` bytes to descriptor `fd`. */
static int do_write(char **args)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    int fd = (int)number(args[0]);
    for (long left = number(args[1]); left > 0;) {
        ssize_t n = write(fd, block, left < (long)sizeof block ? (size_t)left : sizeof block);
        if (n < 0)
            return 9;
        left -= n;
    }
    return 0;
}

static long deeper(long depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth > 0 ? deeper(depth - 1) + frame[0] : 0;
}

/* Use so many KiB of stack. */
static int do_stack(char **args)
{
    return deeper(number(args[0]) / 4) == 1 ? 1 : 0;
}

/* A process that leaves the session, holds the streams, ignores signals and would live for ever. */
static int do_daemon(char **args)
{
    (void)args;
    if (fork() == 0) {
        setsid();
        ignore(SIGTERM);
        ignore(SIGHUP);
        if (fork() == 0)
            for (;;)
                pause();
        _exit(0);
    }
    wait(NULL);
    put(1, "left\n");
    return 0;
}

/* --- attacks ---------------------------------------------------------------------------------- */

static int attack_ptrace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int attack_mount(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int attack_unshare(void)
{
    return (int)syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static int attack_clone_userns(void)
{
    return (int)syscall(SYS_clone, 0x10000000 | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int attack_keyctl(void)
{
    return (int)syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static int attack_bpf(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int attack_kexec(void)
{
    return (int)syscall(SYS_kexec_load, 0, 0, NULL, 0);
}

static int attack_mknod(void)
{
    return mknod("/tmp/mem", S_IFCHR | 0666, 0x0101);
}

static int attack_setuid(void)
{
    return setresuid(0, 0, 0);
}

static int attack_chroot(void)
{
    return chroot("/tmp");
}

/* Where init has the program's id the call is allowed, and the kernel keeps it from pid 1: then we
 * live on. */
static int attack_kill_init(void)
{
    if (kill(1, SIGKILL) == 0)
        usleep(50000);
    return -1;
}

static int attack_connect(void)
{
    /* 192.0.2.1: an address for documentation (RFC 5737). */
    static const unsigned char address[16] = { 2, 0, 0, 80, 192, 0, 2, 1 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof address);
}

/* Exit code 0 when the attack did work, 50 when it was refused. */
static int do_attack(char **args)
{
    static const struct {
        const char *name;
        int (*attack)(void);
    } rows[] = {
        { "ptrace", attack_ptrace },       { "mount", attack_mount },
        { "unshare", attack_unshare },     { "clone_userns", attack_clone_userns },
        { "keyctl", attack_keyctl },       { "bpf", attack_bpf },
        { "kexec", attack_kexec },         { "mknod", attack_mknod },
        { "setuid", attack_setuid },       { "chroot", attack_chroot },
        { "kill_init", attack_kill_init }, { "connect", attack_connect },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, args[0]) == 0)
            return rows[i].attack() < 0 ? 50 : 0;
    return 51;
}

/* --- looking around --------------------------------------------------------------------------- */

static int do_args(char **args)
{
    for (; *args != NULL; args++)
        printf("%s\n", *args);
    return 0;
}

static int do_env(char **args)
{
    (void)args;
    return do_args(environ);
}

static int do_descriptors(char **args)
{
    (void)args;
    for (int fd = 0; fd < 65536; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d\n", fd);
    return 0;
}

static int do_namespaces(char **args)
{
    for (; *args != NULL; args++) {
        char path[64], link[64] = "";
        snprintf(path, sizeof path, "/proc/self/ns/%s", *args);
        (void)!readlink(path, link, sizeof link - 1);
        printf("%s\n", link);
    }
    return 0;
}

/* Print those of the paths that are there. */
static int do_exists(char **args)
{
    for (; *args != NULL; args++)
        if (access(*args, F_OK) == 0)
            printf("%s\n", *args);
    return 0;
}

/* One line for each path: type (d, f, ?), mode, owner, bytes, links, sum of the bytes. */
static int do_describe(char **args)
{
    for (; *args != NULL; args++) {
        struct stat st;
        unsigned char block[65536];
        unsigned long sum = 0;
        if (lstat(*args, &st) < 0) {
            printf("%s none\n", *args);
            continue;
        }
        int fd = S_ISREG(st.st_mode) ? open(*args, O_RDONLY) : -1;
        for (ssize_t n; fd >= 0 && (n = read(fd, block, sizeof block)) > 0;)
            for (ssize_t i = 0; i < n; i++)
                sum = sum * 31 + block[i];
        close(fd);
        printf("%s %c %o %u %lld %lu %lx\n", *args,
               S_ISREG(st.st_mode)   ? 'f'
               : S_ISDIR(st.st_mode) ? 'd'
                                     : '?',
               st.st_mode & 07777, st.st_uid, (long long)st.st_size, (unsigned long)st.st_nlink,
               sum);
    }
    return 0;
}

static int do_identity(char **args)
{
    char cwd[256], host[65];
    struct timespec up;
    (void)args;
    clock_gettime(CLOCK_BOOTTIME, &up);
    gethostname(host, sizeof host);
    printf("uid %d gid %d groups %d\n", getuid(), getgid(), getgroups(0, NULL));
    printf("cwd %s\n", getcwd(cwd, sizeof cwd));
    printf("host %s\n", host);
    printf("up %s\n", up.tv_sec < 60 ? "short" : "long");
    return 0;
}

/* The pids in /proc that are not our own process, as many as there are. */
static int do_processes(char **args)
{
    (void)args;
    DIR *d = opendir("/proc");
    int others = 0;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && number(e->d_name) != getpid())
            others++;
    printf("%d\n", others);
    return 0;
}

/* --- streams and files ------------------------------------------------------------------------ */

static int do_cat(char **args)
{
    char block[65536];
    int fd = args[0] != NULL ? open(args[0], O_RDONLY) : 0;
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
        if (write(1, block, (size_t)n) != n)
            return 9;
    return fd < 0 ? 1 : 0;
}

/* Write the text to a new file; each missing directory is made. */
static int do_put(char **args)
{
    for (char *slash = strchr(args[0], '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(args[0], 0777);
        *slash = '/';
    }
    int fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC, 0777);
    put(fd, args[1]);
    return fd < 0 ? 1 : 0;
}

/* Pairs of paths, the first is renamed to the second; how many failed. */
static int do_rename(char **args)
{
    int failed = 0;
    for (; args[0] != NULL && args[1] != NULL; args += 2)
        failed += rename(args[0], args[1]) < 0;
    return failed;
}

/* What a hostile compile could leave behind, beside two honest files. */
static int do_leave(char **args)
{
    (void)args;
    char good[] = "good", deep[] = "a/b/deep", linked[] = "linked", more[] = "a/more";
    char *files[][2] = { { good, good }, { deep, deep }, { linked, linked }, { more, more } };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (do_put(files[i]) != 0)
            return 1;
    chmod("a/more", 0600);
    bool made = symlink("/etc/passwd", "symlink") == 0 && symlink("good", "a/inner") == 0 &&
                symlink("/etc", "dirlink") == 0 && link("linked", "linked-again") == 0 &&
                mkfifo("fifo", 0666) == 0;
    return made ? 0 : 2;
}

/* `n` times: write a line, read one back (first) or the other way round (second). */
static int do_ping(char **args)
{
    char c = 'p';
    for (long i = number(args[0]); i > 0; i--)
        if (write(1, &c, 1) != 1 || read(0, &c, 1) != 1)
            return 1;
    return 0;
}

static int do_pong(char **args)
{
    char c;
    long seen = 0;
    (void)args;
    while (read(0, &c, 1) == 1 && write(1, &c, 1) == 1)
        seen++;
    fprintf(stderr, "%ld\n", seen);
    return 0;
}

/* --- what might outlast it or reach others ---------------------------------------------------- */

/* Says what its predecessor left in the open file of its stdin, and leaves word there. */
static int do_stdin_word(char **args)
{
    (void)args;
    printf("%x %d\n", fcntl(0, F_GETFL) & (O_APPEND | O_NONBLOCK), fcntl(0, F_GETSIG));
    return fcntl(0, F_SETFL, O_APPEND | O_NONBLOCK) == 0 && fcntl(0, F_SETSIG, 42) == 0 ? 0 : 1;
}

/* Can it become less likely to be killed than others? */
static int do_oom_score(char **args)
{
    (void)args;
    int fd = open("/proc/self/oom_score_adj", O_RDWR);
    return fd < 0 ? 1 : write(fd, "999", 3) == 3 ? 2 : 0;
}

/* Takes as much as it gets of what the kernel counts by user, says how much, and holds it. */
static int do_hoard(char **args)
{
    (void)args;
    long watches = 0, queues = 0, signals = 0;
    struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    while (inotify_init1(0) >= 0)
        watches++;
    for (char name[32]; snprintf(name, sizeof name, "/q%ld", queues) > 0; queues++)
        if (mq_open(name, O_CREAT | O_RDWR, 0600, &attr) < 0)
            break;
    while (sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0)
        signals++;
    printf("%ld %ld %ld\n", watches, queues, signals);
    fflush(stdout);
    pause();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*verb)(char **args);
    } verbs[] = {
        { "exit", do_exit },
        { "raise", do_raise },
        { "segfault", do_segfault },
        { "divide", do_divide },
        { "spin", do_spin },
        { "spin-in-children", do_spin_in_children },
        { "sleep", do_sleep },
        { "memory", do_memory },
        { "memory-in-child", do_memory_in_child },
        { "fill-tmp", do_fill_tmp },
        { "fork-bomb", do_fork_bomb },
        { "forks", do_forks },
        { "write", do_write },
        { "stack", do_stack },
        { "daemon", do_daemon },
        { "attack", do_attack },
        { "args", do_args },
        { "env", do_env },
        { "descriptors", do_descriptors },
        { "namespaces", do_namespaces },
        { "exists", do_exists },
        { "describe", do_describe },
        { "rename", do_rename },
        { "identity", do_identity },
        { "processes", do_processes },
        { "cat", do_cat },
        { "put", do_put },
        { "leave", do_leave },
        { "ping", do_ping },
        { "pong", do_pong },
        { "stdin-word", do_stdin_word },
        { "hoard", do_hoard },
        { "oom-score", do_oom_score },
    };
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return verbs[i].verb(argv + 2);
    return 98;
}
