/* The account of prune-channels for people and tools. */
#ifndef KILN_DRIVER_PRUNING_H
#define KILN_DRIVER_PRUNING_H

#include "driver/session.h"

/* Optimizes g and prints what became of each layer's channels. */
bool print_pruning(Cli *cli, Graph *g);

#endif
