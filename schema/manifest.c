/* manifest.c - a line for each number of a backup, in a fixed order; minos-server --backup. */
#include "schema/manifest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"

#define HEADING "minos backup 1\n"
#define DIGEST "database_sha256 "

enum { MANIFEST_BYTES_MAX = 4096 };

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
#define ROW(field)                                                                                 \
    {                                                                                              \
#field " ", offsetof(struct backup_summary, field)                                         \
    }
    ROW(schema_version), ROW(created_unix_ms), ROW(submission_count),
    ROW(file_count),     ROW(file_bytes),      ROW(database_bytes),
#undef ROW
};

static int64_t *field(struct backup_summary *b, size_t i)
{
    return (int64_t *)((char *)b + rows[i].offset);
}

int manifest_write(int dir_fd, const struct backup_summary *b, struct err *e)
{
    struct backup_summary copy = *b;
    char hex[STORE_HEX_BYTES];
    auto_buf_ struct buf text = { 0 };
    buf_puts(&text, HEADING);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        buf_printf(&text, "%s%lld\n", rows[i].name, (long long)*field(&copy, i));
    store_hex(b->database_sha256, hex);
    buf_printf(&text, DIGEST "%s\n", hex);
    auto_fd_ int fd = openat(dir_fd, MANIFEST_FILE ".new",
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || io_write_all(fd, buf_text(&text), text.len) < 0 || fsync(fd) < 0 ||
        renameat(dir_fd, MANIFEST_FILE ".new", dir_fd, MANIFEST_FILE) < 0 || fsync(dir_fd) < 0)
        return err_sys(e, "write the manifest");
    return 0;
}

/* The rest of the line that begins with `name`, moved past; NULL when it begins otherwise. */
static char *take_line(char **at, const char *name)
{
    char *line = *at, *end = strchr(line, '\n');
    size_t len = strlen(name);
    if (end == NULL || strncmp(line, name, len) != 0)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line + len;
}

static bool parse(char *text, struct backup_summary *ret)
{
    char *at = text;
    struct err e;
    const char *value = take_line(&at, "minos backup 1");
    bool ok = value != NULL && value[0] == '\0';
    for (size_t i = 0; ok && i < ARRAY_COUNT(rows); i++) {
        value = take_line(&at, rows[i].name);
        ok = value != NULL && units_parse_int(value, 0, INT64_MAX, field(ret, i), &e) == 0;
    }
    value = ok ? take_line(&at, DIGEST) : NULL;
    return value != NULL && store_unhex(value, ret->database_sha256) && at[0] == '\0';
}

int manifest_read(int dir_fd, struct backup_summary *ret, struct err *e)
{
    auto_buf_ struct buf text = { 0 };
    struct stat st;
    if (fstatat(dir_fd, MANIFEST_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return err_input(e, "not a complete backup: it has no manifest, which is written last");
    if (io_read_file(dir_fd, MANIFEST_FILE, MANIFEST_BYTES_MAX, &text, e) < 0)
        return err_wrap(e, "read the manifest");
    if (text.len == 0 || memchr(text.data, '\0', text.len) != NULL || !parse(text.data, ret))
        return err_input(e, "the manifest is damaged, or of a newer program");
    return 0;
}
