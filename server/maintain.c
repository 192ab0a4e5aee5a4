/*
 * maintain.c - backup, restore and fsck, as minos-server's other modes: they need the rights that
 * it has, and no more. `minos backup` and its like start it so, as the owner of the data.
 */
#include "server/maintain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/guard.h"
#include "schema/backup.h"
#include "schema/fsck.h"
#include "server/jsonw.h"

bool maintain_wanted(const struct maintain *m)
{
    return m->backup != NULL || m->restore != NULL || m->fsck;
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

/* ---- fsck */

/* What is told of each check, as it is made. */
struct telling {
    bool json;
    struct buf b;
    struct jsonw w;
};

static void tell_person(struct buf *b, const struct fsck_finding *f)
{
    if (f->count == 0)
        return;
    buf_printf(b, "%s %s: not so: %s (%lld)\n", f->waste ? "waste" : "WRONG", f->check, f->what,
               (long long)f->count);
    for (size_t i = 0; i < f->example_count; i++)
        buf_printf(b, "    %s\n", f->examples[i]);
    if ((size_t)f->count > f->example_count)
        buf_printf(b, "    and %lld more\n", (long long)f->count - (long long)f->example_count);
    buf_printf(b, "    %s: %s\n", f->repaired ? "repaired" : "mend", f->mend);
}

static void tell(void *ctx, const struct fsck_finding *f)
{
    struct telling *t = ctx;
    struct jsonw *w = &t->w;
    if (!t->json) {
        tell_person(&t->b, f);
        return;
    }
    jsonw_object(w, NULL);
    jsonw_text(w, "check", f->check);
    jsonw_bool(w, "ok", f->count == 0);
    jsonw_bool(w, "waste", f->waste);
    jsonw_text(w, "what", f->what);
    jsonw_int(w, "count", f->count);
    jsonw_array(w, "examples");
    for (size_t i = 0; i < f->example_count; i++)
        jsonw_prose(w, NULL, f->examples[i]);
    jsonw_end_array(w);
    jsonw_text(w, "mend", f->count > 0 ? f->mend : NULL);
    jsonw_bool(w, "repairable", f->repairable);
    jsonw_bool(w, "repaired", f->repaired);
    jsonw_end_object(w);
}

static void begin_telling(struct telling *t, const char *data_dir)
{
    if (!t->json)
        return;
    jsonw_init(&t->w, &t->b, NULL);
    jsonw_object(&t->w, NULL);
    jsonw_text(&t->w, "data", data_dir);
    jsonw_array(&t->w, "checks");
}

static void end_telling(struct telling *t, const char *data_dir, const struct fsck_totals *sum)
{
    if (!t->json) {
        buf_printf(&t->b, "%s: %lld checks, %lld wrong, %lld waste\n", data_dir,
                   (long long)sum->checks, (long long)sum->broken, (long long)sum->waste);
        return;
    }
    jsonw_end_array(&t->w);
    jsonw_int(&t->w, "broken", sum->broken);
    jsonw_int(&t->w, "waste", sum->waste);
    jsonw_bool(&t->w, "ok", sum->broken == 0);
    jsonw_end_object(&t->w);
    buf_puts(&t->b, "\n");
}

static int check(const struct maintain *m, const char *data_dir, int *ret_status, struct err *e)
{
    const struct fsck_options opt = { .digests = !m->quick, .repair = m->repair };
    struct telling t = { .json = m->json };
    struct fsck_totals sum;
    begin_telling(&t, data_dir);
    int rc = confine(data_dir, data_dir, true, e);
    if (rc == 0)
        rc = fsck_run(data_dir, &opt, tell, &t, &sum, e);
    if (rc == 0) {
        end_telling(&t, data_dir, &sum);
        *ret_status = sum.broken > 0;
    }
    if ((rc == 0 || !t.json) && show(&t.b, e) < 0)
        rc = -1;
    buf_done(&t.b);
    return rc;
}

int maintain_run(const struct maintain *m, const struct conf *conf, int *ret_status, struct err *e)
{
    if ((m->backup != NULL) + (m->restore != NULL) + m->fsck != 1)
        return err_input(e, "expected one of --backup, --restore and --fsck");
    *ret_status = 0;
    if (m->fsck)
        return check(m, conf->store_data_dir, ret_status, e);
    return m->backup != NULL ? make_backup(m, conf->store_data_dir, e)
                             : restore(m, conf->store_data_dir, e);
}
