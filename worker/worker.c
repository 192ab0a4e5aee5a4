/* worker.c - what the supervisor and the slots both reach for; both. */
#include "worker/worker.h"

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf_reload.h"

int worker_languages(const struct worker *w, struct language_set *ret, struct err *e)
{
    auto_free_ char *shipped = language_shipped_dir();
    struct language_set set = { 0 };
    if (language_set_read(&set, shipped, false, e) != 0 ||
        language_set_read(&set, w->conf.worker_languages_dir, true, e) != 0) {
        language_set_done(&set);
        return -1;
    }
    language_set_finish(&set);
    *ret = set;
    return 0;
}

int worker_reread(const struct worker *w, struct worker *next, struct language_set *set,
                  struct conf_change *change, struct err *e)
{
    struct worker n = *w;
    if (conf_reload(&w->conf, w->config_file, w->sets, &n.conf, change, e) != 0)
        return -1;
    if (worker_languages(&n, set, e) != 0) {
        conf_done(&n.conf);
        return -1;
    }
    *next = n;
    return 0;
}

int worker_open_box(const struct worker *w, struct box **ret, struct err *e)
{
    auto_free_ char *artifacts = xasprintf("%s/artifacts", w->conf.store_data_dir);
    const char *args[] = { "--artifacts", artifacts, NULL };
    struct box_options o = { .socket_path = w->box_socket, .timeout_ms = 30000 };
    if (w->box_program != NULL)
        o = (struct box_options){ .program = w->box_program, .args = args, .timeout_ms = 30000 };
    return box_open(&o, ret, e);
}
