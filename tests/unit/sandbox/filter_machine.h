/* filter_machine.h - a classic BPF machine for the instructions that seccomp allows. */
#pragma once

#include <check.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/filter.h"

/* What the kernel would do. */
static inline uint32_t simulate(const struct filter *f, const struct seccomp_data *d)
{
    uint32_t a = 0;
    for (size_t pc = 0; pc < f->count; pc++) {
        const struct sock_filter *i = &f->code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            ck_assert_uint_le(i->k + 4, sizeof *d);
            memcpy(&a, (const char *)d + i->k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += a >= i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            pc += (a & i->k) != 0 ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            ck_abort_msg("instruction %zu has the unknown code %#x", pc, i->code);
        }
    }
    ck_abort_msg("the filter ends without an answer");
}
