/* reload.h - a new configuration for minos-server while it serves; its main thread. */
#pragma once

#include "sandbox/base/conf_reload.h"
#include "server/server.h"

/* A configuration that was in force: threads may still be reading it, so it stays to the end. */
struct generation {
    struct conf conf;
    struct generation *older;
};

/* Read the configuration again and let it take effect, all or nothing. *newest grows by one. */
must_check_ int reload_conf(struct server *srv, const char *file, const struct opt_list *sets,
                            struct generation **newest, struct conf_change *change, struct err *e);

void generations_free(struct generation *g);
