/* layers.c - reading the switches of a test build; see layers.h. */
#include "sandbox/layers.h"

#ifdef MINOS_TEST_LAYERS

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

static const char *const names[] = {
#define LAYER(id, name, what) name,
#include "sandbox/layers.def"
#undef LAYER
};

uint32_t layers_off(void)
{
    uint32_t off = 0;
    const char *list = getenv("MINOS_LAYERS_OFF");
    for (const char *p = list != NULL ? list : ""; *p != '\0';) {
        size_t len = strcspn(p, ",");
        for (size_t i = 0; i < ARRAY_COUNT(names); i++)
            if (strlen(names[i]) == len && strncmp(p, names[i], len) == 0)
                off |= UINT32_C(1) << i;
        p += len + (p[len] == ',');
    }
    return off;
}

#endif
