/* data_args.c - which data directory a command is about; the `minos` process. */
#include "server/cli/data_args.h"

#include <stdlib.h>

#include "sandbox/base/cleanup.h"

int data_configure(const struct data_args *a, struct conf *conf, struct err *e)
{
    const char *data = a->common.data != NULL ? a->common.data : getenv("MINOS_DATA");
    if (conf_load(conf, a->config, e) < 0)
        return -1;
    for (size_t i = 0; i < a->sets.count; i++)
        if (conf_set_pair(conf, a->sets.items[i], e) < 0)
            return -1;
    auto_free_ char *pair = xasprintf("store.data_dir=%s", data != NULL ? data : "");
    if (data != NULL && data[0] != '\0' && conf_set_pair(conf, pair, e) < 0)
        return -1;
    return conf_check(conf, e);
}
