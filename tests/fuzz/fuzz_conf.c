/*
 * fuzz_conf.c - any bytes as minos.yaml: libFuzzer's entry (clang -fsanitize=fuzzer,address).
 *
 * The tree must be bounded by the text, whatever the text is, and the configuration that a good
 * file gives must keep every number within its row.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/conf.h"
#include "sandbox/base/conf_keys.h"
#include "sandbox/base/io.h"
#include "sandbox/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The nodes below and with `n`, none of them nested too deep or out of the file. */
static size_t walk(const struct yaml_node *n, int depth, int line_count)
{
    assert(depth <= 32 && n->line >= 1 && n->line <= line_count);
    assert((n->text != NULL) == (n->kind == YAML_SCALAR));
    size_t count = 1;
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == YAML_MAPPING)
            assert(yaml_get(n, n->keys[i]) == n->items[i]);
        count += walk(n->items[i], depth + 1, line_count);
    }
    return count;
}

static void use_tree(const char *text, size_t len)
{
    struct yaml_node *root = NULL;
    struct err e = { 0 };
    if (yaml_parse("fuzz", text, len, &root, &e) < 0) {
        assert(root == NULL && e.kind == ERR_INPUT && strncmp(e.msg, "fuzz: ", 6) == 0);
        return;
    }
    /* Every line break that YAML knows begins with one of the bytes LF, CR, C2 (NEL) and E2. */
    int line_count = 2;
    for (size_t i = 0; i < len; i++)
        line_count += strchr("\n\r\xc2\xe2", text[i]) != NULL;
    assert(walk(root, 0, line_count) <= 2 * len + 1);
    yaml_free(root);
}

static void use_conf(const char *text, size_t len)
{
    auto_fd_ int fd = memfd_create("conf", MFD_CLOEXEC);
    assert(fd >= 0 && io_write_all(fd, text, len) == 0);
    auto_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
    struct conf c;
    struct err e;
    conf_init(&c);
    if (conf_load(&c, path, &e) == 0 && conf_check(&c, &e) == 0)
        for (size_t i = 0; i < conf_key_count; i++) {
            const struct conf_key *key = &conf_keys[i];
            if (key->kind == CONF_INT || key->kind == CONF_BYTES || key->kind == CONF_TIME) {
                int64_t value = *(const int64_t *)((const char *)&c + key->offset);
                assert(value >= key->min && value <= key->max);
            }
        }
    conf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    auto_free_ char *text = xstrndup((const char *)data, len);
    use_tree(text, len);
    use_conf(text, len);
    return 0;
}
