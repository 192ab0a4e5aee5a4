/* test_conf_reload.c - a configuration that is read again: all or nothing; one process. */
#include "sandbox/base/conf_reload.h"

#include <stdio.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

static const struct opt_list none = { 0 };

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static struct conf loaded(const char *path)
{
    struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_msg(conf_load_args(&c, path, &none, &e) == 0, "%s", e.msg);
    return c;
}

START_TEST(hot_keys_change_and_cold_ones_wait)
{
    char path[] = "/tmp/minos-reload-XXXXXX";
    close(mkstemp(path));
    write_text(path, "server: {listen: '127.0.0.1:1', wait_max_ms: 10s}\nworker: {slots: 1}\n");
    struct conf old = loaded(path), c;
    write_text(path, "server: {listen: '127.0.0.1:2', wait_max_ms: 20s}\nworker: {slots: 2}\n"
                     "limits: {cpu_time_ms: 3s}\nimages: {deb: /srv/deb}\n");
    auto_conf_change_ struct conf_change change = { 0 };
    struct err e;
    ck_assert_msg(conf_reload(&old, path, &none, &c, &change, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(c.server_wait_max_ms, 20000);
    ck_assert_int_eq(c.limits.cpu_time_ms, 3000);
    ck_assert_uint_eq(c.image_count, 1);
    ck_assert_str_eq(c.server_listen, "127.0.0.1:1");
    ck_assert_int_eq(c.worker_slots, 1);
    ck_assert_str_eq(buf_text(&change.changed), "server.wait_max_ms limits.cpu_time_ms");
    ck_assert_str_eq(buf_text(&change.waiting), "server.listen worker.slots");
    conf_done(&c);
    conf_done(&old);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_wrong_file_leaves_all_as_it_was)
{
    char path[] = "/tmp/minos-reload-XXXXXX";
    close(mkstemp(path));
    write_text(path, "limits: {cpu_time_ms: 2s}\n");
    struct conf old = loaded(path), c;
    static const struct {
        const char *text, *said;
    } bad[] = {
        { "limits:\n  cpu_time_ms: 3s\nworker:\n  lease_ms: lots\n", "line 4: worker.lease_ms" },
        { "limits:\n  cpu_tyme_ms: 3s\n", "line 2: unknown key" },
        { "limits: {cpu_time_ms: 3s\n", "line" },
        { "limits: {memory_bytes: 1T}\n", "ceilings.memory_bytes" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        auto_conf_change_ struct conf_change change = { 0 };
        struct err e;
        write_text(path, bad[i].text);
        ck_assert_msg(conf_reload(&old, path, &none, &c, &change, &e) == -1, "%s", bad[i].text);
        ck_assert_has(e.msg, bad[i].said);
    }
    ck_assert_int_eq(old.limits.cpu_time_ms, 2000);
    conf_done(&old);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

UNIT_MAIN("conf_reload", hot_keys_change_and_cold_ones_wait, a_wrong_file_leaves_all_as_it_was)
