/*
 * fuzz_wire.c - any bytes as any message: libFuzzer's entry (clang -fsanitize=fuzzer,address).
 *
 * The first byte is the number of descriptors that came along, the rest is the message. What is
 * read must be safe to use: every text is walked to its end, every list to its last entry.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void use_command(const struct wire_message *m, struct err *e)
{
    struct wire_command c;
    if (wire_read_command(m, &c, e) < 0)
        return;
    auto_free_ const char **pointers = calloc(WIRE_STRINGS_MAX + 1, sizeof *pointers);
    assert(pointers != NULL);
    wire_strings_pointers(&c.argv, pointers);
    for (size_t i = 0; i < c.argv.count; i++)
        assert(strlen(pointers[i]) < BOX_ARGS_BYTES_MAX);
    assert(pointers[c.argv.count] == NULL && c.argv.count > 0);
    wire_strings_pointers(&c.env, pointers);
    for (size_t i = 0; i < c.env.count; i++)
        assert(strchr(pointers[i], '=') != NULL);
    assert(strlen(c.image) <= WIRE_IMAGE_BYTES_MAX && c.index < BOX_COMMANDS_MAX);
    assert(c.artifact == NULL || strlen(c.artifact) <= WIRE_ARTIFACT_BYTES_MAX);
}

static void use_place(const struct wire_message *m, struct err *e)
{
    struct wire_place p;
    if (wire_read_place(m, &p, e) < 0)
        return;
    assert(p.count == m->fd_count && p.count <= BOX_FILES_MAX);
    for (size_t i = 0; i < p.count; i++)
        assert(strlen(p.files[i].name) <= BOX_NAME_MAX && strchr(p.files[i].name, '/') == NULL);
}

static void use_greeting(const struct wire_message *m, struct err *e)
{
    static struct box_proof p;
    uint32_t version;
    if (wire_read_greeting(m, &version, &p, e) < 0)
        return;
    assert(p.count <= BOX_PROOF_MAX && strlen(p.kernel) < sizeof p.kernel);
}

static void use_rest(const struct wire_message *m, enum wire_type type, struct err *e)
{
    uint32_t number;
    int64_t bytes;
    uint8_t mask;
    enum box_cause cause;
    struct err err;
    struct box_outcome outcome;
    struct wire_file file;
    int r = wire_read_hello(m, &number, e) & wire_read_run(m, &number, e) &
            wire_read_stop(m, &cause, &mask, e) & wire_read_collect(m, &bytes, e) &
            wire_read_err(m, WIRE_ERROR, &err, e) & wire_read_err(m, WIRE_REFUSAL, &err, e) &
            wire_read_outcome(m, &number, &outcome, e) & wire_read_file(m, &file, e) &
            wire_read_files_end(m, &number, e) & wire_read_empty(m, WIRE_RELEASE, e) &
            wire_read_empty(m, WIRE_FORGET, e) & wire_read_empty(m, WIRE_RELEASED, e);
    assert(r == 0 || r == -1);
    if (type == WIRE_FILE && wire_read_file(m, &file, e) == 0)
        assert(file.name[0] != '/' && file.name[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > WIRE_MESSAGE_MAX)
        return 0;
    struct wire_message m = { .data = data + 1,
                              .len = len - 1,
                              .fd_count = data[0] % (IO_FDS_MAX + 1) };
    enum wire_type type;
    struct err e;
    if (wire_message_type(&m, &type, &e) < 0)
        return 0;
    use_command(&m, &e);
    use_place(&m, &e);
    use_greeting(&m, &e);
    use_rest(&m, type, &e);
    return 0;
}
