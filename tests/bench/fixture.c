/* fixture.c - making and removing the bench's temporary directory; the minos-bench process. */
#include "tests/bench/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

enum { FILE_BYTES_MAX = 16 << 20 };

/* What crun and runc are asked for: as much of a cell's isolation as the format can say. */
static const char bundle_config[] =
    "{\n"
    "  \"ociVersion\": \"1.0.2\",\n"
    "  \"process\": {\n"
    "    \"user\": {\"uid\": 1000, \"gid\": 1000},\n"
    "    \"args\": [\"/true\"], \"env\": [\"PATH=/\"], \"cwd\": \"/\",\n"
    "    \"capabilities\": {\"bounding\": [], \"effective\": [], \"permitted\": []},\n"
    "    \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"hard\": 256, \"soft\": 256}],\n"
    "    \"noNewPrivileges\": true\n"
    "  },\n"
    "  \"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
    "  \"hostname\": \"cell\",\n"
    "  \"mounts\": [\n"
    "    {\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},\n"
    "    {\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
    "     \"options\": [\"nosuid\", \"mode=755\", \"size=65536k\"]},\n"
    "    {\"destination\": \"/tmp\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
    "     \"options\": [\"nosuid\", \"nodev\", \"size=65536k\"]}\n"
    "  ],\n"
    "  \"linux\": {\n"
    "    \"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"},\n"
    "                   {\"type\": \"uts\"}, {\"type\": \"mount\"}, {\"type\": \"cgroup\"},\n"
    "                   {\"type\": \"user\"}],\n"
    "    \"uidMappings\": [{\"containerID\": 0, \"hostID\": 1879000000, \"size\": 2000}],\n"
    "    \"gidMappings\": [{\"containerID\": 0, \"hostID\": 1879000000, \"size\": 2000}],\n"
    "    \"resources\": {\"memory\": {\"limit\": 268435456}, \"pids\": {\"limit\": 64}},\n"
    "    \"seccomp\": {\n"
    "      \"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86_64\"],\n"
    "      \"syscalls\": [{\"names\": [\"mount\", \"umount2\", \"ptrace\", \"bpf\", \"keyctl\",\n"
    "        \"kexec_load\", \"init_module\", \"unshare\", \"setns\", \"userfaultfd\"],\n"
    "        \"action\": \"SCMP_ACT_ERRNO\"}]\n"
    "    }\n"
    "  }\n"
    "}\n";

static int make_dir(const char *parent, const char *name, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/%s", parent, name);
    return mkdir(path, 0755) < 0 ? err_sys(e, "mkdir %s", path) : 0;
}

static int write_file(const char *dir, const char *name, const void *data, size_t len, mode_t mode,
                      struct err *e)
{
    auto_free_ char *path = xasprintf("%s/%s", dir, name);
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 || io_write_all(fd, data, len) < 0)
        return err_sys(e, "write %s", path);
    return 0;
}

static int copy_file(const char *from_dir, const char *name, const char *dir, mode_t mode,
                     struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    auto_free_ char *path = xasprintf("%s/%s", from_dir, name);
    if (io_read_file(AT_FDCWD, path, FILE_BYTES_MAX, &b, e) < 0)
        return -1;
    return write_file(dir, name, b.data, b.len, mode, e);
}

static int copy_program(const char *extras, const char *name, const char *dir, struct err *e)
{
    return copy_file(extras, name, dir, 0755, e);
}

static int copy_languages(const struct fixture *f, const char *from_dir, struct err *e)
{
    auto_dir_ DIR *d = opendir(from_dir);
    if (d == NULL)
        return err_sys(e, "%s", from_dir);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (fnmatch("*.yaml", entry->d_name, 0) == 0 &&
            copy_file(from_dir, entry->d_name, f->languages, 0644, e) < 0)
            return -1;
    return 0;
}

static int make_programs(const struct fixture *f, const char *extras, struct err *e)
{
    auto_free_ char *artifact = xasprintf("%s/" FIXTURE_ARTIFACT, f->artifacts);
    if (make_dir(f->artifacts, FIXTURE_ARTIFACT, e) < 0)
        return -1;
    const char *const dirs[] = { f->bin, artifact };
    static const char *const programs[] = { "true", "tiny", "spin" };
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        for (size_t k = 0; k < ARRAY_COUNT(programs); k++)
            if (copy_program(extras, programs[k], dirs[i], e) < 0)
                return -1;
    return 0;
}

static int make_bundle(const struct fixture *f, const char *extras, struct err *e)
{
    static const char *const dirs[] = { "rootfs", "rootfs/proc", "rootfs/dev", "rootfs/tmp" };
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        if (make_dir(f->bundle, dirs[i], e) < 0)
            return -1;
    auto_free_ char *rootfs = xasprintf("%s/rootfs", f->bundle);
    if (copy_program(extras, "true", rootfs, e) < 0)
        return -1;
    return write_file(f->bundle, "config.json", bundle_config, sizeof bundle_config - 1, 0644, e);
}

int fixture_make(struct fixture *f, const char *extras, const char *languages, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = xasprintf("%s/minos-bench-XXXXXX", tmp != NULL && tmp[0] ? tmp : "/var/tmp");
    if (mkdtemp(dir) == NULL) {
        err_sys(e, "make a directory %s", dir);
        free(dir);
        return -1;
    }
    *f = (struct fixture){ .dir = dir,
                           .bin = xasprintf("%s/bin", dir),
                           .artifacts = xasprintf("%s/artifacts", dir),
                           .bundle = xasprintf("%s/bundle", dir),
                           .languages = xasprintf("%s/languages", dir),
                           .conf = xasprintf("%s/minos.yaml", dir) };
    if (chmod(dir, 0755) < 0) /* the service's user and mapped ids pass through */
        return err_sys(e, "chmod %s", dir);
    static const char *const dirs[] = { "bin", "artifacts", "bundle", "languages", "crun", "runc" };
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        if (make_dir(dir, dirs[i], e) < 0)
            return -1;
    if (write_file(dir, "minos.yaml", "", 0, 0644, e) < 0 || make_programs(f, extras, e) < 0 ||
        copy_languages(f, languages, e) < 0)
        return -1;
    return make_bundle(f, extras, e);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    if (remove(path) < 0)
        perror(path);
    return 0;
}

void fixture_remove(struct fixture *f)
{
    if (f->dir != NULL)
        (void)nftw(f->dir, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(f->dir);
    free(f->bin);
    free(f->artifacts);
    free(f->bundle);
    free(f->languages);
    free(f->conf);
    *f = (struct fixture){ 0 };
}
