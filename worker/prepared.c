/* prepared.c - makes and finds what the compiles of a language share; slots. */
#include "worker/prepared.h"

#include <string.h>

#include "sandbox/base/cleanup.h"
#include "worker/detect.h"
#include "worker/judge.h"

/* Change it when what is kept changes its meaning. */
#define KEY_VERSION "minos prepared 1"

enum { CACHE_SHARE = 4 }; /* nothing shared takes more of the cache than one in so many parts */

void prepared_key(const struct conf *c, const struct language *l, char ret_hex[STORE_HEX_BYTES])
{
    uint8_t hash[STORE_SHA256_BYTES];
    char tools[STORE_HEX_BYTES];
    bool there;
    detect_key(c, l, tools, &there); /* the file's bytes and the tools' state are in it */
    struct store_hash *h = store_hash_new();
    store_hash_add(h, KEY_VERSION, sizeof(KEY_VERSION));
    store_hash_add(h, tools, strlen(tools));
    if (l->version != NULL)
        store_hash_add(h, l->version, strlen(l->version));
    store_hash_add(h, &c->box_cpus, sizeof(c->box_cpus));
    store_hash_end(h, hash);
    store_hex(hash, ret_hex);
}

int prepared_find(struct artifact_cache *c, const struct conf *conf, const struct language *l,
                  const struct sources *sources, struct artifact *ret, bool *ret_found,
                  struct err *e)
{
    char hex[STORE_HEX_BYTES];
    struct compile_result result = { 0 };
    auto_buf_ struct buf ignored;
    buf_init(&ignored, 0);
    *ret_found = false;
    if (l->prepare_command.count == 0)
        return 0;
    prepared_key(conf, l, hex);
    int rc = artifact_find(c, hex, ret, &result, &ignored, ret_found, e);
    compile_result_done(&result);
    if (rc != 0 || !*ret_found)
        return rc;
    bool clash = !ret->has_files;
    for (size_t i = 0; i < sources->count && !clash; i++)
        clash = artifact_has(c, ret, sources->files[i].name);
    if (clash)
        artifact_done(ret);
    *ret_found = !clash;
    return 0;
}

static bool wanted(void *ctx, const char *name)
{
    return text_list_glob(ctx, name);
}

static int put(struct artifact_cache *c, const struct tool_run *run,
               const struct box_collected *files, size_t count, const struct box_outcome *o,
               struct err *e)
{
    char hex[STORE_HEX_BYTES];
    struct artifact a = ARTIFACT_NONE;
    struct buf nothing = { 0 };
    struct compile_result result = {
        .present = true,
        .verdict = VERDICT_ACCEPTED,
        .usage = judge_usage(o),
    };
    prepared_key(run->conf, run->language, hex);
    int rc = artifact_put(c, hex, files, count, &result, &nothing, &a, e);
    artifact_done(&a);
    return rc;
}

static int harvest(struct artifact_cache *c, const struct tool_run *run,
                   const struct box_outcome *o, bool *ret_made, struct err *e)
{
    struct text_list globs = run->language->prepare_artifacts;
    struct box_collected *files = NULL;
    size_t count = 0, refused;
    int64_t share = run->conf->worker_artifact_cache_bytes / CACHE_SHARE;
    int64_t most = run->conf->worker_artifact_bytes;
    int rc = box_collect(run->box, most < share ? most : share, wanted, &globs, &files, &count,
                         &refused, e);
    if (rc == 0 && count > 0 && put(c, run, files, count, o, e) != 0) {
        e->kind = ERR_BUSY; /* a full disk is no fault of the box: the host may do better later */
        rc = -1;
    }
    *ret_made = rc == 0 && count > 0;
    box_collected_free(files, count);
    return rc;
}

int prepared_make(struct artifact_cache *c, const struct tool_run *run,
                  struct box_outcome *ret_outcome, struct buf *diagnostics, bool *ret_made,
                  struct err *e)
{
    struct tool_run t = *run;
    auto_keep_ struct keep output = { 0 };
    int64_t head;
    t.command = &run->language->prepare_command;
    t.with_hello = run->language->hello != NULL;
    t.keep_files = true;
    *ret_made = false;
    if (tool_run(&t, &output, ret_outcome, e) != 0)
        return -1;
    keep_get(&output, diagnostics, &head);
    int rc = tool_ended_well(ret_outcome) ? harvest(c, &t, ret_outcome, ret_made, e) : 0;
    struct err ignored;
    if (box_release(run->box, rc == 0 ? e : &ignored) != 0)
        return -1;
    return rc;
}
