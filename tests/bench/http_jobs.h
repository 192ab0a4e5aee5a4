/* http_jobs.h - what is submitted to the service, a row each. */
#pragma once

#include <stdbool.h>

struct job {
    const char *name;
    const char *language;
    const char *source; /* reads two numbers, prints their sum; NULL ends the table */
    bool fresh; /* a comment (as C has it) makes every one a source that was never compiled; else
                   it is compiled once and its artifact used again */
    int tests;  /* how many; 0: one */
    int priority;
    bool wait; /* for the verdict; else only for the durable accept */
};

extern const struct job http_jobs[];
