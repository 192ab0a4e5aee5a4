/* unit.h - what the tests of the server share. */
#pragma once

/* libcheck has an enum of the name of our struct. */
#define test_result check_test_result
#include <check.h>
#undef test_result

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "server/decode.h"
#include "server/problem.h"
#include "tests/unit/base/unit.h"

#ifndef ck_ok /* the store's unit.h has the same three, and some tests need both */

/* libcheck's four seconds are few for threads and a disk on a busy host. */
__attribute__((constructor)) static inline void be_patient(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

#define ck_ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, e.msg)

/* A text for a field that is char *, since its owner usually frees it. */
#define TEXT(t) ((char[]){ t })

#endif

static inline void json_drop(json_t **j)
{
    json_decref(*j);
}
#define auto_json_ __attribute__((cleanup(json_drop)))
