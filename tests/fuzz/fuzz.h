/* fuzz.h - what the fuzzers share: libFuzzer's entry, and taking fields from the input. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Any bytes: must come back, whatever they are, or die by assert. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The input, from which fields are taken; zeros once it is used up. */
struct input {
    const uint8_t *data;
    size_t len;
};

static inline uint8_t take_byte(struct input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

/* What comes before the next `end`, which is dropped; all that is left when there is none. */
static inline struct input take_until(struct input *in, uint8_t end)
{
    const uint8_t *at = in->len > 0 ? memchr(in->data, end, in->len) : NULL;
    struct input part = { in->data, at != NULL ? (size_t)(at - in->data) : in->len };
    size_t gone = part.len + (at != NULL);
    in->data = gone > 0 ? in->data + gone : in->data;
    in->len -= gone;
    return part;
}
