/* decode_limits.c - limits by their table, and parsing a body with its weight bounded;
 * minos-server. */
#include "server/decode_limits.h"

#include <string.h>

#include "sandbox/base/cleanup.h"
#include "server/decode.h"
#include "server/walk.h"

static void unknown_limit(struct problem *p, const json_t *v, const char *path)
{
    auto_buf_ struct buf names = { 0 };
    for (size_t i = 0; i < limits_count; i++)
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", limits_table[i].name);
    walk_fault(p, path, v, "no such limit; there are: %s", buf_text(&names));
}

void decode_limits(struct problem *p, const json_t *object, const char *path,
                   const struct limits *ceilings, struct limits_level *io)
{
    const struct limits before = io->limits;
    bool wall_here = false, cpu_here = false;
    const char *key = NULL;
    json_t *v = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        char full[WALK_PATH_BYTES];
        walk_join(full, path, key);
        const struct limit_row *row = limits_find(key);
        if (row == NULL)
            unknown_limit(p, v, full);
        if (row == NULL || json_is_null(v) ||
            !walk_integer(p, v, full, row->min, limits_get(ceilings, row),
                          limits_at(&io->limits, row)))
            continue;
        wall_here = wall_here || strcmp(key, "wall_time_ms") == 0;
        cpu_here = cpu_here || strcmp(key, "cpu_time_ms") == 0;
    }
    io->wall_given = io->wall_given || wall_here;
    if (!cpu_here || io->wall_given)
        return;
    int64_t wall = 3 * io->limits.cpu_time_ms + 1000;
    if (wall < before.wall_time_ms)
        wall = before.wall_time_ms;
    io->limits.wall_time_ms = wall < ceilings->wall_time_ms ? wall : ceilings->wall_time_ms;
}

/* How many values a JSON text holds at most, strings skipped: a body of 64 MiB could otherwise ask
 * for gigabytes of tree nodes. */
static size_t count_values(const char *text, size_t len)
{
    size_t count = 1;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
            count++;
    }
    return count;
}

json_t *decode_parse(const char *body, size_t len, struct problem *p)
{
    if (count_values(body, len) > DECODE_VALUES_MAX) {
        problem_set(p, PROBLEM_BAD_JSON, "the body holds more than %d values", DECODE_VALUES_MAX);
        return NULL;
    }
    json_error_t je = { 0 };
    json_t *root =
        json_loadb(len > 0 ? body : "", len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
    if (root == NULL) {
        problem_set(p, PROBLEM_BAD_JSON, "invalid JSON at byte %d (line %d, column %d): %s",
                    je.position, je.line, je.column, len > 0 ? je.text : "the body is empty");
        return NULL;
    }
    if (!json_is_object(root)) {
        problem_set(p, PROBLEM_BAD_JSON, "the body must be a JSON object");
        json_decref(root);
        return NULL;
    }
    return root;
}
