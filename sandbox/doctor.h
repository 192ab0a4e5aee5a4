/* doctor.h - `minos-box doctor`: is the isolation whole on this host? */
#pragma once

/* argv[0] is "doctor". 0: every layer holds; 1: one does not, or no keeper could be started; 2:
 * wrong usage. */
int doctor_main(int argc, char **argv);
