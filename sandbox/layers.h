/*
 * layers.h - switches for the tests that prove that the hostile corpus can see (tests/hostile).
 * They exist only in a build with MINOS_TEST_LAYERS; elsewhere layer_on is true and no
 * code, variable or option for them is there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum layer {
#define LAYER(id, name, what) LAYER_##id,
#include "sandbox/layers.def"
#undef LAYER
    LAYER_COUNT
};

#ifdef MINOS_TEST_LAYERS
/* Bits of the layers named in $MINOS_LAYERS_OFF (commas between). */
uint32_t layers_off(void);
static inline bool layer_on(uint32_t off, enum layer id)
{
    return (off >> id & 1) == 0;
}
#else
#define layers_off() UINT32_C(0)
static inline bool layer_on(uint32_t off, enum layer id)
{
    (void)off;
    (void)id;
    return true;
}
#endif
