/* instant.h - reading instants as the API writes them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* RFC 3339, with a zone: "2026-11-26T12:00:00Z", "2026-11-26T13:00:00.250+01:00". False when it is
 * none, or is before 1970. */
bool instant_parse(const char *text, int64_t *ret_unix_ms);
