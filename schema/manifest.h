/* manifest.h - inside schema/ only: the file that says what a backup holds, and that it is whole.
 */
#pragma once

#include "schema/backup.h"

#define MANIFEST_FILE "manifest"

/* Write it into the directory, synced, whole or not at all. */
must_check_ int manifest_write(int dir_fd, const struct backup_summary *b, struct err *e);

/* ERR_INPUT: there is none, or it is not one of ours. */
must_check_ int manifest_read(int dir_fd, struct backup_summary *ret, struct err *e);
