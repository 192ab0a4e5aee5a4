/*
 * fuzz_collect.c - any tree that a program might leave, to the collector: libFuzzer's entry (clang
 * -fsanitize=fuzzer,address).
 *
 * The bytes are orders by which a tree is built in a folder of our own: directories, files (sparse,
 * huge, with any mode), links to what lies outside, to devices and to themselves, second names, of
 * things outside, too, fifos, sockets, nodes, odd names, a mount where we may. Then it is collected
 * as a keeper does. Whatever the tree is: what is handed out is a regular file of one name on the
 * tree's own file system, read only, with the size that was told; never more files or bytes than
 * asked for; and it ends, without waiting on anything.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/keeper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { DEPTH_MAX = 24, ORDERS_MAX = 400, TIMEOUT_S = 20 };

struct input {
    const uint8_t *data;
    size_t len;
};

static unsigned take(struct input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

/* --- the tree --------------------------------------------------------------------------------- */

/* A folder with the tree in it, and beside the tree what no program may reach. */
struct ground {
    char folder[64], tree[80], outside[80];
    int at_fd; /* the directory at hand */
    int depth;
    unsigned named;
};

static const char *const targets[] = {
    "../outside", "/etc/passwd", "/dev/zero", "/proc/self/environ", ".",         "..",
    "/",          "a",           "",          "../../..",           "/dev/full", "/proc/self/fd/0"
};
static const char *const stems[] = { "a",   "b",   ".c", "new\nline", "\xff\xfe",    "\xe2\x80\xae",
                                     "..d", "-rf", " ",  "\x7f",      "utf\xc3\xa9", "%s%n" };

static const char *pick_name(struct ground *g, struct input *in, char buf[300])
{
    unsigned how = take(in);
    if (how % 16 == 15) { /* as long as may be */
        memset(buf, 'x', 255);
        buf[255] = '\0';
    } else if (how % 4 == 3) {
        snprintf(buf, 300, "%s%u", stems[how / 16 % ARRAY_COUNT(stems)], g->named++);
    } else {
        snprintf(buf, 300, "%s", stems[how / 4 % ARRAY_COUNT(stems)]);
    }
    return buf;
}

static void make_file(struct ground *g, struct input *in, const char *name)
{
    static const off_t sizes[] = { 0, 1, 4096, 100000, (off_t)1 << 32, (off_t)1 << 40, 77, 65536 };
    auto_fd_ int fd = openat(g->at_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!ftruncate(fd, sizes[take(in) % ARRAY_COUNT(sizes)]);
    (void)fchmod(fd, (mode_t)(take(in) << 8 | take(in)) & 07777);
}

static void make_socket(const struct ground *g, const char *name)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d/%s", g->at_fd, name);
    if (fd >= 0 && n < (int)sizeof sa.sun_path)
        (void)bind(fd, (struct sockaddr *)&sa, sizeof sa);
}

static void enter(struct ground *g, const char *name)
{
    int fd = openat(g->at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || g->depth >= DEPTH_MAX) {
        close_fd(&fd);
        return;
    }
    close(g->at_fd);
    g->at_fd = fd;
    g->depth++;
}

static void leave(struct ground *g)
{
    if (g->depth == 0)
        return;
    int fd = openat(g->at_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(fd >= 0);
    close(g->at_fd);
    g->at_fd = fd;
    g->depth--;
}

static void obey(struct ground *g, struct input *in)
{
    char name[300], other[300];
    unsigned order = take(in);
    pick_name(g, in, name);
    switch (order % 12) {
    case 0:
    case 1:
        make_file(g, in, name);
        break;
    case 2:
        (void)mkdirat(g->at_fd, name, 0700);
        enter(g, name);
        break;
    case 3:
        leave(g);
        break;
    case 4:
        (void)!symlinkat(targets[take(in) % ARRAY_COUNT(targets)], g->at_fd, name);
        break;
    case 5:
        (void)mkfifoat(g->at_fd, name, 0666);
        break;
    case 6:
        (void)!linkat(g->at_fd, pick_name(g, in, other), g->at_fd, name, 0);
        break;
    case 7:
        (void)!linkat(AT_FDCWD, g->outside, g->at_fd, name, 0);
        break;
    case 8:
        make_socket(g, name);
        break;
    case 9: /* a whiteout of an overlay is such a node; the others need root */
        (void)mknodat(g->at_fd, name, S_IFCHR | 0666, makedev(take(in) % 2, take(in) % 12));
        break;
    case 10:
        (void)renameat(g->at_fd, pick_name(g, in, other), g->at_fd, name);
        break;
    case 11: /* many at once */
        for (unsigned i = take(in); i > 0; i--) {
            snprintf(other, sizeof other, "m%u", g->named++);
            auto_fd_ int fd = openat(g->at_fd, other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        }
        break;
    }
}

static void build(struct ground *g, struct input *in)
{
    *g = (struct ground){ .folder = "/dev/shm/minos-fuzz-XXXXXX" };
    assert(mkdtemp(g->folder) != NULL);
    snprintf(g->tree, sizeof g->tree, "%s/tree", g->folder);
    snprintf(g->outside, sizeof g->outside, "%s/outside", g->folder);
    auto_fd_ int outside = open(g->outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert(outside >= 0 && mkdir(g->tree, 0755) == 0);
    g->at_fd = open(g->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(g->at_fd >= 0);
    for (int i = 0; i < ORDERS_MAX && in->len > 0; i++)
        obey(g, in);
    close_fd(&g->at_fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clear(const struct ground *g)
{
    int r = nftw(g->folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    assert(r == 0);
}

/* --- the client's side ------------------------------------------------------------------------ */

struct reader {
    int sock;
    dev_t device;
    ino_t outside;
    int64_t max_bytes, seen_bytes;
    size_t file_count;
    bool ended;
};

static void check_file(struct reader *r, const struct wire_message *m)
{
    struct wire_file f;
    struct err e;
    struct stat st;
    int good = wire_read_file(m, &f, &e);
    assert(good == 0);
    int flags = fcntl(m->fds[0], F_GETFL), how = fstat(m->fds[0], &st);
    assert(how == 0 && flags >= 0 && (flags & O_ACCMODE) == O_RDONLY && (flags & O_PATH) == 0);
    assert(S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_dev == r->device);
    assert(st.st_ino != r->outside && st.st_size == f.bytes);
    r->seen_bytes += f.bytes;
    r->file_count++;
    assert(r->seen_bytes <= r->max_bytes && r->file_count <= BOX_COLLECT_FILES_MAX);
}

static void *read_all(void *ctx)
{
    struct reader *r = ctx;
    auto_free_ uint8_t *buffer = malloc(WIRE_MESSAGE_MAX);
    assert(buffer != NULL);
    while (!r->ended) {
        auto_wire_ struct wire_message m = { 0 };
        struct err e;
        enum wire_type type;
        int good = wire_recv(r->sock, buffer, &m, &e);
        assert(good == 0);
        if (m.len == 0)
            return NULL;
        good = wire_message_type(&m, &type, &e);
        assert(good == 0);
        if (type == WIRE_FILE)
            check_file(r, &m);
        else
            r->ended = true;
        assert(type == WIRE_FILE || type == WIRE_FILES_END);
    }
    return NULL;
}

/* --- the keeper's ------------------------------------------------------------------------------
 */

/* In place of keeper_cell.c's: the folder's number is in the cell's pid. */
int cell_open_box(const struct cell *c, int *ret_fd, struct err *e)
{
    *ret_fd = open(c->layer_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, "open the tree") : 0;
}

static void collect(const struct ground *g, int64_t max_bytes)
{
    int pair[2];
    struct stat tree, outside;
    pthread_t thread;
    struct err e;
    int made = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    assert(made == 0 && stat(g->tree, &tree) == 0 && stat(g->outside, &outside) == 0);
    struct reader r = {
        .sock = pair[1], .device = tree.st_dev, .outside = outside.st_ino, .max_bytes = max_bytes
    };
    made = pthread_create(&thread, NULL, read_all, &r);
    assert(made == 0);
    struct keeper_options o = { .sock = pair[0] };
    auto_free_ struct keeper *k = xcalloc(1, sizeof *k);
    auto_free_ struct keeper_space *space = xcalloc(1, sizeof *space);
    k->options = &o;
    k->space = space;
    k->kept.built = true;
    /* As if all of it had been there before the program: nothing is handed out, then. */
    auto_fd_ int artifact_fd =
        max_bytes % 2 == 0 ? -1 : open(g->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    k->kept.artifact_fd = artifact_fd;
    snprintf(k->kept.layer_path, sizeof k->kept.layer_path, "%s", g->tree);
    alarm(TIMEOUT_S); /* who waits on a fifo is killed here */
    int result = keeper_collect(k, max_bytes, &e);
    alarm(0);
    close(pair[0]);
    (void)pthread_join(thread, NULL);
    close(pair[1]);
    assert(result == 0 ? r.ended : e.kind == ERR_INPUT && strncmp(e.msg, "files: ", 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    struct ground g;
    int64_t max_bytes = INT64_C(1) << take(&in) % 50;
    build(&g, &in);
    collect(&g, max_bytes);
    clear(&g);
    return 0;
}
