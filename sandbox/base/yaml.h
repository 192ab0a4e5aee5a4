/*
 * yaml.h - a YAML file as a small tree, by libyaml, with line numbers for messages. Plain
 * configuration YAML only: one document; mappings, sequences, scalars; no anchors, aliases, tags or
 * duplicate keys (each is an error that names the line).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    int line;                 /* from 1 */
    char *text;               /* scalar: its text; else NULL */
    bool quoted;              /* scalar: was quoted or a block, so "true" or 3 are meant as text */
    size_t count;             /* sequence, mapping: entries */
    char **keys;              /* mapping: count keys */
    struct yaml_node **items; /* sequence, mapping: count values */
};

/* Read `path` (at most 1 MiB). Errors begin with "PATH: line N: ". An empty file is an empty
 * mapping. The caller frees the tree with yaml_free. */
must_check_ int yaml_load(const char *path, struct yaml_node **ret, struct err *e);

/* The same from memory; `name` stands for the path in errors. */
must_check_ int yaml_parse(const char *name, const char *text, size_t len, struct yaml_node **ret,
                           struct err *e);

/* Free a tree; NULL is fine. libyaml has an inner yaml_free of its own that ours would take the
 * place of at run time, hence the other name for the linker. */
void yaml_free(struct yaml_node *n) __asm__("minos_yaml_free");

/* Value of `key` in a mapping, NULL when absent. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
