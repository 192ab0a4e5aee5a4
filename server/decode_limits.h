/* decode_limits.h - a request's "limits" object against limits.def and the ceilings; and the JSON
 * text underneath a body. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "sandbox/base/limits.h"
#include "server/problem.h"

/* What absolute and relative are for "floats" when a request gives neither. */
#define DECODE_TOLERANCE 1e-6

/* The limits that hold so far: defaults, then the submission's, then the test's. */
struct limits_level {
    struct limits limits;
    bool wall_given; /* wall_time_ms was asked for, so it does not follow cpu_time_ms */
};

/* Lay `object` over `io`. When cpu_time_ms is given and wall_time_ms was not at any level, wall
 * time becomes the larger of what it was and 3 * cpu + 1000 ms, up to its ceiling. */
void decode_limits(struct problem *p, const json_t *object, const char *path,
                   const struct limits *ceilings, struct limits_level *io);
