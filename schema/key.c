/*
 * key.c - API keys; server. A secret is 256 random bits, so one SHA-256 is enough to keep it (there
 * is nothing to guess that a slow hash would protect), and the look-up by hash takes the same way
 * for right and wrong ones: how long it takes tells nothing about any secret.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum { SECRET_BYTES = 32, SECRET_DIGITS = 43 };

#define PREFIX "mns_"

/* base64url without padding (RFC 4648, section 5). */
static void encode(const uint8_t in[SECRET_BYTES], char out[SECRET_DIGITS])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < SECRET_DIGITS; i++) {
        size_t bit = 6 * i, byte = bit / 8;
        unsigned pair = (unsigned)in[byte] << 8 | (byte + 1 < SECRET_BYTES ? in[byte + 1] : 0u);
        out[i] = digits[pair >> (10 - bit % 8) & 63];
    }
}

static int make_secret(char **ret, struct err *e)
{
    uint8_t bytes[SECRET_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_sys(e, "getrandom");
    char digits[SECRET_DIGITS + 1] = "";
    encode(bytes, digits);
    *ret = xasprintf(PREFIX "%s", digits);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(digits, sizeof digits);
    return 0;
}

/* ", requests_per_second, ..." */
#define QUOTA(id, name, kind, min, max, def, help) ", " #name
static const char insert_sql[] = "INSERT INTO api_key (name, scopes, secret_sha256, created_unix_ms"
#include "sandbox/base/quotas.def"
#undef QUOTA
#define QUOTA(id, name, kind, min, max, def, help) ", ?"
                                 ") VALUES (?, ?, ?, ?"
#include "sandbox/base/quotas.def"
                                 ")";
#undef QUOTA

static void bind_quotas(struct stmt *q, const struct quotas *quotas)
{
    for (size_t i = 0; i < quotas_count; i++) {
        int64_t v = quotas_get(quotas, &quotas_table[i]);
        if (v == QUOTA_UNSET)
            sql_bind_null(q);
        else
            sql_bind_int(q, v);
    }
}

void key_read_quotas(struct stmt *q, struct quotas *ret)
{
    for (size_t i = 0; i < quotas_count; i++) {
        bool unset = sql_is_null(q);
        int64_t v = sql_int(q);
        *quotas_at(ret, &quotas_table[i]) = unset ? QUOTA_UNSET : v;
    }
}

static int insert(struct store *s, const struct api_key *k, const char *secret, int64_t *ret_id,
                  struct err *e)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    store_sha256(secret, strlen(secret), sha256);
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, insert_sql);
    sql_bind_text(q, k->name);
    sql_bind_int(q, k->scopes);
    sql_bind_blob(q, sha256, sizeof sha256);
    sql_bind_int(q, k->created_unix_ms);
    bind_quotas(q, &k->quotas);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_id = sqlite3_last_insert_rowid(s->db);
    return tx_commit(&t, e);
}

int key_new(struct store *s, const char *name, unsigned scopes, const struct quotas *quotas,
            struct api_key *ret, char **ret_secret, struct err *e)
{
    struct api_key k = { .name = xstrdup(name), .scopes = scopes };
    k.quotas = quotas != NULL ? *quotas : quotas_unset();
    auto_free_ char *secret = NULL;
    k.created_unix_ms = clock_unix_ms();
    if (make_secret(&secret, e) < 0 || insert(s, &k, secret, &k.id, e) < 0) {
        api_key_done(&k);
        return -1;
    }
    *ret = k;
    *ret_secret = take_ptr(&secret);
    return 0;
}

#define KEY_SELECT "SELECT id, name, scopes, created_unix_ms, revoked_unix_ms"

#define QUOTA(id, name, kind, min, max, def, help) ", " #name
static const char find_sql[] = KEY_SELECT
#include "sandbox/base/quotas.def"
    " FROM api_key WHERE secret_sha256 = ? AND revoked_unix_ms IS NULL";
#undef QUOTA
#define QUOTA(id, name, kind, min, max, def, help) ", " #name
static const char get_sql[] = KEY_SELECT
#include "sandbox/base/quotas.def"
    " FROM api_key WHERE id = ? AND revoked_unix_ms IS NULL";
#undef QUOTA
#define QUOTA(id, name, kind, min, max, def, help) ", " #name
static const char list_sql[] = KEY_SELECT
#include "sandbox/base/quotas.def"
    " FROM api_key ORDER BY id";
#undef QUOTA

static struct api_key read_row(struct stmt *q)
{
    struct api_key k = { 0 };
    k.id = sql_int(q);
    k.name = sql_text(q);
    k.scopes = (unsigned)sql_int(q);
    k.created_unix_ms = sql_int(q);
    k.revoked_unix_ms = sql_int(q);
    key_read_quotas(q, &k.quotas);
    return k;
}

int key_find(struct store *s, const char *secret, struct api_key *ret, bool *ret_found,
             struct err *e)
{
    uint8_t sha256[STORE_SHA256_BYTES];
    store_sha256(secret, strlen(secret), sha256);
    auto_stmt_ struct stmt *q = sql_use(s, find_sql);
    sql_bind_blob(q, sha256, sizeof sha256);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        *ret = read_row(q);
    return 0;
}

int key_get(struct store *s, int64_t id, struct api_key *ret, bool *ret_found, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, get_sql);
    sql_bind_int(q, id);
    if (sql_row(q, ret_found, e) < 0)
        return -1;
    if (*ret_found)
        *ret = read_row(q);
    return 0;
}

int key_list(struct store *s, struct api_key **ret, size_t *ret_count, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use(s, list_sql);
    struct api_key *keys = NULL;
    size_t count = 0;
    bool found = false;
    while (sql_row(q, &found, e) == 0) {
        if (!found) {
            *ret = keys;
            *ret_count = count;
            return 0;
        }
        keys = xrealloc(keys, (count + 1) * sizeof *keys);
        keys[count++] = read_row(q);
    }
    api_keys_free(keys, count);
    return -1;
}

int key_revoke(struct store *s, int64_t id, bool *ret_found, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(
        s, "UPDATE api_key SET revoked_unix_ms = ? WHERE id = ? AND revoked_unix_ms IS NULL");
    sql_bind_int(q, clock_unix_ms());
    sql_bind_int(q, id);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_found = sql_changes(s) == 1;
    return tx_commit(&t, e);
}

#define QUOTA(id, name, kind, min, max, def, help) ", " #name " = ?"
static const char set_sql[] = "UPDATE api_key SET name = ?"
#include "sandbox/base/quotas.def"
                              " WHERE id = ? AND revoked_unix_ms IS NULL";
#undef QUOTA

int key_set(struct store *s, const struct api_key *k, bool *ret_found, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0)
        return -1;
    auto_stmt_ struct stmt *q = sql_use(s, set_sql);
    sql_bind_text(q, k->name);
    bind_quotas(q, &k->quotas);
    sql_bind_int(q, k->id);
    if (sql_run(q, e) < 0)
        return -1;
    *ret_found = sql_changes(s) == 1;
    if (*ret_found && line_renew(s, k->id, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

void api_key_done(struct api_key *k)
{
    free(k->name);
    *k = (struct api_key){ 0 };
}

void api_keys_free(struct api_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(keys[i].name);
    free(keys);
}
