/* run.h - `minos-box run`: one command in a cell, without a server. */
#pragma once

/* argv[0] is "run". The exit status; see RUN_EXITS in run.c, which --help prints. */
int run_main(int argc, char **argv);
