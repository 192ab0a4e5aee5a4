/* first_key.c - making the first admin key; minos-server, at start. */
#include "server/first_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "schema/store.h"

/* Written beside and renamed: the file is there whole, or not at all. */
static int write_secret(const char *data_dir, const char *secret, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/admin.key", data_dir);
    auto_free_ char *temp = xasprintf("%s/admin.key.new", data_dir);
    auto_free_ char *line = xasprintf("%s\n", secret);
    (void)unlink(temp);
    auto_fd_ int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = 0;
    if (fd < 0 || io_write_all(fd, line, strlen(line)) != 0 || fsync(fd) != 0 ||
        rename(temp, path) != 0)
        rc = err_sys(e, "write %s", path);
    explicit_bzero(line, strlen(line));
    return rc;
}

static int make_key(struct store *s, const char *data_dir, struct err *e)
{
    struct api_key key = { 0 };
    auto_free_ char *secret = NULL;
    if (key_new(s, "admin", KEY_SUBMIT | KEY_READ | KEY_ADMIN, NULL, &key, &secret, e) != 0)
        return -1;
    int rc = write_secret(data_dir, secret, e);
    explicit_bzero(secret, strlen(secret));
    api_key_done(&key);
    return rc;
}

/* Within a transaction, so that of two servers that start at once only one makes a key; and the
 * file before the commit, so that no key exists whose secret nobody has. */
static int ensure(struct store *s, const char *data_dir, bool *ret_made, bool *ret_active,
                  struct err *e)
{
    struct api_key *keys = NULL;
    size_t count = 0;
    if (store_begin(s, STORE_DURABLE, e) != 0)
        return -1;
    if (key_list(s, &keys, &count, e) != 0) {
        store_rollback(s);
        return -1;
    }
    bool active = count == 0;
    for (size_t i = 0; i < count; i++)
        active = active || keys[i].revoked_unix_ms == 0;
    api_keys_free(keys, count);
    if ((count == 0 && make_key(s, data_dir, e) != 0) || store_commit(s, e) != 0) {
        store_rollback(s);
        return -1;
    }
    *ret_made = count == 0;
    *ret_active = active;
    return 0;
}

int first_key_ensure(const char *data_dir, bool *ret_made, bool *ret_active, struct err *e)
{
    const struct store_options opt = { .data_dir = data_dir };
    struct store *s = NULL;
    if (store_open(&opt, &s, e) != 0)
        return -1;
    int rc = ensure(s, data_dir, ret_made, ret_active, e);
    store_close(s);
    return rc;
}
