/* test_settings.c - which settings of a host take from the memory limit what it promises. */
#include <check.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/keeper_settings.h"
#include "tests/unit/base/unit.h"

static struct box_proof_row judged(const char *layer, const char *text)
{
    struct box_proof_row row = { 0 };
    for (size_t i = 0; i < keeper_settings_count(); i++) {
        keeper_setting_judge(i, text, &row);
        if (strcmp(row.layer, layer) == 0)
            return row;
    }
    ck_abort_msg("there is no setting %s", layer);
}

static const struct {
    const char *line;
    bool ok;
} lines[] = {
    { "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n", true },
    { "", true },
    { "quiet cgroup.memory=nokmem\n", false },
    { "cgroup.memory=nokmem quiet\n", false },
    { "quiet cgroup.memory=nosocket,nobpf ro\n", false },
    { "cgroup.memory=nobpf,nokmem", false },
    { "cgroup.memory=nobpf cgroup.memory=nokmem ro\n", false },
    { "cgroup.memory=nobpf quiet nokmem\n", true },
    { "cgroup.memory= quiet\n", true },
    { "my.cgroup.memory=nokmem\n", true },
    { "cgroup.memory=nokmemory\n", true },
};

START_TEST(kernel_memory_that_is_charged_to_nobody_is_seen_on_the_kernels_command_line)
{
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct box_proof_row row = judged("kernel memory", lines[i].line);
        ck_assert_msg(row.ok == lines[i].ok, "\"%s\": %s", lines[i].line, row.seen);
        ck_assert_int_eq(row.mend[0] == '\0', row.ok);
    }
}
END_TEST

START_TEST(what_was_seen_is_the_parameter_alone)
{
    struct box_proof_row row = judged("kernel memory", "ro secret=1 cgroup.memory=nokmem quiet\n");
    ck_assert_str_eq(row.seen, "cgroup.memory=nokmem");
}
END_TEST

START_TEST(address_space_that_counts_for_the_whole_host_is_seen)
{
    ck_assert(judged("overcommit", "0\n").ok);
    ck_assert(judged("overcommit", "1\n").ok);
    struct box_proof_row row = judged("overcommit", "2\n");
    ck_assert(!row.ok);
    ck_assert_str_eq(row.seen, "vm.overcommit_memory is 2");
    ck_assert_ptr_nonnull(strstr(row.mend, "sysctl vm.overcommit_memory=0"));
    ck_assert(!judged("overcommit", "").ok);
}
END_TEST

START_TEST(what_cannot_be_read_does_not_hold)
{
    struct box_proof_row row = judged("overcommit", NULL);
    ck_assert(!row.ok);
    ck_assert_str_eq(row.seen, "/proc/sys/vm/overcommit_memory cannot be read");
    ck_assert(!judged("kernel memory", NULL).ok);
}
END_TEST

UNIT_MAIN("host settings",
          kernel_memory_that_is_charged_to_nobody_is_seen_on_the_kernels_command_line,
          what_was_seen_is_the_parameter_alone,
          address_space_that_counts_for_the_whole_host_is_seen, what_cannot_be_read_does_not_hold)
