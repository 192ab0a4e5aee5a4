/* artifact.c - the cache of compiled programs; slots, and the supervisor for sweeping. */
#include "worker/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "worker/artifact_tree.h"

struct artifact_cache {
    int dir_fd;
    int64_t max_bytes;
    int64_t added_bytes; /* by this process since its last look at the whole; -1: never looked */
    int64_t serial;      /* for temporary names */
};

enum {
    META_BYTES_MAX = 64 << 20, /* bounded by worker.kept_output_bytes in truth */
    ENTRY_BYTES = 8192,        /* what an entry costs beside its files */
};

struct meta_name {
    char text[STORE_HEX_BYTES + 8];
};

static struct meta_name meta_name(const char *hex)
{
    struct meta_name n;
    snprintf(n.text, sizeof(n.text), "%.64s.meta", hex);
    return n;
}

int artifact_cache_open(const char *data_dir, int64_t max_bytes, struct artifact_cache **ret,
                        struct err *e)
{
    auto_free_ char *path = xasprintf("%s/artifacts", data_dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_sys(e, "make %s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    struct artifact_cache *c = xcalloc(1, sizeof(*c));
    *c = (struct artifact_cache){ .dir_fd = fd, .max_bytes = max_bytes, .added_bytes = -1 };
    *ret = c;
    return 0;
}

void artifact_cache_close(struct artifact_cache *c)
{
    if (c == NULL)
        return;
    close(c->dir_fd);
    free(c);
}

void artifact_done(struct artifact *a)
{
    close_fd(&a->lock_fd);
    *a = ARTIFACT_NONE;
}

/* ---- the meta file --------------------------------------------------------------------------- */

static json_t *meta_json(const struct compile_result *r, int64_t files_bytes, int64_t exact_bytes,
                         bool has_files)
{
    return json_pack(
        "{s:I, s:I, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "bytes",
        (json_int_t)files_bytes, "content_bytes", (json_int_t)exact_bytes, "has_files", has_files,
        "verdict", verdict_name(r->verdict), "cause", r->cause != NULL ? r->cause : "none",
        "exit_code", (json_int_t)r->exit_code, "signal", (json_int_t)r->signal, "cpu_time_ns",
        (json_int_t)r->usage.cpu_time_ns, "user_time_ns", (json_int_t)r->usage.user_time_ns,
        "system_time_ns", (json_int_t)r->usage.system_time_ns, "wall_time_ns",
        (json_int_t)r->usage.wall_time_ns, "memory_peak_bytes",
        (json_int_t)r->usage.memory_peak_bytes, "memory_nocache_bytes",
        (json_int_t)r->usage.memory_nocache_bytes, "process_peak_count",
        (json_int_t)r->usage.process_peak_count, "output_bytes", (json_int_t)r->output.bytes,
        "head_bytes", (json_int_t)r->output.head_bytes);
}

/* False when the line is not one of ours. */
static bool meta_read(const char *line, size_t len, struct compile_result *r, bool *has_files,
                      int64_t *ret_bytes)
{
    const char *verdict = NULL, *cause = NULL;
    json_int_t exit_code, signal, t[4], m[2], processes, bytes, head, kept;
    int files = 0;
    json_t *j = json_loadb(line, len, 0, NULL);
    bool ok = j != NULL &&
              json_unpack(
                  j, "{s:I, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                  "content_bytes", &kept, "has_files", &files, "verdict", &verdict, "cause", &cause,
                  "exit_code", &exit_code, "signal", &signal, "cpu_time_ns", &t[0], "user_time_ns",
                  &t[1], "system_time_ns", &t[2], "wall_time_ns", &t[3], "memory_peak_bytes", &m[0],
                  "memory_nocache_bytes", &m[1], "process_peak_count", &processes, "output_bytes",
                  &bytes, "head_bytes", &head) == 0;
    if (ok) {
        *has_files = files != 0;
        *ret_bytes = kept;
        *r = (struct compile_result){
            .present = true,
            .verdict = verdict_from_name(verdict),
            .cause = xstrdup(cause),
            .exit_code = exit_code,
            .signal = signal,
            .cached = true,
            .usage = { t[0], t[1], t[2], t[3], m[0], m[1], processes },
            .output = { .bytes = bytes, .head_bytes = head },
        };
    }
    json_decref(j);
    return ok;
}

/* Split the meta into its line and the diagnostics behind it. */
static bool meta_parse(const struct buf *text, struct compile_result *r, bool *has_files,
                       int64_t *ret_bytes, struct buf *diagnostics)
{
    struct err ignored;
    const char *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);
    if (end == NULL || !meta_read(text->data, (size_t)(end - text->data), r, has_files, ret_bytes))
        return false;
    size_t rest = text->len - (size_t)(end + 1 - text->data);
    return buf_add(diagnostics, end + 1, rest, &ignored) == 0;
}

/* A power cut, a full disk or somebody's hand may have left less than was written. */
static bool files_whole(struct artifact_cache *c, const char *hex, int64_t exact_bytes)
{
    int64_t sum = 0;
    struct err ignored;
    return artifact_tree_sum(c->dir_fd, hex, &sum, &ignored) == 0 && sum == exact_bytes;
}

/* ---- finding --------------------------------------------------------------------------------- */

static void remove_entry(struct artifact_cache *c, const char *hex)
{
    struct err ignored;
    unlinkat(c->dir_fd, meta_name(hex).text, 0);
    if (artifact_tree_remove(c->dir_fd, hex, &ignored) != 0)
        return; /* the next sweep finds it: without its meta it is garbage */
}

int artifact_find(struct artifact_cache *c, const char *hex, struct artifact *ret,
                  struct compile_result *ret_result, struct buf *diagnostics, bool *ret_found,
                  struct err *e)
{
    struct stat st;
    bool has_files = false;
    int64_t exact_bytes = 0;
    *ret_found = false;
    auto_fd_ int fd = openat(c->dir_fd, meta_name(hex).text, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || flock(fd, LOCK_SH) != 0 || fstat(fd, &st) != 0)
        return err_sys(e, "open artifact %s", hex);
    if (st.st_nlink == 0)
        return 0; /* evicted between open and lock */
    auto_buf_ struct buf text;
    buf_init(&text, META_BYTES_MAX);
    if (io_read_to_buf(fd, &text, e) != 0)
        return err_wrap(e, "read artifact %s", hex);
    if (!meta_parse(&text, ret_result, &has_files, &exact_bytes, diagnostics) ||
        (has_files && !files_whole(c, hex, exact_bytes))) {
        remove_entry(c, hex);
        return 0;
    }
    futimens(fd, NULL); /* used now; a failure only makes it look older */
    *ret = (struct artifact){ .lock_fd = take_fd(&fd), .has_files = has_files };
    memcpy(ret->hex, hex, STORE_HEX_BYTES);
    *ret_found = true;
    return 0;
}

bool artifact_has(const struct artifact_cache *c, const struct artifact *a, const char *name)
{
    auto_fd_ int fd = openat(c->dir_fd, a->hex, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void artifact_read_ahead(const struct artifact_cache *c, const struct artifact *a)
{
    if (a->has_files)
        artifact_tree_read_ahead(c->dir_fd, a->hex);
}

/* ---- keeping --------------------------------------------------------------------------------- */

static int put_files(struct artifact_cache *c, const char *temp, const char *hex,
                     const struct box_collected *files, size_t count, struct err *e)
{
    if (artifact_tree_write(c->dir_fd, temp, files, count, e) != 0)
        return -1;
    if (renameat(c->dir_fd, temp, c->dir_fd, hex) == 0)
        return 0;
    if (errno == EEXIST || errno == ENOTEMPTY) /* another slot compiled the same just now */
        return artifact_tree_remove(c->dir_fd, temp, e);
    return err_sys(e, "rename artifact %s", hex);
}

/* The new meta is locked before it gets its name, so that nobody evicts it first. */
static int put_meta(struct artifact_cache *c, const char *temp, const char *hex, json_t *json,
                    const struct buf *diagnostics, int *ret_fd, struct err *e)
{
    auto_free_ char *line = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    auto_fd_ int fd = openat(c->dir_fd, temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (line == NULL)
        return err_bug(e, "artifact %s: meta cannot be written as JSON", hex);
    if (fd < 0 || flock(fd, LOCK_SH) != 0 || io_write_all(fd, line, strlen(line)) != 0 ||
        io_write_all(fd, "\n", 1) != 0 ||
        io_write_all(fd, buf_text(diagnostics), diagnostics->len) != 0 || fsync(fd) != 0 ||
        renameat(c->dir_fd, temp, c->dir_fd, meta_name(hex).text) != 0)
        return err_sys(e, "write artifact %s", hex);
    *ret_fd = take_fd(&fd);
    return 0;
}

static int64_t files_bytes(const struct box_collected *files, size_t count)
{
    int64_t sum = ENTRY_BYTES;
    for (size_t i = 0; i < count; i++)
        sum += (files[i].bytes + 4095) / 4096 * 4096;
    return sum;
}

static int64_t content_bytes(const struct box_collected *files, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += files[i].bytes;
    return sum;
}

int artifact_put(struct artifact_cache *c, const char *hex, const struct box_collected *files,
                 size_t count, const struct compile_result *result, const struct buf *diagnostics,
                 struct artifact *ret, struct err *e)
{
    int64_t bytes = files_bytes(files, count);
    if (c->added_bytes < 0 || c->added_bytes + bytes > c->max_bytes / 64) {
        c->added_bytes = 0;
        if (artifact_evict(c, c->max_bytes - c->max_bytes / 8 - bytes, e) != 0)
            return -1;
    }
    auto_free_ char *temp = xasprintf(".new-%d-%" PRId64, (int)getpid(), c->serial++);
    if (count != 0 && put_files(c, temp, hex, files, count, e) != 0) {
        struct err ignored;
        if (artifact_tree_remove(c->dir_fd, temp, &ignored) != 0)
            return -1; /* swept at the next start */
        return -1;
    }
    json_t *json = meta_json(result, bytes, content_bytes(files, count), count != 0);
    struct artifact a = { .lock_fd = -1, .has_files = count != 0 };
    int rc = put_meta(c, temp, hex, json, diagnostics, &a.lock_fd, e);
    json_decref(json);
    if (rc != 0) {
        unlinkat(c->dir_fd, temp, 0);
        return -1;
    }
    c->added_bytes += bytes;
    memcpy(a.hex, hex, STORE_HEX_BYTES);
    *ret = a;
    return 0;
}

/* ---- evicting and sweeping ------------------------------------------------------------------- */

struct entry {
    char hex[STORE_HEX_BYTES];
    struct timespec used;
    int64_t bytes;
};

struct entry_list {
    struct entry *items;
    size_t count;
    int64_t bytes;
};

static bool is_meta(const char *name)
{
    return strlen(name) == 69 && strspn(name, "0123456789abcdef") == 64 &&
           strcmp(name + 64, ".meta") == 0;
}

static bool is_entry_dir(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static int64_t meta_bytes(int fd)
{
    char head[64];
    ssize_t n = pread(fd, head, sizeof(head) - 1, 0);
    head[n > 0 ? n : 0] = '\0';
    long long bytes = 0;
    return sscanf(head, "{\"bytes\":%lld", &bytes) == 1 ? bytes : ENTRY_BYTES;
}

static void list_add(struct artifact_cache *c, struct entry_list *l, const char *name)
{
    struct stat st;
    auto_fd_ int fd = openat(c->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return; /* evicted by another slot meanwhile */
    struct entry entry = { .used = st.st_mtim, .bytes = meta_bytes(fd) + st.st_size };
    memcpy(entry.hex, name, 64);
    if ((l->count & (l->count - 1)) == 0)
        l->items = xrealloc(l->items, (l->count * 2 + 1) * sizeof(*l->items));
    l->items[l->count++] = entry;
    l->bytes += entry.bytes;
}

static int oldest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static DIR *open_list(struct artifact_cache *c)
{
    auto_fd_ int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d != NULL)
        take_fd(&fd);
    return d;
}

/* True when nobody uses it and it is gone now. */
static bool evict_one(struct artifact_cache *c, const char *hex)
{
    auto_fd_ int fd = openat(c->dir_fd, meta_name(hex).text, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    remove_entry(c, hex);
    return true;
}

int artifact_evict(struct artifact_cache *c, int64_t max_bytes, struct err *e)
{
    auto_dir_ DIR *d = open_list(c);
    if (d == NULL)
        return err_sys(e, "list the artifacts");
    struct entry_list l = { 0 };
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (is_meta(entry->d_name))
            list_add(c, &l, entry->d_name);
    }
    if (l.count != 0 && l.bytes > max_bytes)
        qsort(l.items, l.count, sizeof(*l.items), oldest_first);
    for (size_t i = 0; i < l.count && l.bytes > max_bytes; i++) {
        if (evict_one(c, l.items[i].hex))
            l.bytes -= l.items[i].bytes;
    }
    free(l.items);
    return 0;
}

int artifact_sweep_slot(struct artifact_cache *c, pid_t pid, struct err *e)
{
    char prefix[32];
    int len = snprintf(prefix, sizeof prefix, ".new-%d-", (int)pid);
    auto_dir_ DIR *d = open_list(c);
    if (d == NULL)
        return err_sys(e, "list the artifacts");
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strncmp(entry->d_name, prefix, (size_t)len) == 0 &&
            artifact_tree_remove(c->dir_fd, entry->d_name, e) != 0)
            return -1;
    }
    return 0;
}

int artifact_sweep(struct artifact_cache *c, struct err *e)
{
    auto_dir_ DIR *d = open_list(c);
    if (d == NULL)
        return err_sys(e, "list the artifacts");
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        const char *name = entry->d_name;
        bool temp = strncmp(name, ".new-", 5) == 0;
        bool orphan =
            is_entry_dir(name) && faccessat(c->dir_fd, meta_name(name).text, F_OK, 0) != 0;
        if ((temp || orphan) && artifact_tree_remove(c->dir_fd, name, e) != 0)
            return -1;
    }
    return 0;
}
