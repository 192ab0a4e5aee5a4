/*
 * host_mark.h - whether the programs of the host and its images have changed: packages that came,
 * went or were replaced while the service ran.
 *
 * Keepers hold the host's /usr as an overlay, and what that has looked up it keeps, also that a
 * file was not there: their cells, warm ones and new ones, would go on with a mixture of then and
 * now.
 */
#pragma once

#include <stdint.h>

#include "sandbox/base/conf.h"

/* A number made of the times and inodes of what package managers and `make install` change, on the
 * host and in each configured image: their databases, the directories of programs and libraries,
 * the linker's cache. The same as long as none of that has changed; what is not there counts, too.
 * Looks, opens nothing. */
uint64_t host_mark(const struct conf *c);

/* The same of these paths below `root` ("" for the host's), NULL-terminated. */
uint64_t host_mark_of(const char *root, const char *const *paths);
