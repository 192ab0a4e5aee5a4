/* hire.c - a keeper for one command line; runs in `minos-box run` and `minos-box doctor`. */
#include "sandbox/hire.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

/* The proof takes some hundred milliseconds; an hour-long wait would only hide a fault. */
enum { GREETING_TIMEOUT_MS = 60000 };

int hire_conf(const struct hire_options *o, struct conf *c, struct err *e)
{
    return conf_load_args(c, o->config, &o->set, e);
}

int hire_keeper(const struct hire_options *o, const char *const *own, size_t own_count,
                struct box **ret, struct err *e)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0)
        return err_sys(e, "readlink /proc/self/exe");
    program[n] = '\0';
    auto_free_ const char **args = xcalloc(2 * (own_count + o->set.count) + 3, sizeof *args);
    size_t count = 0;
    if (o->config != NULL) {
        args[count++] = "--config";
        args[count++] = o->config;
    }
    for (size_t i = 0; i < own_count + o->set.count; i++) {
        args[count++] = "--set";
        args[count++] = i < own_count ? own[i] : o->set.items[i - own_count];
    }
    struct box_options options = { .program = program,
                                   .args = args,
                                   .timeout_ms = GREETING_TIMEOUT_MS };
    return box_open(&options, ret, e);
}
