/* test_language.c - language files: what is read, what is refused and how, limits, placeholders. */
#include "tests/unit/worker/unit.h"

#include "worker/expand.h"

#define MINIMAL                                                                                    \
    "id: x\nname: X\nsource_file: main.x\n"                                                        \
    "version:\n  command: [x, -v]\n  pattern: '[0-9]+'\n"                                          \
    "run:\n  command: [x, \"${source}\"]\n"

#define auto_language_ __attribute__((cleanup(language_done)))

static void read_text(const char *text, struct language *ret)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    auto_free_ char *path = write_text(p.dir, "x.yaml", text);
    ck_ok(language_load(path, ret, &e));
}

static void ck_refused(const char *text, const char *part)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    struct language l;
    auto_free_ char *path = write_text(p.dir, "x.yaml", text);
    ck_fails(language_load(path, &l, &e), ERR_INPUT, part);
    ck_assert_has(e.msg, "x.yaml: ");
}

START_TEST(a_minimal_file_has_the_defaults)
{
    auto_language_ struct language l = { 0 };
    read_text(MINIMAL, &l);
    ck_assert_str_eq(l.id, "x");
    ck_assert_str_eq(l.image, "host");
    ck_assert(l.enabled && l.run_sources);
    ck_assert_uint_eq(l.compile_command.count, 0);
    ck_assert_int_eq(l.run_extra.memory_bytes, -1);
}
END_TEST

START_TEST(every_key_is_read)
{
    auto_language_ struct language l = { 0 };
    read_text(MINIMAL "  environment: {A: b, C: \"${cpus}\"}\n  extra: {memory_bytes: 64M, "
                      "process_count: 8, cpu_time_ms: 1.5s}\n  minimum: {process_count: 4}\n"
                      "  memory_messages: [oops]\n"
                      "compile:\n  command: [xc, \"${sources}\"]\n  artifacts: [program, '*.o']\n"
                      "  limits: {wall_time_ms: 2m}\n",
              &l);
    ck_assert_str_eq(l.run_environment.items[1], "C=${cpus}");
    ck_assert_int_eq(l.run_extra.memory_bytes, 64 << 20);
    ck_assert_int_eq(l.run_extra.cpu_time_ms, 1500);
    ck_assert_int_eq(l.run_minimum.process_count, 4);
    ck_assert_int_eq(l.compile_limits.wall_time_ms, 120000);
    ck_assert_str_eq(l.compile_sources.items[0], "*.x");
    ck_assert(!l.run_sources);
    ck_assert(text_list_glob(&l.compile_artifacts, "a/b.o"));
    ck_assert(!text_list_glob(&l.compile_artifacts, "main.x"));
}
END_TEST

START_TEST(mistakes_name_the_file_the_line_and_what_was_expected)
{
    ck_refused(MINIMAL "colour: red\n", "line 9: unknown key colour");
    ck_refused(MINIMAL "  colour: red\n", "line 9: unknown key run.colour");
    ck_refused(MINIMAL "compile: {sources: ['*.x']}\n", "compile.command is missing");
    ck_refused("id: x\n", "is missing");
    ck_refused("id: X!\n", "line 1: id: expected lower-case letters");
    ck_refused("id: x\nsource_file: a/b\n", "line 2: source_file: expected a file name");
    ck_refused("version: {pattern: '['}\n", "version.pattern: expected a regular expression");
    ck_refused("version: {command: x}\n", "version.command: expected a list");
    ck_refused("run: {command: [x, '${sorce}']}\n", "unknown placeholder ${sorce}");
    ck_refused("run: {command: [x, '-I${sources}']}\n", "an argument of its own");
    ck_refused("run: {command: [x, '${source']}\n", "placeholder without '}'");
    ck_refused("run: {extra: {memory: 1M}}\n", "run.extra: unknown limit \"memory\"");
    ck_refused("run: {extra: {memory_bytes: lots}}\n", "run.extra: memory_bytes: ");
    ck_refused("run: {environment: {'A B': x}}\n", "expected the name of a variable");
    ck_refused("enabled: maybe\n", "line 1: enabled: expected true or false");
    ck_refused("run: x\n", "line 1: run: expected a mapping");
}
END_TEST

START_TEST(a_later_folder_replaces_and_removes_languages)
{
    auto_place_ struct place a = place_empty();
    auto_place_ struct place b = place_empty();
    struct language_set set = { 0 };
    struct err e;
    free(write_text(a.dir, "x.yaml", MINIMAL));
    free(write_text(a.dir, "y.yaml", "enabled: true\n" MINIMAL));
    free(write_text(a.dir, "notes.txt", "not a language"));
    ck_ok(language_set_read(&set, a.dir, false, &e));
    ck_assert_uint_eq(set.count, 1);
    free(write_text(b.dir, "z.yaml", "id: x\nenabled: false\n"));
    ck_ok(language_set_read(&set, b.dir, false, &e));
    ck_ok(language_set_read(&set, "/nowhere/at/all", true, &e));
    ck_fails(language_set_read(&set, "/nowhere/at/all", false, &e), ERR_SYS, "/nowhere");
    language_set_finish(&set);
    ck_assert_uint_eq(set.count, 0);
    ck_assert_ptr_null(language_find(&set, "x"));
    language_set_done(&set);
}
END_TEST

START_TEST(what_a_runtime_needs_is_added_and_never_passes_the_ceiling)
{
    auto_language_ struct language l = { 0 };
    read_text(MINIMAL "  extra: {memory_bytes: 64M}\n  minimum: {process_count: 32}\n", &l);
    struct limits asked = limits_run_defaults(), ceilings = limits_ceiling_defaults();
    asked.process_count = 1;
    struct limits got = language_run_limits(&l, &asked, &ceilings);
    ck_assert_int_eq(got.memory_bytes, asked.memory_bytes + (64 << 20));
    ck_assert_int_eq(got.process_count, 32);
    ck_assert_int_eq(got.cpu_time_ms, asked.cpu_time_ms);
    asked.memory_bytes = ceilings.memory_bytes;
    ck_assert_int_eq(language_run_limits(&l, &asked, &ceilings).memory_bytes,
                     ceilings.memory_bytes);
}
END_TEST

START_TEST(placeholders_are_replaced_and_options_are_not_made)
{
    struct text_list in = { 0 }, files = { 0 }, out = { 0 };
    text_list_add(&files, "a b.c");
    text_list_add(&files, "-o.c");
    text_list_add(&in, "-Xmx${memory_mib}m,${cpus}");
    text_list_add(&in, "${sources}");
    text_list_add(&in, "${source}");
    text_list_add(&in, "$x $(y) ${entry_point}.");
    text_list_add(&in, "${stack_kib}");
    struct expand_vars vars = { .source = "-o.c",
                                .entry_point = "Main",
                                .sources = &files,
                                .memory_bytes = 300 << 20,
                                .stack_bytes = INT64_MAX,
                                .cpus = 2 };
    expand_list(&in, &vars, &out);
    static const char *const want[] = { "-Xmx300m,2", "a b.c",         "./-o.c",
                                        "./-o.c",     "$x $(y) Main.", "1048575" };
    ck_assert_uint_eq(out.count, ARRAY_COUNT(want));
    for (size_t i = 0; i < out.count; i++)
        ck_assert_str_eq(out.items[i], want[i]);
    text_list_done(&in);
    text_list_done(&files);
    text_list_done(&out);
}
END_TEST

START_TEST(the_shipped_files_are_right_and_have_what_people_need)
{
    struct language_set set = { 0 };
    struct err e;
    ck_ok(language_set_read(&set, "deploy/languages", false, &e));
    language_set_finish(&set);
    ck_assert_uint_ge(set.count, 18);
    for (size_t i = 0; i < set.count; i++) {
        const struct language *l = &set.items[i];
        ck_assert_msg(l->hello != NULL && l->package != NULL, "%s", l->id);
        ck_assert_str_eq(strrchr(l->path, '/') + 1 + strlen(l->id), ".yaml");
        auto_free_ char *detail = language_detail_json(l);
        ck_assert_has(detail, "\"run_command\"");
    }
    language_set_done(&set);
}
END_TEST

UNIT_MAIN("language", a_minimal_file_has_the_defaults, every_key_is_read,
          mistakes_name_the_file_the_line_and_what_was_expected,
          a_later_folder_replaces_and_removes_languages,
          what_a_runtime_needs_is_added_and_never_passes_the_ceiling,
          placeholders_are_replaced_and_options_are_not_made,
          the_shipped_files_are_right_and_have_what_people_need)
