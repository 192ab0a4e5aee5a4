/*
 * filter_code.h - turns rules about system calls into a short classic BPF program for seccomp;
 * pure.
 *
 * The kernel checks, converts and compiles the program again for each process that loads it, which
 * takes some 0.2 us an instruction: a good part of what a cell costs. So neighbouring numbers with
 * one answer are one range, values with one answer share a return, and an argument is loaded once.
 * See Documentation/userspace-api/seccomp_filter.rst.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/err.h"

enum { FILTER_COMPARES_MAX = 3, FILTER_HIGH_HALF = 0x100 };

/* (32 bits of argument `arg`) & mask == value: the low half, or with arg | FILTER_HIGH_HALF the
 * high one. mask is not 0, value has no bits outside it. */
struct filter_compare {
    uint32_t arg, mask, value;
};

/* The answer if all compares hold; at least one. */
struct filter_when {
    struct filter_compare compares[FILTER_COMPARES_MAX]; /* those unused: zero */
    size_t compare_count;
    uint32_t action; /* SECCOMP_RET_... with its data */
};

/* What system call `nr` gets: the action of the first row of whens that holds, else `action`. */
struct filter_rule {
    uint32_t nr, action;
    const struct filter_when *whens;
    size_t when_count;
};

/* Append the program to code. Rules, each of another number, are sorted by it here; numbers without
 * one get `otherwise`. Other architectures than `arch` (AUDIT_ARCH_...) and, on x86-64, the numbers
 * of x32 are answered with SECCOMP_RET_KILL_PROCESS. ERR_BUG when one rule needs a jump that is too
 * long for BPF (255). */
must_check_ int filter_code_make(struct filter_rule *rules, size_t count, uint32_t otherwise,
                                 uint32_t arch, struct buf *code, struct err *e);
