/* yaml.c - libyaml's events made into a bounded tree; every process that reads configuration.
 *
 * The file may be hostile: its size, depth and number of nodes are capped, and whatever could make
 * the tree larger than the text (anchors and aliases) is refused. */
#include "sandbox/base/yaml.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
    DEPTH_MAX = 32,
    NODES_MAX = 50000,
    KEYS_MAX = 2000, /* in one mapping: duplicates are looked for one by one */
};

struct reader {
    yaml_parser_t parser;
    const char *name;
    size_t node_count;
    struct err *e;
};

static void event_done(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static void node_done(struct yaml_node **n)
{
    yaml_free(*n);
}

#define auto_event_ __attribute__((cleanup(event_done)))
#define auto_node_ __attribute__((cleanup(node_done)))

static int line_of(const yaml_mark_t *mark)
{
    return (int)mark->line + 1;
}

static int parser_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        return err_input(r->e, "%s: byte %zu: %s", r->name, p->problem_offset, problem);
    const char *context = p->context != NULL ? p->context : "";
    return err_input(r->e, "%s: line %d: %s%s%s", r->name, line_of(&p->problem_mark), problem,
                     *context != '\0' ? " " : "", context);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : parser_error(r);
}

static int reject(struct reader *r, int line, const char *what)
{
    return err_input(r->e, "%s: line %d: %s", r->name, line, what);
}

/* Anchors and tags have no place in configuration. */
static int check_plain(struct reader *r, int line, const yaml_char_t *anchor,
                       const yaml_char_t *tag)
{
    if (anchor != NULL)
        return reject(r, line, "anchors (&name) are not supported");
    if (tag != NULL)
        return reject(r, line, "tags (!name) are not supported");
    return 0;
}

static int scalar_text(struct reader *r, const yaml_event_t *event, char **ret)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    int line = line_of(&event->start_mark);
    if (check_plain(r, line, event->data.scalar.anchor, event->data.scalar.tag) < 0)
        return -1;
    if (memchr(text, '\0', len) != NULL)
        return reject(r, line, "NUL characters are not supported");
    *ret = xstrndup(text, len);
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, int depth,
                     struct yaml_node **ret);

/* Room for one more entry: the arrays double when the count is a power of two. */
static void grow(struct yaml_node *n)
{
    if ((n->count & (n->count - 1)) != 0)
        return;
    size_t cap = n->count == 0 ? 1 : n->count * 2;
    n->items = xrealloc(n->items, cap * sizeof *n->items);
    if (n->kind == YAML_MAPPING)
        n->keys = xrealloc(n->keys, cap * sizeof *n->keys);
}

static int read_sequence(struct reader *r, struct yaml_node *n, int depth)
{
    for (;;) {
        auto_event_ yaml_event_t event = { 0 };
        if (next_event(r, &event) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        struct yaml_node *item = NULL;
        if (read_node(r, &event, depth + 1, &item) < 0)
            return -1;
        grow(n);
        n->items[n->count++] = item;
    }
}

static int read_key(struct reader *r, const struct yaml_node *n, const yaml_event_t *event,
                    char **ret)
{
    int line = line_of(&event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return reject(r, line, "expected a plain key");
    auto_free_ char *key = NULL;
    if (scalar_text(r, event, &key) < 0)
        return -1;
    if (yaml_get(n, key) != NULL)
        return err_input(r->e, "%s: line %d: duplicate key \"%.64s\"", r->name, line, key);
    if (n->count >= KEYS_MAX)
        return reject(r, line, "too many keys in one mapping");
    *ret = take_ptr(&key);
    return 0;
}

static int read_mapping(struct reader *r, struct yaml_node *n, int depth)
{
    for (;;) {
        auto_event_ yaml_event_t key_event = { 0 }, event = { 0 };
        auto_free_ char *key = NULL;
        struct yaml_node *item = NULL;
        if (next_event(r, &key_event) < 0)
            return -1;
        if (key_event.type == YAML_MAPPING_END_EVENT)
            return 0;
        if (read_key(r, n, &key_event, &key) < 0 || next_event(r, &event) < 0 ||
            read_node(r, &event, depth + 1, &item) < 0)
            return -1;
        grow(n);
        n->keys[n->count] = take_ptr(&key);
        n->items[n->count++] = item;
    }
}

static int read_content(struct reader *r, const yaml_event_t *event, int depth, struct yaml_node *n)
{
    if (event->type == YAML_SCALAR_EVENT) {
        n->kind = YAML_SCALAR;
        n->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return scalar_text(r, event, &n->text);
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        n->kind = YAML_SEQUENCE;
        if (check_plain(r, n->line, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag) < 0)
            return -1;
        return read_sequence(r, n, depth);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        n->kind = YAML_MAPPING;
        if (check_plain(r, n->line, event->data.mapping_start.anchor,
                        event->data.mapping_start.tag) < 0)
            return -1;
        return read_mapping(r, n, depth);
    }
    return reject(r, n->line, "aliases (*name) are not supported");
}

static int read_node(struct reader *r, const yaml_event_t *event, int depth, struct yaml_node **ret)
{
    int line = line_of(&event->start_mark);
    if (depth > DEPTH_MAX)
        return reject(r, line, "nested too deep");
    if (++r->node_count > NODES_MAX)
        return reject(r, line, "too many values");
    auto_node_ struct yaml_node *n = xcalloc(1, sizeof *n);
    n->line = line;
    if (read_content(r, event, depth, n) < 0)
        return -1;
    *ret = take_ptr(&n);
    return 0;
}

static int expect(struct reader *r, yaml_event_type_t type, const char *what)
{
    auto_event_ yaml_event_t event = { 0 };
    if (next_event(r, &event) < 0)
        return -1;
    return event.type == type ? 0 : reject(r, line_of(&event.start_mark), what);
}

static struct yaml_node *empty_mapping(void)
{
    struct yaml_node *n = xcalloc(1, sizeof *n);
    n->kind = YAML_MAPPING;
    n->line = 1;
    return n;
}

static int read_stream(struct reader *r, struct yaml_node **ret)
{
    auto_event_ yaml_event_t start = { 0 }, content = { 0 };
    auto_node_ struct yaml_node *root = NULL;
    if (expect(r, YAML_STREAM_START_EVENT, "not YAML") < 0 || next_event(r, &start) < 0)
        return -1;
    if (start.type == YAML_STREAM_END_EVENT) {
        *ret = empty_mapping();
        return 0;
    }
    if (next_event(r, &content) < 0 || read_node(r, &content, 0, &root) < 0 ||
        expect(r, YAML_DOCUMENT_END_EVENT, "not YAML") < 0 ||
        expect(r, YAML_STREAM_END_EVENT, "expected one document, found a second") < 0)
        return -1;
    *ret = take_ptr(&root);
    return 0;
}

int yaml_parse(const char *name, const char *text, size_t len, struct yaml_node **ret,
               struct err *e)
{
    struct reader r = { .name = name, .e = e };
    if (!yaml_parser_initialize(&r.parser))
        return err_sys(e, "%s: libyaml", name);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    int result = read_stream(&r, ret);
    yaml_parser_delete(&r.parser);
    return result;
}

int yaml_load(const char *path, struct yaml_node **ret, struct err *e)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    if (io_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &b, e) < 0)
        return -1;
    return yaml_parse(path, buf_text(&b), b.len, ret, e);
}

void yaml_free(struct yaml_node *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->count; i++) {
        if (n->keys != NULL)
            free(n->keys[i]);
        yaml_free(n->items[i]);
    }
    free(n->keys);
    free(n->items);
    free(n->text);
    free(n);
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    if (mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->keys[i], key) == 0)
            return mapping->items[i];
    return NULL;
}
