/*
 * conf.h - the configuration: defaults, then minos.yaml, then MINOS_* variables, then flags; each
 * later one wins. Every key is a row of conf.def or is made from limits.def. A wrong key or value
 * names the file, the line (or the variable, or the flag) and what was expected.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/limits.h"
#include "sandbox/base/log.h"
#include "sandbox/base/quotas.h"

/* A root file system that cells may have, beside the built-in "host". */
struct conf_image {
    char *name; /* [a-z0-9][a-z0-9._-]{0,62} */
    char *path; /* absolute; the root of a file system such as debootstrap makes */
};

enum { CONF_IMAGES_MAX = 64 };

/* Fields are section_field; TEXT is char * (never NULL), BOOL bool, the rest int64_t. */
#define CONF_CTYPE_INT int64_t
#define CONF_CTYPE_BYTES int64_t
#define CONF_CTYPE_TIME int64_t
#define CONF_CTYPE_TEXT char *
#define CONF_CTYPE_BOOL bool

struct conf {
#define CONF(section, field, kind, def, min, max, help) CONF_CTYPE_##kind section##_##field;
#include "sandbox/base/conf.def"
#undef CONF
    struct limits limits;         /* limits.*: what a test run gets when the request says nothing */
    struct limits compile_limits; /* compile_limits.*: what a compile gets, always */
    struct limits ceilings;       /* ceilings.*: the most a request may ask for */
    struct quotas quotas; /* quotas.*: what a key may use when it has no quotas of its own */
    struct conf_image images[CONF_IMAGES_MAX]; /* images: {NAME: PATH} */
    size_t image_count;
    char *file; /* the file that was read, NULL when none was */
};

void conf_init(struct conf *c); /* the defaults */
void conf_done(struct conf *c);

/* Where the file is when --config does not say: $MINOS_CONFIG, else /etc/minos/minos.yaml. */
#define CONF_DEFAULT_FILE "/etc/minos/minos.yaml"

/* Defaults, file, environment. `path` NULL: the default place, where a missing file is no error. */
must_check_ int conf_load(struct conf *c, const char *path, struct err *e);

/* Set one key ("server.listen", "limits.memory_bytes", "images.NAME") from text; `origin` ("--set",
 * "minos.yaml: line 3") begins the error. Also checks ranges. conf_check below must follow the last
 * call. */
must_check_ int conf_set(struct conf *c, const char *key, const char *value, const char *origin,
                         struct err *e);

/* As conf_set for "KEY=VALUE", the argument of --set. */
must_check_ int conf_set_pair(struct conf *c, const char *pair, struct err *e);

/* A program's whole configuration: conf_load, then --set `pairs` in turn, then conf_check. */
struct opt_list;
must_check_ int conf_load_args(struct conf *c, const char *path, const struct opt_list *pairs,
                               struct err *e);

/* What spans keys: limits and compile_limits within ceilings, wall time that lets cpu time be
 * used, connections for all threads, a retention that leaves time to fetch, a known log level, a
 * valid listen address. */
must_check_ int conf_check(const struct conf *c, struct err *e);

/* The level that a text such as conf.log_level names. */
must_check_ int conf_log_level(const char *name, enum log_level *ret, struct err *e);

/* The same of a configuration that conf_check has accepted. */
enum log_level conf_level(const struct conf *c);

/* The directory of the file that was read, or where it would be: a reload reads it anew, perhaps
 * another file of the same name, so this is what a guard has to leave open. Just the file where the
 * directory is the root. The caller frees. */
char *conf_guard_path(const struct conf *c);

/* Append the example minos.yaml: every key with help, unit, range and default, as comments where
 * default. */
void conf_example(struct buf *b);

/* Append one troff .TP entry per key, for minos.yaml(5). */
void conf_manual(struct buf *b);
