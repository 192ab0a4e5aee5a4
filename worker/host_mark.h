/*
 * host_mark.h - whether the programs of the host have changed: packages that came, went or were
 * replaced while the service ran.
 *
 * Keepers hold the host's /usr as an overlay, and what that has looked up it keeps, also that a
 * file was not there: their cells, warm ones and new ones, would go on with a mixture of then and
 * now.
 */
#pragma once

#include <stdint.h>

/* A number made of the times and inodes of what package managers and `make install` change: their
 * databases, the directories of programs and libraries, the linker's cache. The same as long as
 * none of that has changed; what is not there counts, too. Looks, opens nothing. */
uint64_t host_mark(void);

/* The same of these paths, NULL-terminated. */
uint64_t host_mark_of(const char *const *paths);
