/* unit.h - what the tests of the courier share. */
#pragma once

/* libcheck has an enum of the name of the store's struct. */
#define test_result check_test_result
#include <check.h>
#undef test_result

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"
