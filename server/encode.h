/* encode.h - what the store holds, as the JSON of the API. */
#pragma once

#include "schema/store.h"
#include "server/fields.h"
#include "server/jsonw.h"

/* Output text that one result shows inline; beyond it outputs are null and have to be fetched. */
enum { ENCODE_INLINE_MAX = 16 << 20 };

/* A whole result. `s` is where outputs are read from. Appends to `b`. */
must_check_ int encode_report(struct store *s, const struct submission_report *report,
                              const struct fields *only, struct buf *b, struct err *e);

/* What is known when a submission was just accepted. */
void encode_accepted(const struct submission *sub, struct buf *b);

/* One entry of a list. */
void encode_row(struct jsonw *w, const struct submission_row *row);

/* Members of a test's result without its outputs, for events. */
void encode_test_brief(struct jsonw *w, const struct test_spec *spec, const struct test_result *t);
void encode_compile_brief(struct jsonw *w, const struct compile_result *c);

/* The "usage" member. */
void encode_usage(struct jsonw *w, const struct submission_report *r);
