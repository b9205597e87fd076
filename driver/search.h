/* The search of `kiln compress`, and of `kiln quantize` and `kiln prune` under
 * --max-drop. */
#ifndef KILN_DRIVER_SEARCH_H
#define KILN_DRIVER_SEARCH_H

#include "compress/search.h"
#include "driver/cli.h"

/* Is --max-drop given? */
bool search_is_asked(Cli *cli);

/* Searches with what `uses` allows (SEARCH_ bits), prints candidates, front
 * and account, writes the best to --output. false: errors in cli->diag; a
 * bound that nothing keeps is one, behind which the best is written. */
bool search_command(Cli *cli, unsigned uses);

#endif
