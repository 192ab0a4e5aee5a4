/*
 * fuzz_language.c - any bytes as a language file: libFuzzer's entry.
 *
 * Whatever they are: a refusal names the file, and what is accepted can be used: its id and its
 * files are names, its commands expand to words, its patterns compile, the limits of its programs
 * stay within ceilings, and what the API shows of it is JSON.
 */
#include <assert.h>
#include <regex.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "sandbox/base/io.h"
#include "tests/fuzz/fuzz.h"
#include "worker/expand.h"
#include "worker/language.h"

static void check_file_name(const char *name)
{
    assert(name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, "..") != 0);
}

static void check_words(const struct text_list *command, bool has_prepared)
{
    struct text_list sources = { 0 }, prepared = { 0 }, out = { 0 };
    text_list_add(&sources, "-rf.c");
    text_list_add(&sources, "a b.c");
    text_list_add(&prepared, "-include");
    const struct expand_vars vars = { .source = "-main.c",
                                      .entry_point = "Main",
                                      .sources = &sources,
                                      .prepared = has_prepared ? &prepared : NULL,
                                      .memory_bytes = 1 << 28,
                                      .stack_bytes = 1 << 23,
                                      .cpus = 1 };
    expand_list(command, &vars, &out);
    const char *const *argv = text_list_argv(&out);
    size_t count = 0;
    while (argv[count] != NULL)
        assert(strstr(argv[count++], "${sources}") == NULL);
    assert(count == out.count && count <= command->count * 2);
    text_list_done(&sources);
    text_list_done(&prepared);
    text_list_done(&out);
}

static void check_limits(const struct language *l)
{
    struct conf c;
    conf_init(&c);
    const struct limits *ceilings = &c.ceilings;
    struct limits run = language_run_limits(l, &c.limits, ceilings),
                  highest = language_run_limits(l, ceilings, ceilings),
                  compile = language_compile_limits(l, &c.limits, ceilings);
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t most = limits_get(ceilings, row);
        assert(limits_get(&run, row) >= limits_get(&c.limits, row));
        assert(limits_get(&run, row) <= most && limits_get(&highest, row) == most);
        assert(limits_get(&compile, row) >= 0 && limits_get(&compile, row) <= most);
    }
    conf_done(&c);
}

static void check_pattern(const char *pattern)
{
    regex_t re;
    if (pattern == NULL)
        return;
    int r = regcomp(&re, pattern, REG_EXTENDED);
    assert(r == 0);
    regfree(&re);
}

static void check_language(const struct language *l)
{
    assert(l->id != NULL && strchr(l->id, '/') == NULL && strlen(l->id) <= 40);
    auto_free_ char *detail = NULL;
    if (l->enabled) {
        assert(l->source_file != NULL && l->run_command.count > 0 && l->image != NULL);
        check_file_name(l->source_file);
        check_limits(l);
        detail = language_detail_json(l);
        json_t *root = json_loads(detail, JSON_REJECT_DUPLICATES, NULL);
        assert(json_is_object(root));
        json_decref(root);
    }
    check_words(&l->compile_command, true);
    check_words(&l->run_command, false);
    check_words(&l->version_command, false);
    check_pattern(l->version_pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    auto_fd_ int fd = memfd_create("language", MFD_CLOEXEC);
    assert(fd >= 0 && io_write_all(fd, data, len) == 0);
    auto_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
    struct language l = { 0 };
    struct err e = { 0 };
    if (language_load(path, &l, &e) != 0) {
        assert(e.kind == ERR_INPUT && strncmp(e.msg, path, strlen(path)) == 0);
        return 0;
    }
    struct language_set set = { 0 };
    check_language(&l);
    set.items = xcalloc(1, sizeof l);
    set.items[set.count++] = l;
    language_set_finish(&set);
    assert(set.count == (l.enabled ? 1 : 0));
    language_set_done(&set);
    return 0;
}
