/* conf_text.c - the example minos.yaml and the manual's list of keys, from the table; `minos` and
 * the build. */
#include "sandbox/base/conf.h"

#include <stdbool.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf_keys.h"

/* What is said of a section before its first key; keys without a note here need none. */
static const struct {
    const char *section, *about;
} sections[] = {
    { "server", "minos-server: the HTTP API" },
    { "store", "where submissions and results live" },
    { "worker", "minos-worker: slots that judge" },
    { "box", "minos-box: the cells" },
    { "callbacks", "minos-courier: who is told of a submission's end, and how" },
    { "log", "what the programs write to standard error" },
    { "limits", "what a test run gets when the request says nothing" },
    { "compile_limits", "what a compile gets, always" },
    { "ceilings", "the most a request may ask for; above it the request is refused" },
    { "quotas", "what each API key may use, unless the key has quotas of its own" },
};

static const char *about_section(const char *section)
{
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
        if (strcmp(sections[i].section, section) == 0)
            return sections[i].about;
    return "";
}

static bool begins_section(size_t i)
{
    return i == 0 || strcmp(conf_keys[i].section, conf_keys[i - 1].section) != 0;
}

/* A value of `key`, printed as the key's default would be. */
static void put_value(const struct conf_key *key, int64_t value, struct buf *b)
{
    struct conf c = { 0 };
    *(int64_t *)((char *)&c + key->offset) = value;
    conf_key_text(key, &c, b);
}

static void put_range(const struct conf_key *key, struct buf *b)
{
    buf_puts(b, conf_kind_name(key->kind));
    if (key->kind == CONF_TEXT || key->kind == CONF_BOOL)
        return;
    buf_puts(b, " from ");
    put_value(key, key->min, b);
    buf_puts(b, " to ");
    put_value(key, key->max, b);
}

void conf_example(struct buf *b)
{
    struct conf c;
    conf_init(&c);
    buf_puts(b, "# minos.yaml - the configuration of Minos. Every key is shown with its default.\n"
                "# A variable MINOS_SECTION_KEY overrides the file, a flag overrides both.\n");
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        if (begins_section(i))
            buf_printf(b, "\n# %s\n%s:\n", about_section(key->section), key->section);
        buf_printf(b, "  # %s (", key->help);
        put_range(key, b);
        buf_printf(b, ")\n  #%s: ", key->field);
        conf_key_text(key, &c, b);
        buf_puts(b, "\n");
    }
    buf_puts(b,
             "\n# root file systems that cells may have beside the built-in \"host\": NAME: PATH\n"
             "images:\n  #debian: /srv/images/debian\n");
    conf_done(&c);
}

/* troff: a backslash and a minus are escaped, quotes doubled within an argument. */
static void put_troff(const char *text, struct buf *b)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\')
            buf_puts(b, "\\e");
        else if (*p == '-')
            buf_puts(b, "\\-");
        else
            buf_printf(b, "%c", *p);
    }
}

static void put_manual_key(const struct conf_key *key, const struct conf *defaults, struct buf *b)
{
    auto_buf_ struct buf value, range;
    buf_init(&value, 0);
    buf_init(&range, 0);
    conf_key_text(key, defaults, &value);
    put_range(key, &range);
    buf_puts(b, ".TP\n.B ");
    put_troff(key->name, b);
    buf_puts(b, "\n\\&");
    put_troff(key->help, b);
    buf_puts(b, ".\n\\&");
    put_troff(buf_text(&range), b);
    buf_puts(b, "; default ");
    put_troff(buf_text(&value), b);
    buf_puts(b, ".\n");
}

void conf_manual(struct buf *b)
{
    struct conf c;
    conf_init(&c);
    for (size_t i = 0; i < conf_key_count; i++)
        put_manual_key(&conf_keys[i], &c, b);
    buf_puts(b, ".TP\n.BI images. NAME\n"
                "A root file system that cells may have beside the built\\-in \"host\": an absolute"
                " path.\n");
    conf_done(&c);
}
