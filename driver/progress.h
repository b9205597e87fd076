/* One line on a terminal's standard error while something takes longer than
 * a second; nothing elsewhere. */
#ifndef KILN_DRIVER_PROGRESS_H
#define KILN_DRIVER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
  bool on; /* standard error is a terminal */
} Progress;

/* Only one at a time is shown. Until the first step the line tells the
 * seconds passed, from then on the part done. */
Progress progress_begin(const char *label);
void progress_step(const Progress *p, int64_t done, int64_t total);
void progress_end(const Progress *p); /* wipes the line */

#endif
