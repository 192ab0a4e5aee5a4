/* test_conf.c - the configuration from defaults, file, variables and flags; one process a test, so
 * each may change its environment. */
#include "sandbox/base/conf.h"

#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/yaml.h"
#include "tests/unit/base/unit.h"

static void conf_done_at_end(struct conf *c)
{
    conf_done(c);
}

#define auto_conf_ __attribute__((cleanup(conf_done_at_end)))

/* Load `text` as a file; on failure the message is in `e`. */
static int load_text(struct conf *c, const char *text, struct err *e)
{
    char path[] = "/tmp/minos-conf-XXXXXX";
    auto_fd_ int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
    int r = conf_load(c, path, e);
    unlink(path);
    return r;
}

static void refuse_text(const char *text, const char *part)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_msg(load_text(&c, text, &e) == -1, "accepted: %s", text);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_has(e.msg, "/tmp/minos-conf-");
    ck_assert_has(e.msg, part);
}

static void refuse_set(const char *key, const char *value, const char *part)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_msg(conf_set(&c, key, value, "--set", &e) == -1, "accepted %s=%s", key, value);
    ck_assert_int_eq(strncmp(e.msg, "--set: ", 7), 0);
    ck_assert_has(e.msg, part);
}

START_TEST(the_defaults_are_those_of_the_tables)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_str_eq(c.server_listen, "127.0.0.1:8080");
    ck_assert_int_eq(c.server_body_bytes, 64 << 20);
    ck_assert_int_eq(c.worker_lease_ms, 30000);
    ck_assert_int_eq(c.store_retention_ms, 0);
    ck_assert(!c.server_allow_anonymous);
    ck_assert_str_eq(c.box_allow_missing, "");
    ck_assert_int_eq(c.limits.cpu_time_ms, 2000);
    ck_assert_int_eq(c.compile_limits.process_count, 256);
    ck_assert_int_eq(c.ceilings.memory_bytes, INT64_C(8589934592));
    ck_assert_int_eq(conf_check(&c, &e), 0);
}
END_TEST

START_TEST(a_file_sets_keys_of_every_kind)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_int_eq(load_text(&c,
                               "server:\n  listen: \"[::1]:9\"\n  threads: 4\n"
                               "  body_bytes: 1M\n  idle_timeout_ms: 90s\n"
                               "  allow_anonymous: true\n"
                               "limits: {cpu_time_ms: 1.5s, wall_time_ms: 1700, memory_bytes: 64M,"
                               " process_count: 3, output_bytes: 100}\n"
                               "images:\n  debian: /srv/debian\n  alpine-3.20: /srv/alpine\n"
                               "log:\n",
                               &e),
                     0);
    ck_assert_str_eq(c.server_listen, "[::1]:9");
    ck_assert_int_eq(c.server_threads, 4);
    ck_assert_int_eq(c.server_body_bytes, 1 << 20);
    ck_assert_int_eq(c.server_idle_timeout_ms, 90000);
    ck_assert(c.server_allow_anonymous);
    ck_assert_int_eq(c.limits.cpu_time_ms, 1500);
    ck_assert_int_eq(c.limits.wall_time_ms, 1700);
    ck_assert_int_eq(c.limits.memory_bytes, 64 << 20);
    ck_assert_int_eq(c.limits.output_bytes, 100);
    ck_assert_uint_eq(c.image_count, 2);
    ck_assert_str_eq(c.images[1].name, "alpine-3.20");
    ck_assert_str_eq(c.images[1].path, "/srv/alpine");
    ck_assert_ptr_nonnull(c.file);
    ck_assert_int_eq(conf_check(&c, &e), 0);
}
END_TEST

START_TEST(a_wrong_value_names_file_line_key_and_what_was_expected)
{
    refuse_text("limits:\n  memory_bytes: lots\n",
                ": line 2: limits.memory_bytes: expected a size such as 256M, got \"lots\"");
    refuse_text("server:\n\n  threads: 65\n", ": line 3: server.threads: expected a whole number "
                                              "from 1 to 64, got \"65\"");
    refuse_text("server:\n  allow_anonymous: yes\n", "expected true or false, got \"yes\"");
    refuse_text("worker:\n  lease_ms: 1\n", "worker.lease_ms: expected a duration from 1000ms");
    refuse_text("worker:\n  lease_ms: 30\n  slots: [1]\n", "line 2");
    refuse_text("worker:\n  slots: [1]\n", "line 2: worker.slots: expected one value");
    refuse_text("worker: 3\n", "line 1: worker: expected keys below it");
    refuse_text("- a\n", "line 1: expected sections");
    refuse_text("images:\n  host: /x\n", "line 2: images.host: \"host\" is built in");
}
END_TEST

START_TEST(an_unknown_key_is_named_with_the_nearest)
{
    refuse_text("server:\n  listn: x\n", "line 2: unknown key \"server.listn\"; did you mean "
                                         "server.listen?");
    refuse_text("limits:\n  memory: 1\n", "did you mean limits.memory_bytes?");
    refuse_text("srver:\n  listen: x\n", "line 2: unknown section \"srver\"; did you mean server?");
    refuse_text("limit:\n  cpu: 1\n", "did you mean limits?");
    refuse_text("server:\n  frobnicate: x\n", "unknown key \"server.frobnicate\"");
    refuse_set("slots", "1", "expected SECTION.KEY, got \"slots\"");
    refuse_set("images", "1", "expected SECTION.KEY");
    refuse_set("", "1", "expected SECTION.KEY");
}
END_TEST

START_TEST(hostile_values_are_refused_and_leave_the_key_alone)
{
    refuse_set("server.threads", "99999999999999999999", "expected a whole number");
    refuse_set("server.threads", "", "expected a whole number");
    refuse_set("server.threads", "-1", "expected a whole number");
    refuse_set("server.body_bytes", "8388608T", "expected a size");
    refuse_set("server.body_bytes", "2G", "expected a size from 1.0 KiB to");
    refuse_set("limits.cpu_time_ms", "1.5ms", "expected whole milliseconds");
    refuse_set("limits.cpu_time_ms", "99999999999999999999", "expected a whole number");
    refuse_set("limits.cpu_time_ms", "-1s", "expected a duration");
    refuse_set("limits.cpu_time_ms", "0", "expected a duration from 1ms");
    refuse_set("limits.memory_bytes", "1K", "expected a size");
    refuse_set("store.data_dir", "a\nb", "without control characters");
    refuse_set("images.../etc", "/x", "expected a name");
    refuse_set("images.Upper", "/x", "expected a name");
    refuse_set("images.", "/x", "expected a name");
    refuse_set("images.ok", "relative", "expected an absolute path");
    char deep[3000];
    memset(deep, 'x', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refuse_set(deep, "1", "expected SECTION.KEY");
    memcpy(deep, "server.", 7);
    refuse_set(deep, "1", "unknown key");
    memcpy(deep, "images.", 7);
    refuse_set(deep, "/x", "expected a name");
}
END_TEST

START_TEST(setting_twice_keeps_the_last)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(conf_set(&c, "store.data_dir", i == 2 ? "/c" : "/ab", "--set", &e), 0);
        ck_assert_int_eq(conf_set(&c, "images.a", i == 2 ? "/c" : "/ab", "--set", &e), 0);
    }
    ck_assert_str_eq(c.store_data_dir, "/c");
    ck_assert_uint_eq(c.image_count, 1);
    ck_assert_str_eq(c.images[0].path, "/c");
}
END_TEST

START_TEST(images_are_counted)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    for (int i = 0; i < CONF_IMAGES_MAX; i++) {
        auto_free_ char *key = xasprintf("images.i%d", i);
        ck_assert_int_eq(conf_set(&c, key, "/x", "--set", &e), 0);
    }
    ck_assert_int_eq(conf_set(&c, "images.more", "/x", "--set", &e), -1);
    ck_assert_has(e.msg, "more than 64 images");
    ck_assert_int_eq(conf_set(&c, "images.i63", "/y", "--set", &e), 0);
}
END_TEST

START_TEST(variables_override_the_file)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    setenv("MINOS_SERVER_LISTEN", "0.0.0.0:1", 1);
    setenv("MINOS_LIMITS_CPU_TIME_MS", "3s", 1);
    setenv("MINOS_COMPILE_LIMITS_CPU_TIME_MS", "4s", 1);
    setenv("MINOS_IMAGES_BUSTER", "/b", 1);
    ck_assert_int_eq(load_text(&c, "server: {listen: '127.0.0.1:7'}\n", &e), 0);
    ck_assert_str_eq(c.server_listen, "0.0.0.0:1");
    ck_assert_int_eq(c.limits.cpu_time_ms, 3000);
    ck_assert_int_eq(c.compile_limits.cpu_time_ms, 4000);
    ck_assert_str_eq(c.images[0].name, "buster");
}
END_TEST

START_TEST(variables_of_other_readers_are_left_alone)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    setenv("MINOS_KEY", "k", 1);
    setenv("MINOS_URL", "u", 1);
    setenv("MINOS_MUST_WORK", "1", 1);
    setenv("MINOS_", "1", 1);
    setenv("MINOS_SERVER", "1", 1);
    setenv("MINOS_SERVER_", "1", 1);
    setenv("MINOS_SERVERS_X", "1", 1);
    setenv("XMINOS_SERVER_X", "1", 1);
    ck_assert_int_eq(load_text(&c, "", &e), 0);
}
END_TEST

START_TEST(a_wrong_variable_is_named)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    setenv("MINOS_SERVER_THREADS", "many", 1);
    ck_assert_int_eq(load_text(&c, "", &e), -1);
    ck_assert_int_eq(strncmp(e.msg, "MINOS_SERVER_THREADS: server.threads: expected", 46), 0);
    unsetenv("MINOS_SERVER_THREADS");
    setenv("MINOS_LIMITS_MEMRY_BYTES", "1", 1);
    ck_assert_int_eq(load_text(&c, "", &e), -1);
    ck_assert_has(e.msg, "MINOS_LIMITS_MEMRY_BYTES: unknown key \"limits.memry_bytes\"; did you "
                         "mean limits.memory_bytes?");
}
END_TEST

START_TEST(a_missing_file_is_an_error_only_when_asked_for)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_int_eq(conf_load(&c, "/nonexistent/minos.yaml", &e), -1);
    ck_assert_has(e.msg, "/nonexistent/minos.yaml");
    setenv("MINOS_CONFIG", "/nonexistent/other.yaml", 1);
    ck_assert_int_eq(conf_load(&c, NULL, &e), -1);
    ck_assert_has(e.msg, "/nonexistent/other.yaml");
    unsetenv("MINOS_CONFIG");
    if (access(CONF_DEFAULT_FILE, F_OK) != 0) {
        ck_assert_int_eq(conf_load(&c, NULL, &e), 0);
        ck_assert_ptr_null(c.file);
    }
}
END_TEST

static void check_refuses(const char *key, const char *value, const char *part)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_int_eq(conf_set(&c, key, value, "--set", &e), 0);
    ck_assert_msg(conf_check(&c, &e) == -1, "accepted %s=%s", key, value);
    ck_assert_has(e.msg, key);
    ck_assert_has(e.msg, part);
}

START_TEST(what_spans_keys_is_checked_at_the_end)
{
    check_refuses("limits.cpu_time_ms", "200s", "ceilings.cpu_time_ms, 120000 ms, got 200000");
    check_refuses("compile_limits.memory_bytes", "16G", "ceilings.memory_bytes");
    check_refuses("log.level", "loud", "expected error, warn, info or debug");
    check_refuses("store.data_dir", "", "expected a directory");
    check_refuses("box.cgroup", "minos", "expected auto or an absolute path");
    check_refuses("worker.artifact_bytes", "8G", "worker.artifact_cache_bytes");
}
END_TEST

static void check_two(const char *key, const char *value, const char *other, const char *text,
                      const char *part)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_int_eq(conf_set(&c, key, value, "--set", &e), 0);
    ck_assert_int_eq(conf_set(&c, other, text, "--set", &e), 0);
    if (part == NULL)
        ck_assert_msg(conf_check(&c, &e) == 0, "%s", e.msg);
    else
        ck_assert_msg(conf_check(&c, &e) == -1, "accepted %s=%s %s=%s", key, value, other, text);
    if (part != NULL)
        ck_assert_has(e.msg, part);
}

START_TEST(ranges_that_make_no_sense_together_are_refused)
{
    check_two("server.threads", "64", "server.connections", "63",
              "server.connections: expected at least server.threads, 64, got 63");
    check_two("server.threads", "64", "server.connections", "64", NULL);
    check_two("limits.cpu_time_ms", "20s", "limits.wall_time_ms", "19s",
              "limits.wall_time_ms: expected at least 20000 ms, limits.cpu_time_ms over box.cpus, "
              "got 19000");
    check_two("limits.cpu_time_ms", "20s", "box.cpus", "2", NULL);
    check_two("compile_limits.cpu_time_ms", "61s", "limits.cpu_time_ms", "2s",
              "compile_limits.wall_time_ms");
    check_two("ceilings.wall_time_ms", "60s", "compile_limits.wall_time_ms", "60s",
              "ceilings.wall_time_ms: expected at least 120000 ms");
    check_refuses("store.retention_ms", "999ms", "expected 0s, which keeps everything, or");
    check_two("store.retention_ms", "1s", "server.wait_max_ms", "600s", NULL);
    check_two("server.wait_max_ms", "600s", "server.idle_timeout_ms", "1s", NULL);
}
END_TEST

START_TEST(listen_is_an_address_and_a_port)
{
    static const char *const bad[] = { "",
                                       "8080",
                                       ":8080",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "127.0.0.1:65536",
                                       "::1:8080x",
                                       "[::1]",
                                       "[]:80",
                                       "[127.0.0.1]:80",
                                       "256.0.0.1:80",
                                       "example.org:80",
                                       "127.0.0.1:-1" };
    static const char *const good[] = { "127.0.0.1:0", "0.0.0.0:65535", "[::]:80", "[::1]:0" };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        check_refuses("server.listen", bad[i], "expected ADDRESS:PORT");
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        auto_conf_ struct conf c;
        struct err e;
        conf_init(&c);
        ck_assert_int_eq(conf_set(&c, "server.listen", good[i], "--set", &e), 0);
        ck_assert_msg(conf_check(&c, &e) == 0, "refused %s", good[i]);
    }
}
END_TEST

START_TEST(serving_without_keys_is_for_loopback_only)
{
    auto_conf_ struct conf c;
    struct err e;
    conf_init(&c);
    ck_assert_int_eq(conf_set(&c, "server.allow_anonymous", "true", "--set", &e), 0);
    ck_assert_int_eq(conf_check(&c, &e), 0);
    ck_assert_int_eq(conf_set(&c, "server.listen", "[::1]:80", "--set", &e), 0);
    ck_assert_int_eq(conf_check(&c, &e), 0);
    ck_assert_int_eq(conf_set(&c, "server.listen", "0.0.0.0:80", "--set", &e), 0);
    ck_assert_int_eq(conf_check(&c, &e), -1);
    ck_assert_has(e.msg, "loopback");
}
END_TEST

/* The example with its comment marks before keys taken away: every key with its default. */
static char *uncommented(const char *text)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        bool key = strncmp(p, "  #", 3) == 0 && p[3] != ' ';
        buf_printf(&b, "%s%.*s\n", key ? "  " : "", (int)(key ? len - 3 : len), key ? p + 3 : p);
        p += len + (p[len] == '\n');
    }
    return buf_take(&b);
}

START_TEST(the_example_reads_back_as_the_defaults)
{
    auto_buf_ struct buf b, again;
    buf_init(&b, 0);
    buf_init(&again, 0);
    conf_example(&b);
    auto_free_ char *full = uncommented(buf_text(&b));
    const char *texts[] = { buf_text(&b), full };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        auto_conf_ struct conf c, d;
        struct err e;
        conf_init(&c);
        conf_init(&d);
        int r = load_text(&c, texts[i], &e);
        ck_assert_msg(r == 0, "refused: %s", r == 0 ? "" : e.msg);
        ck_assert_uint_eq(c.image_count, i);
        ck_assert_mem_eq(&c.limits, &d.limits, sizeof c.limits);
        ck_assert_mem_eq(&c.compile_limits, &d.compile_limits, sizeof c.limits);
        ck_assert_mem_eq(&c.ceilings, &d.ceilings, sizeof c.limits);
        ck_assert_str_eq(c.server_listen, d.server_listen);
        ck_assert_int_eq(c.worker_artifact_cache_bytes, d.worker_artifact_cache_bytes);
        ck_assert_int_eq(c.store_retention_ms, d.store_retention_ms);
    }
}
END_TEST

START_TEST(the_example_and_the_manual_have_every_key)
{
    auto_buf_ struct buf example, manual;
    buf_init(&example, 0);
    buf_init(&manual, 0);
    conf_example(&example);
    conf_manual(&manual);
#define CONF(section, field, kind, def, min, max, help)                                            \
    ck_assert_has(buf_text(&example), "  #" #field ": ");                                          \
    ck_assert_has(buf_text(&manual), ".B " #section "." #field "\n");
#include "sandbox/base/conf.def"
#undef CONF
    ck_assert_has(buf_text(&example), "  #memory_bytes: 256M\n");
    ck_assert_has(buf_text(&manual), ".B ceilings.memory_bytes\n");
}
END_TEST

UNIT_MAIN("conf", the_defaults_are_those_of_the_tables, a_file_sets_keys_of_every_kind,
          a_wrong_value_names_file_line_key_and_what_was_expected,
          an_unknown_key_is_named_with_the_nearest,
          hostile_values_are_refused_and_leave_the_key_alone, setting_twice_keeps_the_last,
          images_are_counted, variables_override_the_file,
          variables_of_other_readers_are_left_alone, a_wrong_variable_is_named,
          a_missing_file_is_an_error_only_when_asked_for, what_spans_keys_is_checked_at_the_end,
          ranges_that_make_no_sense_together_are_refused, listen_is_an_address_and_a_port,
          serving_without_keys_is_for_loopback_only, the_example_reads_back_as_the_defaults,
          the_example_and_the_manual_have_every_key)
