/* prompt.h - asking the kernel for short turns soon, instead of long ones later. */
#pragma once

#include <stdbool.h>

/* For a process that works in short bursts while somebody waits: from now on this thread, and all
 * that it starts (with `alone`: none of them), asks for turns of 0.1 ms in place of some 3. When it
 * wakes beside somebody whose turn is longer, it need not wait for the end of that turn. Its share
 * of the processor stays the same. Linux 6.12 (EEVDF, sched_setattr(2), sched_runtime); an older
 * kernel takes no notice. */
void prompt_ask(bool alone);
