/* Time that passes. */
#ifndef KILN_SUPPORT_CLOCK_H
#define KILN_SUPPORT_CLOCK_H

/* Seconds since some moment, never set back. */
double clock_seconds(void);

#endif
