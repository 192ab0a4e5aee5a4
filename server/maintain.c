/*
 * maintain.c - backup and restore, as minos-server's other modes: they need the rights that it has,
 * and no more. `minos backup` and `minos restore` start it so, as the owner of the data.
 */
#include "server/maintain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/guard.h"
#include "schema/backup.h"
#include "server/jsonw.h"

bool maintain_wanted(const struct maintain *m)
{
    return m->backup != NULL || m->restore != NULL;
}

/* As confined as the server itself, but that one more directory is open to it. */
static int confine(const char *data_dir, const char *other, bool write, struct err *e)
{
    const struct guard_path paths[] = {
        { data_dir, true },          { other, write },
        { "/etc/localtime", false }, { "/usr/share/zoneinfo", false },
        { "/dev/urandom", false },
    };
    struct guard_seen seen;
    return guard_enter(GUARD_SERVER, paths, ARRAY_COUNT(paths), &seen, e);
}

static int show(const struct buf *b, struct err *e)
{
    if (fputs(buf_text(b), stdout) < 0 || fflush(stdout) != 0)
        return err_sys(e, "standard output");
    return 0;
}

static int show_summary(const struct maintain *m, const char *did, const char *dir,
                        const struct backup_summary *s, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    struct jsonw w;
    char hex[STORE_HEX_BYTES];
    if (!m->json) {
        buf_printf(&b,
                   "%s %s: %lld submissions, %lld bytes of database, %lld files of %lld bytes\n",
                   did, dir, (long long)s->submission_count, (long long)s->database_bytes,
                   (long long)s->file_count, (long long)s->file_bytes);
        return show(&b, e);
    }
    store_hex(s->database_sha256, hex);
    jsonw_init(&w, &b, NULL);
    jsonw_object(&w, NULL);
    jsonw_text(&w, "did", did);
    jsonw_text(&w, "backup", dir);
    jsonw_instant(&w, "created_at", s->created_unix_ms);
    jsonw_int(&w, "schema_version", s->schema_version);
    jsonw_int(&w, "submission_count", s->submission_count);
    jsonw_int(&w, "database_bytes", s->database_bytes);
    jsonw_text(&w, "database_sha256", hex);
    jsonw_int(&w, "file_count", s->file_count);
    jsonw_int(&w, "file_bytes", s->file_bytes);
    jsonw_end_object(&w);
    buf_puts(&b, "\n");
    return show(&b, e);
}

static int make_backup(const struct maintain *m, const char *data_dir, struct err *e)
{
    struct backup_summary sum;
    if (mkdir(m->backup, 0700) < 0 && errno != EEXIST)
        return err_set(e, ERR_INPUT, errno, "make %s", m->backup);
    if (confine(data_dir, m->backup, true, e) < 0 || backup_make(data_dir, m->backup, &sum, e) < 0)
        return -1;
    return show_summary(m, "backed up", m->backup, &sum, e);
}

static int restore(const struct maintain *m, const char *data_dir, struct err *e)
{
    struct backup_summary sum;
    if (!m->verify && mkdir(data_dir, 0700) < 0 && errno != EEXIST)
        return err_set(e, ERR_INPUT, errno, "make %s", data_dir);
    /* SQLite asks for a file beside the database that it may write, and goes without. */
    if (confine(data_dir, m->restore, false, e) < 0)
        return -1;
    if (m->verify) {
        if (backup_verify(m->restore, &sum, e) < 0)
            return -1;
        return show_summary(m, "verified", m->restore, &sum, e);
    }
    if (backup_restore(m->restore, data_dir, m->replace, &sum, e) < 0)
        return -1;
    return show_summary(m, "restored", m->restore, &sum, e);
}

int maintain_run(const struct maintain *m, const struct conf *conf, int *ret_status, struct err *e)
{
    if (m->backup != NULL && m->restore != NULL)
        return err_input(e, "expected one of --backup and --restore");
    *ret_status = 0;
    return m->backup != NULL ? make_backup(m, conf->store_data_dir, e)
                             : restore(m, conf->store_data_dir, e);
}
