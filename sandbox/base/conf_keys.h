/* conf_keys.h - the table of configuration keys and what is done by their kind; for conf.c and
 * conf_text.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"

enum conf_kind { CONF_INT, CONF_BYTES, CONF_TIME, CONF_TEXT, CONF_BOOL };

struct conf_key {
    const char *name;    /* "server.listen" */
    const char *section; /* "server" */
    const char *field;   /* "listen" */
    enum conf_kind kind;
    const char *def;   /* default as text; NULL: def_value is the default */
    int64_t def_value; /* in the unit of the name */
    int64_t min, max;  /* INT, BYTES, TIME: in the unit of the name */
    const char *help;
    size_t offset; /* of the field within struct conf */
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

/* Read `text` into the key's field; errors say what was expected. */
must_check_ int conf_key_read(const struct conf_key *key, struct conf *c, const char *text,
                              struct err *e);

/* Give the key's field its default. A default that cannot be read is a bug in the table. */
void conf_key_default(const struct conf_key *key, struct conf *c);

/* Free what the key's field owns. */
void conf_key_done(const struct conf_key *key, struct conf *c);

/* Append the field's value of `key` in `c` as the file would have it: 64M, 30s, "text", true. */
void conf_key_text(const struct conf_key *key, const struct conf *c, struct buf *b);

/* "a whole number", "a size", "a duration", "text", "true or false". */
const char *conf_kind_name(enum conf_kind kind);
