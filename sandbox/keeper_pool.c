/*
 * keeper_pool.c - cells that are not running: warm ones, made ahead of their run, and used ones
 * that are still to be removed. Runs in the keeper while no program does, a piece at a time, the
 * client first.
 *
 * Of each of the images asked for last there are box.warm warm ones, and one more for each time
 * that one was asked for in vain or that a burst took the last, up to box.warm_burst: who has once
 * sent many tests will send the like again, and until then there is time to make them. Whoever is
 * left alone for a while keeps box.warm.
 *
 * As long as a burst has not taken the last warm one of its image, what is to be removed and made
 * waits for a moment without a client: the core that it would take is wanted by those who record
 * and tell what has just been run, and by the next to come. Once it has, no time is lost. Used
 * cells are dead (invariant 4 of keeper_cell.c removes whatever is not), and wait while there is a
 * warm cell, or one is being made ahead: until that comes there is time to remove some. One that
 * holds much memory does not wait, nor do many that hold some, nor more than KEEPER_USED_MAX.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/keeper.h"

#define USED_MEMORY_MAX_BYTES ((int64_t)16 << 20)
#define ALL_USED_MEMORY_MAX_BYTES ((int64_t)64 << 20)
/* A cell takes 2 ms to make; on a host that has stalled we make one ourselves. */
enum { AHEAD_WAIT_MS = 500, OTHER_DESCRIPTORS = 512 };
/* Whoever asks again so soon after a run is in the middle of a burst. A submission takes 4 ms from
 * its request to its answer, and slots take turns. */
#define BURST_NS (10 * NS_PER_MS)
/* How long a client takes to ask again when it does so at once. */
#define ASKS_AGAIN_NS (NS_PER_MS / 4)

static size_t warm_base(const struct keeper *k)
{
    return (size_t)k->options->conf->box_warm;
}

static size_t warm_of(const struct keeper *k, const char *image)
{
    size_t n = 0;
    for (size_t i = 0; i < k->warm_count; i++)
        n += strcmp(k->warm[i].image, image) == 0;
    return n;
}

/* Of the image that was asked for last, which is the burst's. */
static size_t warm_now(const struct keeper *k)
{
    return warm_of(k, k->images[0].name);
}

static size_t warm_wanted(const struct keeper *k, const struct pool_image *p)
{
    size_t burst = (size_t)k->options->conf->box_warm_burst, n = warm_base(k) + p->missed_count;
    size_t most = burst > warm_base(k) ? burst : warm_base(k);
    most = most < k->pool_max ? most : k->pool_max;
    return n < most ? n : most;
}

/* The first of them that has fewer warm cells than it should; NULL: none. */
static struct pool_image *lacking(struct keeper *k)
{
    for (size_t i = 0; i < k->image_count && k->warm_count < k->pool_max; i++)
        if (warm_of(k, k->images[i].name) < warm_wanted(k, &k->images[i]))
            return &k->images[i];
    return NULL;
}

/* The place in k->warm of a cell of an image that is none of them any more; warm_count: none. */
static size_t find_stray(const struct keeper *k)
{
    for (size_t i = 0; i < k->warm_count; i++) {
        size_t at = 0;
        while (at < k->image_count && strcmp(k->images[at].name, k->warm[i].image) != 0)
            at++;
        if (at == k->image_count)
            return i;
    }
    return k->warm_count;
}

static void drop_warm(struct keeper *k, size_t i)
{
    cell_destroy(&k->warm[i]);
    k->warm[i] = k->warm[--k->warm_count];
}

/* Make it the first of them; the one that was not asked for the longest goes when there are too
 * many. */
static void use_image(struct keeper *k, const char *image)
{
    struct pool_image p = { 0 };
    size_t at = 0;
    while (at < k->image_count && strcmp(k->images[at].name, image) != 0)
        at++;
    if (at < k->image_count)
        p = k->images[at];
    else if (k->image_count < POOL_IMAGES_MAX)
        k->image_count++;
    else
        at--;
    snprintf(p.name, sizeof p.name, "%s", image);
    memmove(&k->images[1], &k->images[0], at * sizeof k->images[0]);
    k->images[0] = p;
}

int keeper_pool_begin(struct keeper *k, struct err *e)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return err_sys(e, "getrlimit RLIMIT_NOFILE");
    size_t each = CELL_DESCRIPTORS_MAX + 1; /* and its artifact */
    size_t room = (size_t)(r.rlim_cur - OTHER_DESCRIPTORS) / each;
    k->pool_max = room / 2 < KEEPER_POOL_MAX ? room / 2 : KEEPER_POOL_MAX;
    k->used_max = room - k->pool_max < KEEPER_USED_MAX ? room - k->pool_max : KEEPER_USED_MAX;
    use_image(k, "host");
    return 0;
}

bool keeper_cell_alive(const struct cell *c)
{
    struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
    return poll(&p, 1, 0) == 0;
}

static bool take_warm(struct keeper *k, const char *image, struct cell *ret)
{
    for (size_t i = 0; i < k->warm_count; i++) {
        if (strcmp(k->warm[i].image, image) != 0)
            continue;
        struct cell c = k->warm[i];
        k->warm[i] = k->warm[--k->warm_count];
        if (keeper_cell_alive(&c)) {
            *ret = c;
            return true;
        }
        cell_destroy(&c); /* something on the host killed it while it waited */
        break;
    }
    return false;
}

bool keeper_has_warm(const struct keeper *k, const char *image)
{
    for (size_t i = 0; i < k->warm_count; i++)
        if (strcmp(k->warm[i].image, image) == 0)
            return keeper_cell_alive(&k->warm[i]); /* of the one that take_warm takes */
    return false;
}

/* ---- ahead: on another core, while programs run
 * ----------------------------------------------------------------
 */

/* Its answer is to come, and comes before we could make a cell ourselves. */
static void take_ahead(struct keeper *k, int wait_ms)
{
    struct err e;
    struct cell c;
    int r = ahead_take(&k->ahead, wait_ms, &c, &e);
    if (r < 0)
        log_error(k->options->log, "ahead_failed", &e);
    if (r < 0 && k->ahead.sock < 0)
        ahead_tidy(&k->ahead, &k->maker);
    if (r > 0 && k->warm_count < ARRAY_COUNT(k->warm))
        k->warm[k->warm_count++] = c;
    else if (r > 0)
        cell_destroy(&c);
}

void keeper_take_ahead(struct keeper *k)
{
    take_ahead(k, 0);
}

static struct ahead_options ahead_options_of(const struct keeper *k)
{
    return (struct ahead_options){
        .maker = &k->maker, .board = k->options->board, .cores = &k->cores, .nth = k->ahead_count
    };
}

bool keeper_room_beside(const struct keeper *k, cpu_set_t *ret)
{
    struct ahead_options o = ahead_options_of(k);
    return o.board != NULL && ahead_find_room(&o, ret);
}

/* Only a keeper among others knows which cores have no program, and only one that is asked for
 * cells faster than it makes them needs help. That is forked from us, so it waits until we hold
 * nothing of a job. */
static void start_ahead(struct keeper *k)
{
    struct err e;
    if (!k->wants_ahead || k->pending_count > 0)
        return;
    k->wants_ahead = false;
    if (k->ahead.sock >= 0)
        return;
    k->ahead_count++;
    cpu_set_t room;
    struct ahead_options o = ahead_options_of(k);
    if (ahead_find_room(&o, &room) && ahead_start(&o, &k->ahead, &e) < 0)
        log_error(k->options->log, "ahead_failed", &e);
}

static bool may_have_ahead(const struct keeper *k)
{
    const struct conf *c = k->options->conf;
    return k->options->board != NULL && c->box_ahead && c->box_warm > 0 &&
           k->cores.count > (size_t)k->maker.cpu_count;
}

void keeper_ask_ahead(struct keeper *k)
{
    cpu_set_t room;
    start_ahead(k);
    const struct pool_image *p = lacking(k);
    if (k->ahead.sock >= 0 && p != NULL && keeper_room_beside(k, &room))
        ahead_ask(&k->ahead, p->name);
}

/* What is left of a burst, at most. */
static int64_t burst_left_ns(const struct keeper *k)
{
    int64_t left_ns = k->served_mono_ns + BURST_NS - clock_mono_ns();
    return k->served_mono_ns != 0 && left_ns > 0 ? left_ns : 0;
}

static bool wants_deeper(const struct keeper *k, bool found)
{
    bool short_of_one = !found || (warm_now(k) == 0 && burst_left_ns(k) > 0);
    return short_of_one && warm_base(k) > 0 && k->images[0].missed_count < KEEPER_POOL_MAX;
}

static void remove_used(struct keeper *k)
{
    cell_destroy(&k->used[--k->used_count]);
    if (k->used_count == 0)
        k->used_bytes = 0;
}

/* Until it comes there is time to remove used ones. */
static void await_ahead(struct keeper *k)
{
    take_ahead(k, 0);
    while (k->ahead.asked && k->used_count > 0) {
        remove_used(k);
        take_ahead(k, 0);
    }
    if (k->ahead.asked)
        take_ahead(k, AHEAD_WAIT_MS);
}

int keeper_take_cell(struct keeper *k, const char *image, struct cell *ret, struct err *e)
{
    use_image(k, image);
    bool found = take_warm(k, image, ret);
    if (wants_deeper(k, found))
        k->images[0].missed_count++;
    k->behind = k->behind || warm_now(k) == 0;
    if (found)
        return 0;
    if (k->ahead.asked && strcmp(k->ahead.image, image) == 0) {
        await_ahead(k);
        if (take_warm(k, image, ret))
            return 0;
    }
    k->wants_ahead = may_have_ahead(k);
    return cell_build(&k->maker, image, ret, e);
}

/* Who will have to wait for the next cell anyway had better find less to be removed. */
void keeper_put_away(struct keeper *k, struct cell *c, int64_t peak_bytes)
{
    int64_t memory_bytes = peak_bytes < 0 ? peak_bytes : peak_bytes + c->laid_bytes;
    k->served_mono_ns = clock_mono_ns();
    bool waits = warm_now(k) > 0 || k->ahead.asked || k->used_count < warm_base(k);
    if (waits && k->used_count < k->used_max && memory_bytes >= 0 &&
        memory_bytes <= USED_MEMORY_MAX_BYTES &&
        k->used_bytes + memory_bytes <= ALL_USED_MEMORY_MAX_BYTES) {
        k->used[k->used_count++] = *c;
        k->used_bytes += memory_bytes;
        cell_init(c);
        return;
    }
    cell_destroy(c);
    if (warm_now(k) == 0 && k->used_count > warm_base(k))
        remove_used(k);
}

bool keeper_client_waits(const struct keeper *k, int64_t wait_ns)
{
    struct pollfd p = { .fd = k->options->sock, .events = POLLIN };
    struct timespec ts = { 0, wait_ns };
    return ppoll(&p, 1, &ts, NULL) != 0;
}

static int make_warm(struct keeper *k, struct pool_image *p)
{
    struct err e;
    if (cell_build(&k->maker, p->name, &k->warm[k->warm_count], &e) < 0) {
        size_t there = warm_of(k, p->name);
        log_error(k->options->log, "warm_cell_failed", &e);
        p->missed_count = there > warm_base(k) ? there - warm_base(k) : 0;
        return -1; /* as many as the host lets us have are enough */
    }
    k->warm_count++;
    return 0;
}

/* Cells that were made ahead are our children from their birth, and some die before they are ours:
 * their maker failed, or was killed. Those that are ours are waited for by themselves as well, and
 * do not mind. */
static void reap_strays(void)
{
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
        ;
}

/* How long the client may take to ask before anything is removed or made. */
static int64_t patience_ns(const struct keeper *k, bool first)
{
    if (k->next_armed)
        return burst_left_ns(k);
    if (warm_now(k) == 0 && !k->ahead.asked)
        return 0;
    if (!k->behind)
        return burst_left_ns(k);
    return first && k->used_count > 0 ? ASKS_AGAIN_NS : 0;
}

/* One thing that is to be removed or made, once the client has nothing to say. Returns false when
 * there is none, or no time. */
static bool tidy_one(struct keeper *k, bool first)
{
    /* What cells are forked from must hold nothing of a job; to remove some needs but leisure. */
    bool makes = k->pending_count == 0, removes = makes || k->next_armed;
    struct pool_image *p = makes && !k->ahead.asked ? lacking(k) : NULL;
    size_t stray = removes ? find_stray(k) : k->warm_count;
    bool has_used = removes && k->used_count > 0;
    if (k->ending || (!has_used && stray == k->warm_count && p == NULL) ||
        keeper_client_waits(k, patience_ns(k, first)))
        return false;
    if (has_used)
        remove_used(k);
    else if (stray < k->warm_count)
        drop_warm(k, stray);
    else
        return p != NULL && make_warm(k, p) == 0;
    return true;
}

void keeper_tidy(struct keeper *k)
{
    reap_strays();
    start_ahead(k);
    if (k->ahead.asked)
        take_ahead(k, 0);
    for (bool first = true; tidy_one(k, first); first = false)
        ;
    k->behind = k->behind && warm_now(k) < warm_wanted(k, &k->images[0]);
}

/* The place in k->warm of a cell that a rested keeper does not keep; warm_count: none. */
static size_t find_surplus(const struct keeper *k)
{
    for (size_t i = k->warm_count; i > 0; i--)
        if (warm_of(k, k->warm[i - 1].image) > warm_base(k))
            return i - 1;
    return k->warm_count;
}

bool keeper_may_rest(const struct keeper *k)
{
    bool missed = false;
    for (size_t i = 0; i < k->image_count; i++)
        missed = missed || k->images[i].missed_count > 0;
    return k->ahead.sock >= 0 || missed || find_surplus(k) < k->warm_count ||
           k->maker.artifact.dir_fd >= 0;
}

void keeper_rest(struct keeper *k)
{
    ahead_end(&k->ahead);
    for (size_t i = 0; i < k->image_count; i++)
        k->images[i].missed_count = 0;
    furnish_done(&k->maker.artifact);
    for (size_t i; (i = find_surplus(k)) < k->warm_count && !keeper_client_waits(k, 0);)
        drop_warm(k, i);
}

void keeper_pool_end(struct keeper *k)
{
    ahead_end(&k->ahead);
    while (k->used_count > 0)
        remove_used(k);
    while (k->warm_count > 0)
        cell_destroy(&k->warm[--k->warm_count]);
}
