/* settings.h - what the supervisor and its slots go by: configuration, languages and their
 * versions, as a whole that is right, or not at all. */
#pragma once

#include "sandbox/base/conf_reload.h"
#include "worker/snapshot.h"
#include "worker/worker.h"

struct settings {
    struct worker worker;     /* conf is owned */
    struct snapshot snapshot; /* what slots read */
    size_t available_count, language_count;
};

/* At the start: take over w's configuration (w's own is empty after), find and publish the
 * languages. ERR_SYS, ERR_INPUT: nothing is published. */
must_check_ int settings_open(struct worker *w, struct settings **ret, struct err *e);

/* Read everything anew. Only when all of it is right are the languages published and *s replaced;
 * else it stays, and `e` names file, line and what was expected. */
must_check_ int settings_reload(struct settings **s, struct conf_change *change, struct err *e);

/* Find and publish the languages anew, by the same configuration: the host has changed. On failure
 * all stays as it was. */
must_check_ int settings_renew(struct settings *s, struct err *e);

void settings_close(struct settings *s); /* accepts NULL */
