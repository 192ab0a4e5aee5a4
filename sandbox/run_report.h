/* run_report.h - what `minos-box run` says about a command that has ended. */
#pragma once

#include "sandbox/base/buf.h"
#include "sandbox/box.h"

/* Append a few lines for people. */
void run_report_text(const struct box_outcome *o, const struct limits *limits,
                     const struct box_proof *proof, struct buf *b);

/* Append one line of JSON; names and units are those of the API's results. */
void run_report_json(const struct box_outcome *o, const struct limits *limits,
                     const struct box_proof *proof, struct buf *b);
