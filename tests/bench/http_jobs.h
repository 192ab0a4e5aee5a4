/* http_jobs.h - what is submitted to the service, a row each. */
#pragma once

#include <stdbool.h>

struct job {
    const char *name;
    const char *language;
    const char *source;  /* reads two numbers, prints their sum; NULL ends the table */
    const char *comment; /* a comment's form in that language; NULL: the source never changes, so
                            it is compiled once and the artifact is used again */
    bool wait;           /* for the verdict; else only for the durable accept */
};

extern const struct job http_jobs[];
