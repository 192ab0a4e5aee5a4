/* settings.c - configuration and languages as a whole; the supervisor. */
#include "worker/settings.h"

#include <stdlib.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "worker/detect.h"

static size_t count_available(const struct language_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        count += set->items[i].version != NULL;
    return count;
}

/* The last step is the one that others see. */
static int publish(struct settings *s, struct language_set *set, struct err *e)
{
    struct store_options options = { .data_dir = s->worker.conf.store_data_dir };
    struct store *store = NULL;
    int rc = 0;
    if (store_open(&options, &store, e) != 0 || detect_versions(&s->worker, set, e) != 0 ||
        snapshot_make(&s->worker, &s->snapshot, e) != 0 || detect_publish(set, store, e) != 0)
        rc = -1;
    store_close(store);
    s->available_count = count_available(set);
    s->language_count = set->count;
    return rc;
}

int settings_open(struct worker *w, struct settings **ret, struct err *e)
{
    struct settings *s = xcalloc(1, sizeof *s);
    struct language_set set = { 0 };
    s->worker = *w;
    conf_init(&w->conf); /* ours now */
    snapshot_sweep(s->worker.conf.store_data_dir);
    int rc = worker_languages(&s->worker, &set, e);
    if (rc == 0)
        rc = publish(s, &set, e);
    language_set_done(&set);
    if (rc != 0) {
        settings_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

int settings_reload(struct settings **s, struct conf_change *change, struct err *e)
{
    struct settings *next = xcalloc(1, sizeof *next);
    struct language_set set = { 0 };
    if (worker_reread(&(*s)->worker, &next->worker, &set, change, e) != 0) {
        free(next);
        return -1;
    }
    int rc = publish(next, &set, e);
    language_set_done(&set);
    if (rc != 0) {
        settings_close(next);
        return -1;
    }
    settings_close(*s);
    *s = next;
    return 0;
}

int settings_renew(struct settings *s, struct err *e)
{
    struct settings next = { .worker = s->worker }; /* borrows the configuration */
    struct language_set set = { 0 };
    int rc = worker_languages(&next.worker, &set, e);
    if (rc == 0)
        rc = publish(&next, &set, e);
    language_set_done(&set);
    if (rc != 0) {
        snapshot_drop(&next.snapshot);
        return -1;
    }
    snapshot_drop(&s->snapshot);
    *s = next;
    return 0;
}

void settings_close(struct settings *s)
{
    if (s == NULL)
        return;
    snapshot_drop(&s->snapshot);
    conf_done(&s->worker.conf);
    free(s);
}
