/*
 * migrate.c - brings a database forward, one step of migrations.def at a time; whichever program
 * opens it first.
 */
#include <stdio.h>

#include "sandbox/base/cleanup.h"
#include "schema/inner.h"

#define SQL(...) #__VA_ARGS__,

static const char *const step_1[] = {
#include "schema/migrations/0001-first.def"
    NULL,
};
static const char *const step_2[] = {
#include "schema/migrations/0002-phases.def"
    NULL,
};
static const char *const step_3[] = {
#include "schema/migrations/0003-runs.def"
    NULL,
};
static const char *const step_4[] = {
#include "schema/migrations/0004-rejudge.def"
    NULL,
};
static const char *const step_5[] = {
#include "schema/migrations/0005-retention.def"
    NULL,
};
static const char *const step_6[] = {
#include "schema/migrations/0006-callbacks.def"
    NULL,
};
static const char *const step_7[] = {
#include "schema/migrations/0007-fair.def"
    NULL,
};

#undef SQL

struct step {
    int64_t version;
    const char *name;
    const char *const *statements;
};

static const struct step steps[] = {
#define MIGRATION(version, name) { version, name, step_##version },
#include "schema/migrations.def"
#undef MIGRATION
};

int64_t migrate_latest(void)
{
    return steps[ARRAY_COUNT(steps) - 1].version;
}

static int read_number(struct store *s, const char *pragma, int64_t *ret, struct err *e)
{
    auto_stmt_ struct stmt *q = sql_use_once(s, pragma);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    *ret = found ? sql_int(q) : 0;
    return 0;
}

/* Whether this is a database that we may use: ours, or empty. */
static int check_ours(struct store *s, int64_t *ret_version, struct err *e)
{
    int64_t application = 0, objects = 0;
    if (read_number(s, "PRAGMA user_version", ret_version, e) < 0 ||
        read_number(s, "PRAGMA application_id", &application, e) < 0 ||
        read_number(s, "SELECT count(*) FROM sqlite_schema", &objects, e) < 0)
        return -1;
    if (application == DB_APPLICATION_ID || (application == 0 && objects == 0))
        return 0;
    return err_input(e, "%s/%s is not a database of Minos", s->data_dir, DB_FILE_NAME);
}

static int apply(struct store *s, const struct step *step, struct err *e)
{
    auto_tx_ struct tx t = { 0 };
    int64_t version = 0;
    if (tx_begin(&t, s, STORE_DURABLE, e) < 0 || check_ours(s, &version, e) < 0)
        return -1;
    if (version >= step->version) /* another program was faster */
        return tx_commit(&t, e);
    for (const char *const *sql = step->statements; *sql != NULL; sql++) {
        if (sql_exec(s, *sql, e) < 0)
            return err_wrap(e, "migration %lld (%s)", (long long)step->version, step->name);
    }
    char pragma[128];
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
             DB_APPLICATION_ID, (long long)step->version);
    if (sql_exec(s, pragma, e) < 0)
        return -1;
    return tx_commit(&t, e);
}

int migrate_run(struct store *s, struct err *e)
{
    int64_t version = 0, latest = migrate_latest();
    if (check_ours(s, &version, e) < 0)
        return -1;
    if (version > latest)
        return err_input(e,
                         "%s/%s has schema version %lld, but this program knows %lld at most: "
                         "use a newer program",
                         s->data_dir, DB_FILE_NAME, (long long)version, (long long)latest);
    if (version == latest)
        return 0;
    if (s->read_only && s->any_version)
        return 0;
    if (s->read_only)
        return err_input(e, "%s/%s has schema version %lld, not %lld: open it for writing once",
                         s->data_dir, DB_FILE_NAME, (long long)version, (long long)latest);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        if (apply(s, &steps[i], e) < 0)
            return -1;
    }
    return 0;
}
