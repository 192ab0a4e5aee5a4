/* keeper_image.c - making the "host" image's skeleton; runs as root in the keeper, before any
 * program. */
#include "sandbox/keeper_image.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

enum { ETC_FILE_MAX_BYTES = 4 << 20, ETC_DEPTH_MAX = 8 };

static const char *const etc_patterns[] = {
#define HOST_ETC(name, reason) name,
#define HOST_VAR_LIB(name, reason)
#include "sandbox/host_etc.def"
#undef HOST_ETC
#undef HOST_VAR_LIB
};

static const char *const var_lib_names[] = {
#define HOST_ETC(name, reason)
#define HOST_VAR_LIB(name, reason) name,
#include "sandbox/host_etc.def"
#undef HOST_ETC
#undef HOST_VAR_LIB
};

static const struct {
    const char *name, *text;
} etc_files[] = {
    { "passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                "minos:x:1000:1000:minos:/box:/bin/sh\n"
                "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n" },
    { "group", "root:x:0:\nminos:x:1000:\nnogroup:x:65534:\n" },
    { "hosts", "127.0.0.1 localhost minos\n::1 localhost minos\n" },
    { "hostname", "minos\n" },
    { "host.conf", "multi on\n" },
    { "resolv.conf", "" },
    { "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n" },
    { "machine-id", "00000000000000000000000000000000\n" },
};

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct err *e)
{
    if (st->st_size > ETC_FILE_MAX_BYTES || (st->st_mode & S_IROTH) == 0)
        return 0; /* what others may not read on the host, no program may read here */
    auto_fd_ int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_fd_ int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (in < 0 || out < 0)
        return err_sys(e, "copy /etc/.../%s", name);
    off_t left = st->st_size;
    while (left > 0) {
        ssize_t n = sendfile(out, in, NULL, (size_t)left);
        if (n < 0)
            return err_sys(e, "copy /etc/.../%s", name);
        if (n == 0)
            break;
        left -= n;
    }
    return 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, struct err *e)
{
    char target[4096];
    ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
    if (n < 0)
        return err_sys(e, "readlink %s", name);
    target[n] = '\0';
    if (symlinkat(target, to_dir, name) < 0)
        return err_sys(e, "symlink %s", name);
    return 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth, struct err *e);

static int copy_tree(int from_dir, int to_dir, const char *name, int depth, struct err *e)
{
    if (mkdirat(to_dir, name, 0755) < 0)
        return err_sys(e, "mkdir %s", name);
    auto_fd_ int to = openat(to_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_dir_ DIR *d = from >= 0 ? fdopendir(from) : NULL;
    if (to < 0 || d == NULL)
        return err_sys(e, "open %s", name);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (copy_entry(dirfd(d), to, entry->d_name, depth + 1, e) < 0)
            return -1;
    }
    return 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth, struct err *e)
{
    struct stat st;
    if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "stat %s", name);
    if (S_ISREG(st.st_mode))
        return copy_file(from_dir, to_dir, name, &st, e);
    if (S_ISLNK(st.st_mode))
        return copy_link(from_dir, to_dir, name, e);
    if (S_ISDIR(st.st_mode) && depth < ETC_DEPTH_MAX && (st.st_mode & S_IXOTH) != 0)
        return copy_tree(from_dir, to_dir, name, depth, e);
    return 0;
}

static bool wanted(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(etc_patterns); i++)
        if (fnmatch(etc_patterns[i], name, FNM_PERIOD) == 0)
            return true;
    return false;
}

static int fill_etc(int etc_fd, int to, struct err *e)
{
    int from = openat(etc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_dir_ DIR *d = from >= 0 ? fdopendir(from) : NULL;
    if (d == NULL)
        return err_sys(e, "open /etc");
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (wanted(entry->d_name) && copy_entry(dirfd(d), to, entry->d_name, 0, e) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_COUNT(etc_files); i++) {
        auto_fd_ int fd =
            openat(to, etc_files[i].name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 || io_write_all(fd, etc_files[i].text, strlen(etc_files[i].text)) < 0)
            return err_sys(e, "write etc/%s", etc_files[i].name);
    }
    return 0;
}

static int fill_var_lib(int root, struct err *e)
{
    auto_fd_ int from = open("/var/lib", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (from < 0 || mkdirat(root, "var", 0755) < 0 || mkdirat(root, "var/lib", 0755) < 0)
        return err_sys(e, "var/lib");
    auto_fd_ int to = openat(root, "var/lib", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return err_sys(e, "open var/lib");
    for (size_t i = 0; i < ARRAY_COUNT(var_lib_names); i++)
        if (faccessat(from, var_lib_names[i], F_OK, 0) == 0 &&
            copy_entry(from, to, var_lib_names[i], 0, e) < 0)
            return -1;
    return 0;
}

/* /bin, /lib... are links into /usr on a host with merged /usr, which is what we build on. */
static int link_usr(int root, struct err *e)
{
    static const char *const names[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char path[16] = "/", target[64];
        strncat(path, names[i], sizeof path - 2);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0 && errno == ENOENT)
            continue;
        if (n < 0)
            return err_sys(
                e,
                "%s is no link into /usr: the host image needs a merged /usr (package usrmerge); "
                "or configure an image of your own",
                path);
        target[n] = '\0';
        if (symlinkat(target, root, names[i]) < 0)
            return err_sys(e, "symlink %s", names[i]);
    }
    return 0;
}

int keeper_image_host(const char *path, int etc_fd, struct err *e)
{
    /* Not what every cell has in its own layer: a directory that is in both is listed from a copy
     * of its names, a copy for each state in which somebody holds it open, charged to nobody. */
    static const char *const dirs[] = { "usr", "etc" };
    auto_fd_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "open %s", path);
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        if (mkdirat(root, dirs[i], 0755) < 0)
            return err_sys(e, "mkdir %s", dirs[i]);
    auto_fd_ int etc = openat(root, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (etc < 0)
        return err_sys(e, "open etc");
    if (link_usr(root, e) < 0 || fill_etc(etc_fd, etc, e) < 0 || fill_var_lib(root, e) < 0)
        return err_wrap(e, "host image");
    return 0;
}
