/* known.h - what the two halves of `known` share. */
#pragma once

#include <stdint.h>

int64_t known_number(const char *text);
void known_sleep_ms(int64_t ms);

/* Write so many bytes; 0, or -1 when refused. */
int known_fill(int fd, int64_t bytes);

/* The verb: KIND BYTES CODE [AFTER_MS]. */
int known_take(char **args);
