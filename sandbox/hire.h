/*
 * hire.h - a keeper for one command line: what `minos-box run` and `minos-box doctor` share. The
 * keeper is this very program, started again; it reads the same configuration.
 */
#pragma once

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/opt.h"
#include "sandbox/box.h"

/* What both commands take: --config and --set. */
struct hire_options {
    const char *config;
    struct opt_list set;
};

#define HIRE_ROWS(args, member)                                                                    \
    { "config", 'c',                                                                               \
      OPT_TEXT, offsetof(args, member.config),                                                     \
      "FILE",   "configuration (default " CONF_DEFAULT_FILE ")",                                   \
      0,        0 },                                                                               \
    {                                                                                              \
        "set", 's', OPT_LIST, offsetof(args, member.set), "KEY=VALUE",                             \
            "override one configuration key; may be repeated", 0, 0                                \
    }

/* Load the configuration as the keeper will; the caller has called conf_init and calls conf_done.
 */
must_check_ int hire_conf(const struct hire_options *o, struct conf *c, struct err *e);

/* Start a keeper and take its greeting. `own` are `own_count` further "KEY=VALUE"s that the
 * operator's --set come after. */
must_check_ int hire_keeper(const struct hire_options *o, const char *const *own, size_t own_count,
                            struct box **ret, struct err *e);
