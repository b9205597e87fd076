/* kiln inspect --proofs. */
#ifndef KILN_DRIVER_PROOFS_H
#define KILN_DRIVER_PROOFS_H

#include "driver/session.h"

/* Optimizes g and prints what is proven of it, as a table or JSON. */
bool print_proofs(Cli *cli, Graph *g);

#endif
