/*
 * language.h - language files: YAML, a file each, every key checked. Adding a language needs no C;
 * docs/LANGUAGES.md says how.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "sandbox/base/limits.h"
#include "schema/store.h"
#include "worker/text_list.h"

#define LANGUAGE_CTYPE_ID char *
#define LANGUAGE_CTYPE_TEXT char *
#define LANGUAGE_CTYPE_FILE char *
#define LANGUAGE_CTYPE_PATTERN char *
#define LANGUAGE_CTYPE_LIST struct text_list
#define LANGUAGE_CTYPE_COMMAND struct text_list
#define LANGUAGE_CTYPE_ENV struct text_list
#define LANGUAGE_CTYPE_LIMITS struct limits
#define LANGUAGE_CTYPE_BOOL bool

/* One language; a field a row of language.def. Texts are NULL and lists empty when absent; a limit
 * is -1 where the file says nothing. */
struct language {
#define LANGUAGE(section, key, field, kind, must, help) LANGUAGE_CTYPE_##kind field;
#include "worker/language.def"
#undef LANGUAGE
    char *path;                              /* of the file it came from */
    uint8_t file_sha256[STORE_SHA256_BYTES]; /* of that file's bytes */
    char *version;                           /* as detected; NULL: not available */
};

struct language_set {
    struct language *items; /* sorted by id */
    size_t count;
};

/* Read one file into *ret. Errors (ERR_INPUT) name the file and the line. */
must_check_ int language_load(const char *path, struct language *ret, struct err *e);
void language_done(struct language *l);

/* Read all *.yaml of each directory in turn; a later file with the same id takes the place of the
 * earlier one; `enabled: false` removes it. A directory that does not exist is skipped when its
 * `may_miss` is set. */
must_check_ int language_set_read(struct language_set *set, const char *dir, bool may_miss,
                                  struct err *e);

/* After the last read: drop what is disabled, sort. */
void language_set_finish(struct language_set *set);
void language_set_done(struct language_set *set);

/* By id; NULL when there is none. */
struct language *language_find(const struct language_set *set, const char *id);

/* Take the detected versions over from the store's records. */
must_check_ int language_set_versions(struct language_set *set, struct store *s, struct err *e);

/* The shipped files: $MINOS_LANGUAGES, else deploy/languages of the source tree that this program
 * was built in, else PREFIX/share/minos/languages. The caller frees. */
char *language_shipped_dir(void);

/* The limits of a run of `l`: asked + extra, at least minimum, within ceilings. */
struct limits language_run_limits(const struct language *l, const struct limits *asked,
                                  const struct limits *ceilings);

/* The limits of its compile: those of the configuration where the file has none, within ceilings.
 */
struct limits language_compile_limits(const struct language *l, const struct limits *configured,
                                      const struct limits *ceilings);

/* What /v1/languages shows beside the record's own fields, as JSON text. The caller frees. */
char *language_detail_json(const struct language *l);
