/* reload.c - a new configuration while requests are served; the main thread of minos-server. */
#include "server/reload.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

void generations_free(struct generation *g)
{
    while (g != NULL) {
        struct generation *older = g->older;
        conf_done(&g->conf);
        free(g);
        g = older;
    }
}

/* The writer first: it may fail, when the disk does, and then nothing has changed. */
static int change_quotas(struct server *srv, const struct quotas *q, struct err *e)
{
    if (memcmp(q, &srv->conf->quotas, sizeof *q) == 0)
        return 0;
    if (writer_set_quotas(srv->writer, q, e) != 0)
        return err_wrap(e, "quotas");
    readers_set_quotas(srv->readers, q);
    auth_set_quotas(srv->auth, q);
    return 0;
}

int reload_conf(struct server *srv, const char *file, const struct opt_list *sets,
                struct generation **newest, struct conf_change *change, struct err *e)
{
    struct generation *g = xcalloc(1, sizeof *g);
    if (conf_reload(srv->conf, file, sets, &g->conf, change, e) != 0) {
        free(g);
        return -1;
    }
    if (change_quotas(srv, &g->conf.quotas, e) != 0) {
        generations_free(g);
        return -1;
    }
    g->older = *newest;
    *newest = g;
    srv->conf = &g->conf;
    return 0;
}
