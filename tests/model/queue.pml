/*
 * queue.pml - the queue protocol of schema/queue.c, with crashes at every step.
 *
 * Clients hand in SUBS submissions, read and cancel them; SLOTS slots judge them; the server, each slot
 * and the machine may crash between any two steps. One step here is one transaction there: the function
 * whose statement it is stands behind it. tests/model/run searches all interleavings for a state in
 * which the monitor's promises do not hold, and then again with one statement of the code left out
 * (the BREAK_... of tests/model/breaks.def), which it must find.
 *
 * Two images of the store: `now` is what every connection reads, `disk` is what a power cut leaves. A
 * relaxed commit changes `now`; a durable one makes the log whole up to itself, so it copies all of
 * `now`. The kernel may write the log earlier than asked, whenever it likes (step `writeback`).
 *
 * Time is not modelled: a lease may run out, and a clock may jump, at any step. Nothing below may hold
 * because somebody was quick enough.
 */
#ifndef SUBS
#define SUBS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* worker.attempts */
#endif
#ifndef CRASHES
#define CRASHES 2 /* of slots and the server, in all */
#endif
#ifndef POWER_CUTS
#define POWER_CUTS 1
#endif
#ifndef STOPS
#define STOPS 1 /* slots stopped in good order, in the middle of a judgement */
#endif
#ifndef CANCELS
#define CANCELS 1
#endif

/* states.def; ABSENT is before acceptance. ENDED is DONE or CANCELLED: no row in `queue`. */
#define ABSENT 0
#define QUEUED 1
#define CLAIMED 2
#define RUNNING 3 /* COMPILING is RUNNING with nothing recorded: the same statements apply */
#define ENDED 4

/* Verdicts: two that a judge may give (an attempt may turn out either way), and the queue's own. */
#define NONE 0
#define ACCEPTED 1
#define WRONG 2
#define CANCELLED 3
#define INTERNAL 4

typedef Image {
    byte state[SUBS];
    byte fence[SUBS];
    byte attempts[SUBS];
    byte result[SUBS];  /* the fence of the attempt whose tests are recorded; 0: none */
    byte verdict[SUBS];
    byte rank[SUBS];    /* place in the order of acceptance, from 1 */
    byte ends[SUBS];    /* how often move_end has run: a ghost, no column */
};
Image now, disk;
byte accepted_count; /* of ranks; `now` and `disk` agree, as accepts are durable */

/* What the clients know: it outlives every crash. */
bool acked[SUBS], cancel_answered[SUBS];
byte seen[SUBS]; /* the verdict that a client has read; NONE: none yet */
byte cancels;

/* What processes hold in memory: gone when they crash. */
#define IDLE 0
#define HOLDS 1    /* claimed, nothing recorded by this attempt */
#define RECORDED 2 /* has recorded its tests */
byte slot_pc[SLOTS];
byte slot_id[SLOTS], slot_fence[SLOTS];
bool note_set[SLOTS]; /* worker/held.h: what the supervisor knows of a slot that died */
byte note_id[SLOTS], note_fence[SLOTS];

/* Ghosts for the bounds. */
byte runs[SUBS], crashes, power_cuts, stops;
bool unfair; /* a claim took one although an older one of the same key waited */
bool mixed;  /* a verdict was recorded over the results of another attempt */
bool stolen; /* a verdict was recorded by one who was not the latest holder */

/* Two submissions of one key, and a third of another: order is promised within a key, and among keys
 * left open. */
#define KEY(i) ((i) / 2)
#define HELD(i) (now.state[i] == CLAIMED || now.state[i] == RUNNING)
#define LIVE(i) (now.state[i] >= QUEUED && now.state[i] <= RUNNING)

inline sync() /* the log is whole up to here: fsync of COMMIT with synchronous=FULL */
{
    d_step {
        k = 0;
        do
        :: k < SUBS ->
            disk.state[k] = now.state[k]; disk.fence[k] = now.fence[k];
            disk.attempts[k] = now.attempts[k]; disk.result[k] = now.result[k];
            disk.verdict[k] = now.verdict[k]; disk.rank[k] = now.rank[k];
            disk.ends[k] = now.ends[k];
            k++
        :: else -> break
        od;
        k = 0
    }
}

inline power_cut() /* all processes end, and the store is what the disk has */
{
    d_step {
        k = 0;
        do
        :: k < SUBS ->
            now.state[k] = disk.state[k]; now.fence[k] = disk.fence[k];
            now.attempts[k] = disk.attempts[k]; now.result[k] = disk.result[k];
            now.verdict[k] = disk.verdict[k]; now.rank[k] = disk.rank[k];
            now.ends[k] = disk.ends[k];
            k++
        :: else -> break
        od;
        k = 0;
        do
        :: k < SLOTS ->
            slot_pc[k] = IDLE; slot_id[k] = 0; slot_fence[k] = 0;
            note_set[k] = false; note_id[k] = 0; note_fence[k] = 0;
            k++
        :: else -> break
        od;
        k = 0;
        power_cuts++
    }
}

/* ---- statements of schema/queue.c and schema/move.c */

#ifdef BREAK_FINISH_FENCE
#define FINISH_MINE(i, f) (HELD(i))
#else
#define FINISH_MINE(i, f) MINE(i, f)
#endif
#ifdef BREAK_RECORD_FENCE
#define RECORD_MINE(i, f) (HELD(i))
#else
#define RECORD_MINE(i, f) MINE(i, f)
#endif
#ifdef BREAK_GIVE_BACK_FENCE
#define GIVE_BACK_MINE(i, f) (now.state[i] != ABSENT)
#else
#define GIVE_BACK_MINE(i, f) MINE(i, f)
#endif
/* move_find_held: `WHERE id = ? AND fence = ? AND lease_end_unix_ms IS NOT NULL` */
#define MINE(i, f) (HELD(i) && now.fence[i] == (f))

inline move_end(i, v) /* move_end: verdict written, row deleted, in one transaction */
{
    now.verdict[i] = v;
    now.ends[i] = now.ends[i] + 1;
#ifdef BREAK_CANCEL_KEEPS_ROW
    if
    :: v != CANCELLED -> now.state[i] = ENDED
    :: else
    fi
#else
    now.state[i] = ENDED
#endif
}

inline put_back(i) /* put_back: state QUEUED, lease null; result_forget */
{
    now.state[i] = QUEUED;
#ifndef BREAK_KEEP_RESULTS
    now.result[i] = 0
#endif
}

inline put_back_or_end(i, last) /* move_put_back_or_end */
{
    put_back(i);
    if
    :: !(last) -> skip
    :: else -> move_end(i, INTERNAL)
    fi
}

#ifdef BREAK_ATTEMPTS
#define USED_UP(i) false
#else
#define USED_UP(i) (now.attempts[i] >= ATTEMPTS)
#endif

/* line.c, find_head: `WHERE state = 1 AND key_id = ? ORDER BY rank, id LIMIT 1`, for the key whose turn it is */
#ifdef BREAK_ORDER
#define FIRST(i) (now.state[i] == QUEUED)
#else
#define FIRST(i) (now.state[i] == QUEUED && !OLDER(i))
#endif
#if SUBS == 3
#define OLDER(i) (AHEAD(0, i) || AHEAD(1, i) || AHEAD(2, i))
#else
#define OLDER(i) (AHEAD(0, i) || AHEAD(1, i))
#endif
#define AHEAD(j, i) (now.state[j] == QUEUED && KEY(j) == KEY(i) && now.rank[j] < now.rank[i])

/* ---- the clients, and the server between them and the store */

#ifdef BREAK_ACK_BEFORE_COMMIT
#define ACK_MAY(i) true
#else
#define ACK_MAY(i) (now.state[i] != ABSENT)
#endif

proctype client(byte i)
{
    byte k;
    do
    /* queue_accept, tx_begin(STORE_DURABLE) to tx_commit, with server/writer.c behind it. A client that
     * got no answer sends the same Idempotency-Key again: find_repeat lets nothing be stored twice. */
    :: atomic { now.state[i] == ABSENT ->
            accepted_count++;
            now.state[i] = QUEUED; now.rank[i] = accepted_count;
#ifndef BREAK_ACCEPT_RELAXED
            sync()
#endif
        }
    /* reply_accepted. Between the commit and this the server may die: then nobody heard. */
    :: atomic { !acked[i] && ACK_MAY(i) -> acked[i] = true }
    /* report_load: any connection reads what is committed */
    :: atomic { acked[i] && now.verdict[i] != NONE && seen[i] == NONE -> seen[i] = now.verdict[i] }
    /* queue_cancel; the answer goes out after tx_commit */
    :: atomic { acked[i] && LIVE(i) && cancels < CANCELS ->
            cancels++;
            move_end(i, CANCELLED);
#ifndef BREAK_CANCEL_RELAXED
            sync()
#endif
        };
        if
        :: atomic { now.verdict[i] == CANCELLED -> cancel_answered[i] = true }
        :: atomic { crashes < CRASHES -> crashes++ } /* the server died before it answered */
        fi
    od
}

/* ---- slots */

inline forget(s)
{
    slot_pc[s] = IDLE; slot_id[s] = 0; slot_fence[s] = 0;
    note_set[s] = false; note_id[s] = 0; note_fence[s] = 0
}

inline finish(s) /* move_end for a verdict that a judge gives */
{
    mixed = mixed || now.result[slot_id[s]] != slot_fence[s];
    stolen = stolen || now.fence[slot_id[s]] != slot_fence[s] || !HELD(slot_id[s]);
    if
    :: move_end(slot_id[s], ACCEPTED)
    :: move_end(slot_id[s], WRONG)
    fi;
#ifndef BREAK_FINISH_RELAXED
    sync()
#endif
}

#ifdef BREAK_FENCE_STAYS
#define NEXT_FENCE(i) 1
#else
#define NEXT_FENCE(i) (now.fence[i] + 1)
#endif

#define LOOKS(s) (slot_pc[s] == IDLE && !note_set[s])
#define CLAIM(i) \
    atomic { LOOKS(s) && FIRST(i) && !USED_UP(i) -> \
        unfair = unfair || OLDER(i); \
        now.state[i] = CLAIMED; now.fence[i] = NEXT_FENCE(i); \
        now.attempts[i] = now.attempts[i] + 1; runs[i]++; \
        slot_pc[s] = HOLDS; slot_id[s] = i; slot_fence[s] = now.fence[i]; \
        note_set[s] = true; note_id[s] = i; note_fence[s] = now.fence[i] }
#define END_FIRST(i) \
    atomic { LOOKS(s) && FIRST(i) && USED_UP(i) -> put_back_or_end(i, true); sync() }
#define EXPIRE(i) \
    atomic { LOOKS(s) && HELD(i) -> put_back_or_end(i, USED_UP(i)); sync() }

proctype slot(byte s)
{
    byte i, k;
    do
    /* queue_claim -> pick_first -> take (relaxed); held_note */
    :: CLAIM(0)
    :: CLAIM(1)
#if SUBS == 3
    :: CLAIM(2)
#endif
    /* queue_claim -> end_first (durable): attempts_max was lowered meanwhile, or a power cut came
     * between the claim that used up the last and its giving back */
    :: END_FIRST(0)
    :: END_FIRST(1)
#if SUBS == 3
    :: END_FIRST(2)
#endif
    /* queue_claim -> expire_batch (durable): whoever looks for work finds a lease that ran out. A
     * renewal (queue_renew) only makes that later, and so is no step. */
#ifndef BREAK_NO_EXPIRY
    :: EXPIRE(0)
    :: EXPIRE(1)
#if SUBS == 3
    :: EXPIRE(2)
#endif
#endif
    /* queue_advance, queue_record without a verdict (relaxed) */
    :: atomic { slot_pc[s] == HOLDS ->
            if
            :: RECORD_MINE(slot_id[s], slot_fence[s]) ->
                now.state[slot_id[s]] = RUNNING; now.result[slot_id[s]] = slot_fence[s];
                slot_pc[s] = RECORDED
            :: else -> forget(s) /* *ret_mine false: JUDGE_LOST */
            fi }
    /* queue_finish, or queue_record with a verdict (durable) */
    :: atomic { slot_pc[s] == RECORDED ->
            if
            :: FINISH_MINE(slot_id[s], slot_fence[s]) -> finish(s)
            :: else
            fi;
            forget(s) }
    /* the same, in one transaction with all that was not recorded yet (worker/record.c) */
    :: atomic { slot_pc[s] == HOLDS ->
            if
            :: RECORD_MINE(slot_id[s], slot_fence[s]) && FINISH_MINE(slot_id[s], slot_fence[s]) ->
                now.result[slot_id[s]] = slot_fence[s];
                finish(s)
            :: else
            fi;
            forget(s) }
    /* queue_give_back (durable): the judge failed */
    :: atomic { slot_pc[s] != IDLE && crashes < CRASHES ->
            crashes++;
            if
            :: GIVE_BACK_MINE(slot_id[s], slot_fence[s]) ->
                put_back_or_end(slot_id[s], USED_UP(slot_id[s])); sync()
            :: else
            fi;
            forget(s) }
    /* queue_give_back(QUEUE_UNCOUNTED): the worker is stopped in good order */
    :: atomic { slot_pc[s] != IDLE && stops < STOPS ->
            stops++;
            if
            :: GIVE_BACK_MINE(slot_id[s], slot_fence[s]) ->
                put_back_or_end(slot_id[s], false);
                now.attempts[slot_id[s]] = now.attempts[slot_id[s]] - 1; sync()
            :: else
            fi;
            forget(s) }
    /* kill -9, at any step. What its supervisor knows of it stays, or dies with the supervisor. */
    :: atomic { slot_pc[s] != IDLE && crashes < CRASHES ->
            crashes++;
            slot_pc[s] = IDLE; slot_id[s] = 0; slot_fence[s] = 0;
            if
            :: skip
            :: note_set[s] = false; note_id[s] = 0; note_fence[s] = 0
            fi }
    /* worker/supervisor.c give_back_held: at once, or long after somebody else took it over */
    :: atomic { slot_pc[s] == IDLE && note_set[s] ->
            i = note_id[s];
            if
            :: GIVE_BACK_MINE(i, note_fence[s]) -> put_back_or_end(i, USED_UP(i)); sync()
            :: else
            fi;
            i = 0;
            forget(s) }
    od
}

/* ---- the machine */

proctype machine()
{
    byte k;
    do
    :: atomic { power_cuts < POWER_CUTS -> power_cut() }
    :: atomic { power_cuts < POWER_CUTS -> sync() } /* writeback: earlier than anybody asked */
    od
}

/* ---- the promises: `make model` looks at them in every state that can be reached */

#define DURABLE(i) (!acked[i] || disk.state[i] != ABSENT)
#define ONE_END(i) (now.ends[i] <= 1 && disk.ends[i] <= 1)
#define END_IS_VERDICT(i) ((now.state[i] == ENDED) == (now.verdict[i] != NONE))
#define SAME(i) (seen[i] == NONE || (now.verdict[i] == seen[i] && disk.verdict[i] == seen[i]))
#define STAYS_CANCELLED(i) (!cancel_answered[i] || \
        (now.verdict[i] == CANCELLED && disk.verdict[i] == CANCELLED))
#define BOUNDED(i) (now.attempts[i] <= ATTEMPTS && runs[i] <= ATTEMPTS + stops + power_cuts * ATTEMPTS)

#define FORGOTTEN(i) (now.state[i] != QUEUED || now.result[i] == 0)

#define EVERY(p) (p(0) && p(SUBS - 1) && p(SUBS / 2))

/* Never true: an assertion that fails is told by the name of what it asserts. */
hidden byte acknowledged_means_durable, one_final_verdict, verdict_and_end_are_one,
    a_verdict_never_changes, cancelled_stays_cancelled, attempts_are_bounded,
    what_is_put_back_has_no_results, results_are_of_one_attempt, only_the_latest_holder_ends, first_come_first_served_within_a_key;

active proctype monitor()
{
end:
    do
    :: atomic { !EVERY(DURABLE) -> assert(acknowledged_means_durable) }
    :: atomic { !EVERY(ONE_END) -> assert(one_final_verdict) }
    :: atomic { !EVERY(END_IS_VERDICT) -> assert(verdict_and_end_are_one) }
    :: atomic { !EVERY(SAME) -> assert(a_verdict_never_changes) }
    :: atomic { !EVERY(STAYS_CANCELLED) -> assert(cancelled_stays_cancelled) }
    :: atomic { !EVERY(BOUNDED) -> assert(attempts_are_bounded) }
    :: atomic { !EVERY(FORGOTTEN) -> assert(what_is_put_back_has_no_results) }
    :: atomic { mixed -> assert(results_are_of_one_attempt) }
    :: atomic { stolen -> assert(only_the_latest_holder_ends) }
    :: atomic { unfair -> assert(first_come_first_served_within_a_key) }
    od
}

init {
    atomic {
        byte n;
        for (n : 0 .. SUBS - 1) { run client(n) }
        n = 0;
        for (n : 0 .. SLOTS - 1) { run slot(n) }
        n = 0;
        run machine()
    }
}

/* Whoever was acknowledged gets a verdict, when crashes end and slots go on. */
#define waits (acked[0] && now.verdict[0] == NONE)
ltl answered { [] (waits -> <> !waits) }
