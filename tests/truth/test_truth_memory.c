/*
 * test_truth_memory.c - memory: limits hold to a batch of pages, and a program that needs more ends
 * as memory whatever kind it took and whatever it made of the refusal; real keepers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sandbox/base/cleanup.h"
#include "tests/truth/truth.h"

enum {
    MIB = 1 << 20,
    ROOM_BYTES = 64 * MIB,
    /* The kernel charges 64 pages at a time and keeps what is left of them for each core. */
    BATCH_BYTES = 256 << 10,
};

static struct box_outcome take(struct kit *k, const char *kind, int64_t bytes, const char *code)
{
    auto_free_ char *text = xasprintf("%" PRId64, bytes);
    struct shot s;
    truth_shot(&s, "take", kind, text, code, NULL);
    s.command.limits.memory_bytes = ROOM_BYTES;
    s.command.limits.stack_bytes = 1 << 30;
    s.command.limits.process_count = 300;
    s.command.limits.cpu_time_ms = kit_slow(5000);
    shot_run(k, &s);
    shot_done(&s);
    return s.o;
}

/* Kinds that count byte for byte. Others (page tables, pipes, sockets) need more than they hold. */
static const char *const exact_kinds[] = { "anon",  "shared", "heap",      "tmpfs",
                                           "memfd", "sysv",   "memfd-map", "child" };
static const char *const other_kinds[] = { "tables", "pipes", "sockets", "bomb", "handled" };

START_TEST(more_than_the_limit_of_whatever_kind_ends_as_memory)
{
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(exact_kinds) + ARRAY_COUNT(other_kinds); i++) {
        const char *kind = i < ARRAY_COUNT(exact_kinds) ? exact_kinds[i]
                                                        : other_kinds[i - ARRAY_COUNT(exact_kinds)];
        /* Refused, the program might end with 0 as if nothing were, or with a code of its own. */
        for (int clean = 0; clean < 2; clean++) {
            struct box_outcome o = take(&k, kind, 3LL * ROOM_BYTES, clean ? "0" : "5");
            ck_assert_msg(o.started && o.cause == BOX_CAUSE_MEMORY,
                          "%s: cause %s, code %d, signal %d, peak %" PRId64 " KiB", kind,
                          box_cause_name(o.cause), o.exit_code, o.signal,
                          o.memory_peak_bytes / 1024);
            ck_assert_int_le(o.memory_peak_bytes, ROOM_BYTES);
        }
    }
    kit_close(&k);
}
END_TEST

START_TEST(the_limit_is_exact_to_a_batch_of_pages)
{
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(exact_kinds); i++) {
        struct box_outcome o = take(&k, exact_kinds[i], ROOM_BYTES + 4096, "5");
        ck_assert_msg(o.cause == BOX_CAUSE_MEMORY, "%s: a page more than all: %s", exact_kinds[i],
                      box_cause_name(o.cause));
        /* The cell needs some itself, and the kernel for tables of pages and files. */
        int64_t room = ROOM_BYTES - 2 * MIB;
        o = take(&k, exact_kinds[i], room, "5");
        ck_assert_msg(o.exited && o.exit_code == 0 && o.cause == BOX_CAUSE_NONE,
                      "%s: 2 MiB less than all: %s", exact_kinds[i], box_cause_name(o.cause));
    }
    kit_close(&k);
}
END_TEST

/* A program that ends as memory had all there was: none is killed below its limit. */
START_TEST(nothing_is_refused_below_the_limit)
{
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(exact_kinds); i++) {
        struct box_outcome o = take(&k, exact_kinds[i], 2 * ROOM_BYTES, "5");
        ck_assert_int_gt(o.memory_peak_bytes, ROOM_BYTES - BATCH_BYTES);
    }
    kit_close(&k);
}
END_TEST

START_TEST(the_peak_reported_is_what_was_touched)
{
    struct kit k;
    truth_open(&k, NULL);
    struct box_outcome none = take(&k, "anon", 0, "5");
    ck_assert_int_lt(none.memory_peak_bytes, 3 * MIB);
    for (size_t i = 0; i < ARRAY_COUNT(exact_kinds); i++) {
        struct box_outcome o = take(&k, exact_kinds[i], 32 * MIB, "5");
        check_exit(&o, 0);
        int64_t beyond = o.memory_peak_bytes - 32 * MIB;
        ck_assert_msg(beyond > 0 && beyond < 3 * MIB,
                      "%s: %" PRId64 " KiB more than 32 MiB reported", exact_kinds[i],
                      beyond / 1024);
        int64_t nocache = o.memory_nocache_bytes - 32 * MIB;
        ck_assert_msg(nocache > -BATCH_BYTES && nocache < 3 * MIB,
                      "%s: %" PRId64 " KiB more than 32 MiB without cache", exact_kinds[i],
                      nocache / 1024);
    }
    kit_close(&k);
}
END_TEST

/* Pages of the image's files are charged to the cell when it is the first to read them, and go when
 * there is need: they are not the program's. */
START_TEST(file_pages_are_left_out_where_it_says_so)
{
    struct kit k;
    truth_open(&k, NULL);
    struct box_outcome o = take(&k, "cached", 3LL * ROOM_BYTES, "5");
    check_exit(&o, 0);
    ck_assert_int_lt(o.memory_nocache_bytes, 4 * MIB);
    kit_close(&k);
}
END_TEST

START_TEST(an_image_that_does_not_fit_ends_as_memory)
{
    struct kit k;
    struct shot s;
    truth_open(&k, NULL);
    /* Its initialised data alone is 96 MiB, all touched by its relocations or its first lines. */
    truth_shot(&s, "nothing", NULL);
    s.argv[0] = "/box/large";
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    s.command.limits.memory_bytes = 32 * MIB;
    for (int i = 0; i < 5; i++) {
        shot_run(&k, &s);
        ck_assert_msg(s.o.cause == BOX_CAUSE_MEMORY, "cause %s, code %d, signal %d, exec %d",
                      box_cause_name(s.o.cause), s.o.exit_code, s.o.signal, s.o.exec_errno);
    }
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* Where an interpreter's code hardly fits, the kernel may read it again and again instead of
 * killing it: then it runs out of time. Never is it a fault of the program. */
START_TEST(an_interpreter_without_room_ends_as_memory)
{
    static const char *const programs[] = { "/usr/bin/python3", "/usr/bin/perl" };
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
        struct shot s;
        truth_shot(&s, "-c", "x = 'a' * 50000000", NULL);
        s.argv[0] = programs[i];
        s.argv[1] = i == 0 ? "-c" : "-e";
        s.argv[2] = i == 0 ? "x = 'a' * 50000000" : "$x = 'a' x 50000000";
        for (int64_t limit = 4 * MIB; limit <= 16 * MIB; limit *= 2) {
            s.command.limits.memory_bytes = limit;
            s.command.limits.cpu_time_ms = kit_slow(500);
            shot_run(&k, &s);
            bool slow = limit < 16 * MIB && s.o.cause == BOX_CAUSE_CPU;
            ck_assert_msg(slow || s.o.cause == BOX_CAUSE_MEMORY || s.o.exec_errno == ENOENT,
                          "%s: cause %s, code %d, signal %d", programs[i],
                          box_cause_name(s.o.cause), s.o.exit_code, s.o.signal);
        }
        shot_done(&s);
    }
    kit_close(&k);
}
END_TEST

KIT_MAIN("truth of memory", more_than_the_limit_of_whatever_kind_ends_as_memory,
         the_limit_is_exact_to_a_batch_of_pages, nothing_is_refused_below_the_limit,
         the_peak_reported_is_what_was_touched, file_pages_are_left_out_where_it_says_so,
         an_image_that_does_not_fit_ends_as_memory, an_interpreter_without_room_ends_as_memory)
