/* language_set.c - all languages of this host: directories of files, what they say to clients;
 * supervisor and slots. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "worker/language.h"

struct language *language_find(const struct language_set *set, const char *id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].id, id) == 0)
            return &set->items[i];
    }
    return NULL;
}

static void put(struct language_set *set, struct language *l)
{
    struct language *old = language_find(set, l->id);
    if (old != NULL) {
        language_done(old);
        *old = *l;
        return;
    }
    set->items = xrealloc(set->items, (set->count + 1) * sizeof(*set->items));
    set->items[set->count++] = *l;
}

static bool is_yaml(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_dir(const char *dir, bool may_miss, struct text_list *names, struct err *e)
{
    auto_dir_ DIR *d = opendir(dir);
    if (d == NULL && errno == ENOENT && may_miss)
        return 0;
    if (d == NULL)
        return err_sys(e, "read the languages in %s", dir);
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (is_yaml(entry->d_name))
            text_list_add(names, entry->d_name);
    }
    if (names->count != 0)
        qsort(names->items, names->count, sizeof(*names->items), by_name);
    return 0;
}

int language_set_read(struct language_set *set, const char *dir, bool may_miss, struct err *e)
{
    auto_list_ struct text_list names = { 0 };
    if (list_dir(dir, may_miss, &names, e) != 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        auto_free_ char *path = xasprintf("%s/%s", dir, names.items[i]);
        struct language l;
        if (language_load(path, &l, e) != 0)
            return -1;
        put(set, &l);
    }
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct language *x = a, *y = b;
    return strcmp(x->id, y->id);
}

void language_set_finish(struct language_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].enabled)
            set->items[kept++] = set->items[i];
        else
            language_done(&set->items[i]);
    }
    set->count = kept;
    if (kept != 0)
        qsort(set->items, kept, sizeof(*set->items), by_id);
}

void language_set_done(struct language_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        language_done(&set->items[i]);
    free(set->items);
    *set = (struct language_set){ 0 };
}

int language_set_versions(struct language_set *set, struct store *s, struct err *e)
{
    struct language_record *records = NULL;
    size_t count = 0;
    if (languages_load(s, &records, &count, e) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct language *l = language_find(set, records[i].id);
        if (l != NULL && records[i].available && records[i].version != NULL) {
            free(l->version);
            l->version = xstrdup(records[i].version);
        }
    }
    languages_free(records, count);
    return 0;
}

/* By where this program is: build/release/minos-worker belongs to a source tree,
 * PREFIX/libexec/minos/minos-worker to what was installed with it, whatever PREFIX it was built
 * for. */
static char *near_dir(void)
{
    static const char *const places[] = { "deploy/languages", "share/minos/languages" };
    char exe[4096];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (len <= 0)
        return NULL;
    exe[len] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    char *found = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(places) && found == NULL; i++) {
        auto_free_ char *dir = xasprintf("%s/../../%s", exe, places[i]);
        found = realpath(dir, NULL);
    }
    return found;
}

char *language_shipped_dir(void)
{
    const char *named = getenv("MINOS_LANGUAGES");
    if (named != NULL && named[0] != '\0')
        return xstrdup(named);
    char *near = near_dir();
    return near != NULL ? near : xstrdup(MINOS_PREFIX "/share/minos/languages");
}

static json_t *list_json(const struct text_list *l)
{
    json_t *array = json_array();
    for (size_t i = 0; i < l->count; i++)
        json_array_append_new(array, json_string(l->items[i]));
    return array;
}

static json_t *limits_json(const struct limits *l)
{
    json_t *object = json_object();
    for (size_t i = 0; i < limits_count; i++) {
        int64_t value = limits_get(l, &limits_table[i]);
        if (value >= 0)
            json_object_set_new(object, limits_table[i].name, json_integer(value));
    }
    return object;
}

char *language_detail_json(const struct language *l)
{
    json_t *root = json_object();
    json_object_set_new(root, "image", json_string(l->image));
    json_object_set_new(root, "aliases", list_json(&l->aliases));
    if (l->compile_command.count != 0)
        json_object_set_new(root, "compile_command", list_json(&l->compile_command));
    json_object_set_new(root, "run_command", list_json(&l->run_command));
    json_object_set_new(root, "extra_limits", limits_json(&l->run_extra));
    json_object_set_new(root, "minimum_limits", limits_json(&l->run_minimum));
    if (l->hello != NULL)
        json_object_set_new(root, "hello", json_string(l->hello));
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL)
        abort(); /* only when the heap is exhausted: the texts came from a YAML file, so are UTF-8
                  */
    return text;
}
