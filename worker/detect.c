/* detect.c - finds out which languages work by running their tools in cells; the supervisor,
 * before it has slots. */
#include "worker/detect.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/openat2.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "worker/tool.h"

enum { VERSION_BYTES_MAX = 64 };

struct detector {
    const struct worker *w;
    struct box *box; /* opened when first needed */
    json_t *known;   /* id -> {"key", "version"}, from an earlier start */
    json_t *found;   /* the same, of this one */
};

/* ---- the state of the tools ------------------------------------------------------------------ */

static const char *image_root(const struct conf *c, const char *image)
{
    for (size_t i = 0; i < c->image_count; i++) {
        if (strcmp(c->images[i].name, image) == 0)
            return c->images[i].path;
    }
    return strcmp(image, "host") == 0 ? "/" : NULL;
}

static int stat_in_root(int root_fd, const char *path, struct stat *st)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
    auto_fd_ int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    return fd < 0 ? -1 : fstat(fd, st);
}

static const char *const search_path[] = { "/usr/local/bin/", "/usr/bin/", "/bin/" };

static bool find_tool(int root_fd, const char *tool, struct stat *st)
{
    if (tool[0] == '/')
        return stat_in_root(root_fd, tool, st) == 0;
    for (size_t i = 0; i < ARRAY_COUNT(search_path); i++) {
        auto_free_ char *path = xasprintf("%s%s", search_path[i], tool);
        if (stat_in_root(root_fd, path, st) == 0)
            return true;
    }
    return false;
}

static void hash_tool(struct store_hash *h, int root_fd, const struct text_list *command)
{
    struct stat st = { 0 };
    if (command->count == 0 || strncmp(command->items[0], "./", 2) == 0)
        return;
    bool there = find_tool(root_fd, command->items[0], &st);
    int64_t state[] = { there, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_size,
                        (int64_t)st.st_ino };
    store_hash_add(h, state, sizeof(state));
}

void detect_key(const struct conf *c, const struct language *l, char ret_hex[STORE_HEX_BYTES],
                bool *ret_there)
{
    struct stat st;
    uint8_t hash[STORE_SHA256_BYTES];
    const char *root = image_root(c, l->image);
    auto_fd_ int root_fd = root != NULL ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    struct store_hash *h = store_hash_new();
    store_hash_add(h, l->file_sha256, sizeof(l->file_sha256));
    store_hash_add(h, root != NULL ? root : "", root != NULL ? strlen(root) : 0);
    *ret_there = root_fd < 0 || find_tool(root_fd, l->version_command.items[0], &st);
    if (root_fd >= 0) {
        hash_tool(h, root_fd, &l->version_command);
        hash_tool(h, root_fd, &l->compile_command);
        hash_tool(h, root_fd, &l->run_command);
    }
    store_hash_end(h, hash);
    store_hex(hash, ret_hex);
}

/* ---- asking a tool --------------------------------------------------------------------------- */

/* The version in what the tool printed, or NULL. The caller frees. */
static char *find_version(const char *pattern, const char *text)
{
    regex_t re;
    regmatch_t groups[2];
    char *version = NULL;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return NULL; /* language_load has refused such a pattern */
    if (regexec(&re, text, ARRAY_COUNT(groups), groups, 0) == 0) {
        const regmatch_t *g = groups[1].rm_so >= 0 ? &groups[1] : &groups[0];
        if (g->rm_eo > g->rm_so && g->rm_eo - g->rm_so <= VERSION_BYTES_MAX)
            version = xstrndup(text + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
    }
    regfree(&re);
    return version;
}

/* Run one of the language's commands in a cell; `output` is initialised here. */
static int run_in_cell(struct detector *d, const struct language *l,
                       const struct text_list *command, bool with_hello, struct keep *output,
                       struct box_outcome *outcome, struct err *e)
{
    if (d->box == NULL && worker_open_box(d->w, &d->box, e) != 0)
        return -1;
    struct tool_run run = { .conf = &d->w->conf,
                            .box = d->box,
                            .language = l,
                            .command = command,
                            .with_hello = with_hello };
    return tool_run(&run, output, outcome, e);
}

static void say_broken(const struct detector *d, const struct language *l, const char *step,
                       const struct box_outcome *o, const char *output)
{
    char quoted[LOG_QUOTE_BYTES];
    log_event(&d->w->log, LOG_WARN, "language_broken",
              "language=%s step=%s exit_code=%d signal=%d cause=%s exec_errno=%d output=%s", l->id,
              step, o->exit_code, o->signal, box_cause_name(o->cause), o->exec_errno,
              log_quote(output, quoted));
}

static int ask_version(struct detector *d, struct language *l, struct err *e)
{
    auto_keep_ struct keep output = { 0 };
    auto_buf_ struct buf text;
    struct box_outcome o = { 0 };
    int64_t head;
    buf_init(&text, 0);
    if (run_in_cell(d, l, &l->version_command, false, &output, &o, e) != 0)
        return -1;
    keep_get(&output, &text, &head);
    if (tool_ended_well(&o))
        l->version = find_version(l->version_pattern, buf_text(&text));
    if (l->version == NULL)
        say_broken(d, l, "version", &o, buf_text(&text));
    return 0;
}

/* A compiler may be there without what it needs (headers, a linker): it compiles a hello. */
static int try_hello(struct detector *d, struct language *l, struct err *e)
{
    auto_keep_ struct keep output = { 0 };
    auto_buf_ struct buf text;
    struct box_outcome o = { 0 };
    int64_t head;
    buf_init(&text, 0);
    if (run_in_cell(d, l, &l->compile_command, true, &output, &o, e) != 0)
        return -1;
    keep_get(&output, &text, &head);
    if (tool_ended_well(&o))
        return 0;
    say_broken(d, l, "compile", &o, buf_text(&text));
    free(l->version);
    l->version = NULL;
    return 0;
}

static int ask(struct detector *d, struct language *l, struct err *e)
{
    if (ask_version(d, l, e) != 0)
        return -1;
    if (l->version == NULL || l->hello == NULL || l->compile_command.count == 0)
        return 0;
    return try_hello(d, l, e);
}

/* A command that no keeper takes (an image that is not configured) is that language's trouble. */
static int ask_patiently(struct detector *d, struct language *l, struct err *e)
{
    if (ask(d, l, e) == 0)
        return 0;
    err_wrap(e, "detect %s", l->id);
    if (e->kind != ERR_INPUT)
        return -1;
    log_error(&d->w->log, "language_broken", e);
    free(l->version);
    l->version = NULL;
    return 0;
}

/* ---- what an earlier start found ------------------------------------------------------------- */

static const char *known_version(const struct detector *d, const char *id, const char *key)
{
    const json_t *row = json_object_get(d->known, id);
    const char *known_key = json_string_value(json_object_get(row, "key"));
    if (known_key == NULL || strcmp(known_key, key) != 0)
        return NULL;
    return json_string_value(json_object_get(row, "version"));
}

static int detect_one(struct detector *d, struct language *l, struct err *e)
{
    char key[STORE_HEX_BYTES];
    bool there = false;
    detect_key(&d->w->conf, l, key, &there);
    if (!there)
        return 0;
    const char *known = known_version(d, l->id, key);
    if (known != NULL)
        l->version = xstrdup(known);
    else if (ask_patiently(d, l, e) != 0)
        return -1;
    if (l->version != NULL)
        json_object_set_new(d->found, l->id,
                            json_pack("{s:s, s:s}", "key", key, "version", l->version));
    return 0;
}

/* Only a memory of what can be asked again: neither a failure nor a crash matters. */
static void remember(const struct detector *d, const char *path)
{
    auto_free_ char *temp = xasprintf("%s.new-%d", path, (int)getpid());
    if (json_dump_file(d->found, temp, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 ||
        rename(temp, path) != 0)
        unlink(temp);
}

int detect_versions(const struct worker *w, struct language_set *set, struct err *e)
{
    auto_free_ char *path = xasprintf("%s/languages.json", w->conf.store_data_dir);
    struct detector d = { .w = w, .known = json_load_file(path, 0, NULL), .found = json_object() };
    int rc = 0;
    for (size_t i = 0; i < set->count && rc == 0; i++)
        rc = detect_one(&d, &set->items[i], e);
    if (rc == 0 && !json_equal(d.known, d.found))
        remember(&d, path);
    box_close(d.box);
    json_decref(d.known);
    json_decref(d.found);
    return rc;
}

int detect_publish(const struct language_set *set, struct store *s, struct err *e)
{
    struct language_record *rows = xcalloc(set->count, sizeof(*rows));
    for (size_t i = 0; i < set->count; i++) {
        const struct language *l = &set->items[i];
        rows[i] = (struct language_record){
            .id = l->id,
            .name = l->name,
            .version = l->version,
            .available = l->version != NULL,
            .package = l->package,
            .source_file = l->source_file,
            .detail_json = language_detail_json(l),
        };
    }
    int rc = languages_replace(s, rows, set->count, e);
    for (size_t i = 0; i < set->count; i++)
        free(rows[i].detail_json);
    free(rows);
    return rc;
}
