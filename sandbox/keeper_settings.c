/* keeper_settings.c - looking at settings of the host that limits rely on. Runs in the keeper,
 * once, as a part of its proof. */
#include "sandbox/keeper_settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/err.h"
#include "sandbox/base/io.h"

enum { SETTING_BYTES_MAX = 1 << 16 };

#define SEEN(row, ...) snprintf((row)->seen, sizeof(row)->seen, __VA_ARGS__)

/* Whether `word`, of `length` bytes, is in a comma-separated list, which ends at a space. */
static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (;;) {
        size_t item = strcspn(list, ", \n");
        if (item == length && strncmp(list, word, length) == 0)
            return true;
        if (list[item] != ',')
            return false;
        list += item + 1;
    }
}

/* Documentation/admin-guide/kernel-parameters.txt, cgroup.memory=; the parameter may come twice. */
static bool judge_kernel_memory(const char *text, struct box_proof_row *row)
{
    static const char name[] = "cgroup.memory=";
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += sizeof name - 1) {
        if (at != text && at[-1] != ' ')
            continue;
        const char *list = at + sizeof name - 1;
        if (in_list(list, "nokmem") || in_list(list, "nosocket")) {
            SEEN(row, "%.*s", (int)strcspn(at, " \n"), at);
            return false;
        }
    }
    SEEN(row, "not switched off at the kernel's start");
    return true;
}

/* Documentation/mm/overcommit-accounting.rst: with 2, what is mapped counts against one sum of the
 * whole host, which no control group divides. */
static bool judge_overcommit(const char *text, struct box_proof_row *row)
{
    SEEN(row, "vm.overcommit_memory is %.*s", (int)strcspn(text, "\n"), text);
    return text[0] == '0' || text[0] == '1';
}

static const struct {
    const char *layer, *claim, *path, *mend;
    bool (*judge)(const char *text, struct box_proof_row *row);
} settings[] = {
#define SETTING(layer, claim, path, judge, mend) { layer, claim, path, mend, judge },
#include "sandbox/host_settings.def"
#undef SETTING
};

size_t keeper_settings_count(void)
{
    return ARRAY_COUNT(settings);
}

void keeper_setting_judge(size_t index, const char *text, struct box_proof_row *ret)
{
    *ret = (struct box_proof_row){ .ok = false };
    snprintf(ret->layer, sizeof ret->layer, "%s", settings[index].layer);
    snprintf(ret->claim, sizeof ret->claim, "%s", settings[index].claim);
    if (text != NULL)
        ret->ok = settings[index].judge(text, ret);
    else
        SEEN(ret, "%s cannot be read", settings[index].path);
    if (!ret->ok)
        snprintf(ret->mend, sizeof ret->mend, "%s", settings[index].mend);
}

void keeper_setting_look(size_t index, struct box_proof_row *ret)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    struct err e;
    int r = io_read_file(AT_FDCWD, settings[index].path, SETTING_BYTES_MAX, &b, &e);
    keeper_setting_judge(index, r == 0 ? buf_text(&b) : NULL, ret);
}
