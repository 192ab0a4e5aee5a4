/* data_args.h - the options of commands that work on a data directory: which one it is. */
#pragma once

#include "sandbox/base/conf.h"
#include "server/cli/cli.h"

/* First member of the args struct of such a command. */
struct data_args {
    struct common common;
    const char *config;
    struct opt_list sets;
};

/* clang-format off */
#define DATA_ROWS                                                                                  \
    { "data",                                                                                      \
      'd',                                                                                         \
      OPT_TEXT,                                                                                    \
      offsetof(struct common, data),                                                               \
      "DIR",                                                                                       \
      "data directory (store.data_dir; default: $MINOS_DATA,\nelse what the configuration says)",  \
      0,                                                                                           \
      0 },                                                                                         \
        { "config",                                                                                \
          'c',                                                                                     \
          OPT_TEXT,                                                                                \
          offsetof(struct data_args, config),                                                           \
          "FILE",                                                                                  \
          "configuration (default: $MINOS_CONFIG,\nelse " CONF_DEFAULT_FILE " where it exists)",   \
          0,                                                                                       \
          0 },                                                                                     \
    {                                                                                              \
        "set", 's', OPT_LIST, offsetof(struct data_args, sets), "KEY=VALUE",                            \
            "set one key of the configuration, as often as needed", 0, 0                           \
    }
/* clang-format on */

/* The configuration with store.data_dir as --data, $MINOS_DATA or the file have it. */
must_check_ int data_configure(const struct data_args *a, struct conf *conf, struct err *e);
