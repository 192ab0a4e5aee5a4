/* conf.c - the configuration keys, read from file, environment and flags; every program, at its
 * start. The texts made from the same rows (example, manual) are in conf_text.c. */
#include "sandbox/base/conf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf_keys.h"
#include "sandbox/base/nearest.h"
#include "sandbox/base/netlist.h"
#include "sandbox/base/opt.h"
#include "sandbox/base/units.h"
#include "sandbox/base/yaml.h"

/* --- sections and keys by name --------------------------------------------------------------- */

/* "images" is a section too, but its keys are names that the operator picks. */
static const char *const images_section = "images";

static bool known_section(const char *section)
{
    if (strcmp(section, images_section) == 0)
        return true;
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_keys[i].section, section) == 0)
            return true;
    return false;
}

static const struct conf_key *find_key(const char *name)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_keys[i].name, name) == 0)
            return &conf_keys[i];
    return NULL;
}

/* Says which section or key is unknown, and what was probably meant. */
static int unknown_key(const char *name, struct err *e)
{
    size_t section_len = strcspn(name, ".");
    auto_free_ char *section = xstrndup(name, section_len);
    bool in_section = known_section(section);
    struct nearest n = { .wanted = in_section ? name : section };
    for (size_t i = 0; i < conf_key_count; i++)
        nearest_offer(&n, in_section ? conf_keys[i].name : conf_keys[i].section);
    if (!in_section)
        nearest_offer(&n, images_section);
    const char *what = in_section ? "key" : "section";
    if (n.name != NULL)
        return err_input(e, "unknown %s \"%.64s\"; did you mean %s?", what, n.wanted, n.name);
    return err_input(e, "unknown %s \"%.64s\"", what, n.wanted);
}

/* --- images ---------------------------------------------------------------------------------- */

static bool good_image_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
        return false;
    return isalnum((unsigned char)name[0]) != 0;
}

static struct conf_image *image_slot(struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->image_count; i++)
        if (strcmp(c->images[i].name, name) == 0)
            return &c->images[i];
    return c->image_count < CONF_IMAGES_MAX ? &c->images[c->image_count] : NULL;
}

static int set_image(struct conf *c, const char *name, const char *path, struct err *e)
{
    if (!good_image_name(name))
        return err_input(e, "expected a name of a-z, 0-9, '.', '_', '-', 63 at most, got \"%.64s\"",
                         name);
    if (strcmp(name, "host") == 0)
        return err_input(e, "\"host\" is built in and cannot be defined");
    if (path[0] != '/' || strlen(path) > 4000)
        return err_input(e, "expected an absolute path, got \"%.64s\"", path);
    struct conf_image *image = image_slot(c, name);
    if (image == NULL)
        return err_input(e, "more than %d images", CONF_IMAGES_MAX);
    if (image == &c->images[c->image_count])
        c->images[c->image_count++].name = xstrdup(name);
    free(image->path);
    image->path = xstrdup(path);
    return 0;
}

/* --- one value ------------------------------------------------------------------------------- */

static int set_value(struct conf *c, const char *name, const char *value, struct err *e)
{
    size_t section_len = strcspn(name, ".");
    if (name[section_len] != '.')
        return err_input(e, "expected SECTION.KEY, got \"%.64s\"", name);
    if (strncmp(name, "images.", 7) == 0)
        return set_image(c, name + 7, value, e) < 0 ? err_wrap(e, "%.80s", name) : 0;
    const struct conf_key *key = find_key(name);
    if (key == NULL)
        return unknown_key(name, e);
    return conf_key_read(key, c, value, e) < 0 ? err_wrap(e, "%s", key->name) : 0;
}

int conf_set(struct conf *c, const char *key, const char *value, const char *origin, struct err *e)
{
    return set_value(c, key, value, e) < 0 ? err_wrap(e, "%s", origin) : 0;
}

void conf_init(struct conf *c)
{
    *c = (struct conf){ 0 };
    for (size_t i = 0; i < conf_key_count; i++)
        conf_key_default(&conf_keys[i], c);
}

void conf_done(struct conf *c)
{
    for (size_t i = 0; i < conf_key_count; i++)
        conf_key_done(&conf_keys[i], c);
    for (size_t i = 0; i < c->image_count; i++) {
        free(c->images[i].name);
        free(c->images[i].path);
    }
    free(c->file);
    *c = (struct conf){ 0 };
}

/* --- the file -------------------------------------------------------------------------------- */

/* `server:` with nothing below, as when every key is commented out, reads as an empty text. */
static bool is_empty(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR && n->text[0] == '\0' && !n->quoted;
}

static int load_section(struct conf *c, const char *path, const char *section,
                        const struct yaml_node *n, struct err *e)
{
    if (!known_section(section))
        return unknown_key(section, e) < 0 ? err_wrap(e, "%s: line %d", path, n->line) : 0;
    if (is_empty(n))
        return 0;
    if (n->kind != YAML_MAPPING)
        return err_input(e, "%s: line %d: %s: expected keys below it", path, n->line, section);
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *item = n->items[i];
        auto_free_ char *origin = xasprintf("%s: line %d", path, item->line);
        auto_free_ char *key = xasprintf("%s.%s", section, n->keys[i]);
        if (item->kind != YAML_SCALAR)
            return err_input(e, "%s: %.80s: expected one value", origin, key);
        if (conf_set(c, key, item->text, origin, e) < 0)
            return -1;
    }
    return 0;
}

static int load_tree(struct conf *c, const char *path, const struct yaml_node *root, struct err *e)
{
    if (is_empty(root))
        return 0;
    if (root->kind != YAML_MAPPING)
        return err_input(e, "%s: line %d: expected sections such as server:", path, root->line);
    for (size_t i = 0; i < root->count; i++)
        if (load_section(c, path, root->keys[i], root->items[i], e) < 0)
            return -1;
    return 0;
}

static int load_file(struct conf *c, const char *path, struct err *e)
{
    struct yaml_node *root = NULL;
    if (yaml_load(path, &root, e) < 0)
        return -1;
    int result = load_tree(c, path, root, e);
    yaml_free(root);
    if (result == 0) {
        free(c->file);
        c->file = xstrdup(path);
    }
    return result;
}

/* --- the environment ------------------------------------------------------------------------- */

/* "limits.cpu_time_ms" -> "LIMITS_CPU_TIME_MS" is what `rest` is compared with. */
static bool names_key(const char *rest, size_t len, const char *key)
{
    if (strlen(key) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (rest[i] != (key[i] == '.' ? '_' : toupper((unsigned char)key[i])))
            return false;
    return true;
}

/* The known section that the variable's name begins with, the longest one: compile_limits is not
 * compile. */
static const char *section_of(const char *rest)
{
    const char *best = NULL;
    for (size_t i = 0; i <= conf_key_count; i++) {
        const char *section = i < conf_key_count ? conf_keys[i].section : images_section;
        size_t len = strlen(section);
        if (strlen(rest) > len && rest[len] == '_' && names_key(rest, len, section))
            best = best == NULL || len > strlen(best) ? section : best;
    }
    return best;
}

/* The key that a variable stands for: made from the text after its section. */
static char *key_of(const char *rest, size_t len, const char *section)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (names_key(rest, len, conf_keys[i].name))
            return xstrdup(conf_keys[i].name);
    char *key =
        xasprintf("%s.%.*s", section, (int)(len - strlen(section) - 1), rest + strlen(section) + 1);
    for (char *p = key; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return key;
}

/* Variables that begin with a section's name must be keys; other MINOS_* have other readers. */
static int load_variable(struct conf *c, const char *variable, struct err *e)
{
    static const char prefix[] = "MINOS_";
    const char *equals = strchr(variable, '=');
    if (strncmp(variable, prefix, sizeof prefix - 1) != 0 || equals == NULL)
        return 0;
    const char *rest = variable + sizeof prefix - 1;
    size_t len = (size_t)(equals - rest);
    const char *section = section_of(rest);
    if (section == NULL || len <= strlen(section) + 1)
        return 0;
    auto_free_ char *key = key_of(rest, len, section);
    auto_free_ char *origin = xstrndup(variable, (size_t)(equals - variable));
    return conf_set(c, key, equals + 1, origin, e);
}

static int load_environment(struct conf *c, struct err *e)
{
    for (char **v = environ; v != NULL && *v != NULL; v++)
        if (load_variable(c, *v, e) < 0)
            return -1;
    return 0;
}

int conf_load(struct conf *c, const char *path, struct err *e)
{
    if (path == NULL)
        path = getenv("MINOS_CONFIG");
    bool asked = path != NULL && *path != '\0';
    if (!asked)
        path = CONF_DEFAULT_FILE;
    if (load_file(c, path, e) < 0 && (asked || e->kind != ERR_SYS || e->errnum != ENOENT)) {
        if (asked)
            e->kind = ERR_INPUT; /* who names a file means one that can be read */
        return -1;
    }
    return load_environment(c, e);
}

/* --- what spans keys ------------------------------------------------------------------------- */

static int check_within_ceilings(const struct conf *c, const char *section, const struct limits *l,
                                 struct err *e)
{
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t value = limits_get(l, row), ceiling = limits_get(&c->ceilings, row);
        if (value > ceiling)
            return err_input(e, "%s.%s: expected at most ceilings.%s, %" PRId64 " %s, got %" PRId64,
                             section, row->name, row->name, ceiling, row->unit, value);
    }
    return 0;
}

/* Elapsed time over before the cores could use up the cpu time: that limit would never be met. */
static int check_times(const struct conf *c, const char *section, const struct limits *l,
                       struct err *e)
{
    int64_t least_ms = (l->cpu_time_ms + c->box_cpus - 1) / c->box_cpus;
    if (l->wall_time_ms >= least_ms)
        return 0;
    return err_input(e,
                     "%s.wall_time_ms: expected at least %" PRId64 " ms, %s.cpu_time_ms over"
                     " box.cpus, got %" PRId64,
                     section, least_ms, section, l->wall_time_ms);
}

static int check_limits(const struct conf *c, struct err *e)
{
    if (check_within_ceilings(c, "limits", &c->limits, e) < 0 ||
        check_within_ceilings(c, "compile_limits", &c->compile_limits, e) < 0 ||
        check_times(c, "limits", &c->limits, e) < 0 ||
        check_times(c, "compile_limits", &c->compile_limits, e) < 0)
        return -1;
    return check_times(c, "ceilings", &c->ceilings, e);
}

enum { RETENTION_LEAST_MS = 1000 };

static int check_service(const struct conf *c, struct err *e)
{
    if (c->server_connections < c->server_threads)
        return err_input(
            e, "server.connections: expected at least server.threads, %" PRId64 ", got %" PRId64,
            c->server_threads, c->server_connections);
    if (c->store_retention_ms != 0 && c->store_retention_ms < RETENTION_LEAST_MS)
        return err_input(e,
                         "store.retention_ms: expected 0s, which keeps everything, or at least"
                         " 1s, for results to be fetched, got %" PRId64 "ms",
                         c->store_retention_ms);
    return 0;
}

int conf_log_level(const char *name, enum log_level *ret, struct err *e)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error",
        [LOG_WARN] = "warn",
        [LOG_INFO] = "info",
        [LOG_DEBUG] = "debug",
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(names[i], name) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return err_input(e, "log.level: expected error, warn, info or debug, got \"%.64s\"", name);
}

/* "HOST:PORT" or "[HOST]:PORT": the host without brackets, or NULL. The caller frees it. */
static char *listen_host(const char *listen, bool *ret_v6)
{
    const char *colon = strrchr(listen, ':');
    int64_t port;
    struct err ignored;
    if (colon == NULL || colon == listen || units_parse_int(colon + 1, 0, 65535, &port, &ignored))
        return NULL;
    *ret_v6 = listen[0] == '[' && colon[-1] == ']' && colon - listen > 2;
    return *ret_v6 ? xstrndup(listen + 1, (size_t)(colon - listen) - 2)
                   : xstrndup(listen, (size_t)(colon - listen));
}

static int check_listen(const struct conf *c, struct err *e)
{
    struct in_addr v4;
    struct in6_addr v6;
    bool is_v6 = false, loopback = false;
    auto_free_ char *host = listen_host(c->server_listen, &is_v6);
    if (host == NULL || inet_pton(is_v6 ? AF_INET6 : AF_INET, host, is_v6 ? &v6 : (void *)&v4) != 1)
        return err_input(e,
                         "server.listen: expected ADDRESS:PORT, such as 127.0.0.1:8080 or"
                         " [::1]:8080, got \"%.64s\"",
                         c->server_listen);
    loopback = is_v6 ? IN6_IS_ADDR_LOOPBACK(&v6) : ntohl(v4.s_addr) >> 24 == 127;
    if (c->server_allow_anonymous && !loopback)
        return err_input(e,
                         "server.allow_anonymous: expected a loopback address in server.listen,"
                         " got \"%.64s\"",
                         c->server_listen);
    return 0;
}

static int check_callbacks(const struct conf *c, struct err *e)
{
    struct net_list networks;
    struct port_list ports;
    if (net_list_parse(c->callbacks_allow, &networks, e) < 0)
        return err_wrap(e, "callbacks.allow");
    if (port_list_parse(c->callbacks_ports, &ports, e) < 0)
        return err_wrap(e, "callbacks.ports");
    if (c->callbacks_ca_file[0] != '\0' &&
        (c->callbacks_ca_file[0] != '/' || strlen(c->callbacks_ca_file) > 1000))
        return err_input(e, "callbacks.ca_file: expected an absolute path, got \"%.64s\"",
                         c->callbacks_ca_file);
    if (c->callbacks_retry_max_ms < c->callbacks_retry_first_ms)
        return err_input(e,
                         "callbacks.retry_max_ms: expected at least callbacks.retry_first_ms, "
                         "%" PRId64 " ms, got %" PRId64,
                         c->callbacks_retry_first_ms, c->callbacks_retry_max_ms);
    return 0;
}

int conf_check(const struct conf *c, struct err *e)
{
    enum log_level level;
    if (check_listen(c, e) < 0 || conf_log_level(c->log_level, &level, e) < 0 ||
        check_limits(c, e) < 0 || check_service(c, e) < 0 || check_callbacks(c, e) < 0)
        return -1;
    if (c->store_data_dir[0] == '\0')
        return err_input(e, "store.data_dir: expected a directory, got \"\"");
    if (strcmp(c->box_cgroup, "auto") != 0 && c->box_cgroup[0] != '/')
        return err_input(e, "box.cgroup: expected auto or an absolute path, got \"%.64s\"",
                         c->box_cgroup);
    if (c->worker_artifact_bytes > c->worker_artifact_cache_bytes)
        return err_input(e,
                         "worker.artifact_bytes: expected at most worker.artifact_cache_bytes,"
                         " %" PRId64 " bytes, got %" PRId64,
                         c->worker_artifact_cache_bytes, c->worker_artifact_bytes);
    return 0;
}

int conf_set_pair(struct conf *c, const char *pair, struct err *e)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL)
        return err_input(e, "--set: expected KEY=VALUE, got \"%.64s\"", pair);
    auto_free_ char *key = xstrndup(pair, (size_t)(equals - pair));
    return conf_set(c, key, equals + 1, "--set", e);
}

int conf_load_args(struct conf *c, const char *path, const struct opt_list *pairs, struct err *e)
{
    if (conf_load(c, path, e) < 0)
        return -1;
    for (size_t i = 0; i < pairs->count; i++)
        if (conf_set_pair(c, pairs->items[i], e) < 0)
            return -1;
    return conf_check(c, e);
}

enum log_level conf_level(const struct conf *c)
{
    enum log_level level = LOG_INFO;
    struct err e;
    int r = conf_log_level(c->log_level, &level, &e);
    assert(r == 0);
    return level;
}

char *conf_guard_path(const struct conf *c)
{
    const char *file = c->file != NULL ? c->file : CONF_DEFAULT_FILE;
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return xstrdup(".");
    return slash == file ? xstrdup(file) : xstrndup(file, (size_t)(slash - file));
}
