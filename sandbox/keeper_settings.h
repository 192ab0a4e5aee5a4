/* keeper_settings.h - the settings of the host that limits rely on (host_settings.def). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/box.h"

/* How many settings there are. */
size_t keeper_settings_count(void);

/* Whether the setting `index`, below keeper_settings_count(), is as the limits need it, as told by
 * `text`, all of its file; NULL: it could not be read. Fills *ret, the mend only where it is not.
 */
void keeper_setting_judge(size_t index, const char *text, struct box_proof_row *ret);

/* The same, its file read: in the keeper, whose /proc is whole. */
void keeper_setting_look(size_t index, struct box_proof_row *ret);
