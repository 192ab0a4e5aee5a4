/* scene.h - the store that the fuzzer of requests asks about: two keys, a submission that has ended
 * and one that waits. */
#pragma once

#include "sandbox/base/conf.h"
#include "schema/store.h"

struct scene {
    char dir[64];
    struct store *s;
    char *admin, *user;              /* secrets of keys */
    char done_id[STORE_ID_BYTES];    /* the user's: judged, told of */
    char waiting_id[STORE_ID_BYTES]; /* the admin's: queued */
    char cursor[64];                 /* after the ended one */
};

/* In a folder of its own, removed when the process ends. */
void scene_make(struct scene *sc);
