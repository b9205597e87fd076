/* kiln inspect --memory. */
#ifndef KILN_DRIVER_MEMORY_H
#define KILN_DRIVER_MEMORY_H

#include "driver/session.h"

/* Optimizes g, plans it for --target and -O, prints what lies where in the
 * arena, step by step; false: errors reported. */
bool print_memory(Cli *cli, Graph *g);

#endif
