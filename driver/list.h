/* What `kiln targets`, `ops` and `passes` have in common. */
#ifndef KILN_DRIVER_LIST_H
#define KILN_DRIVER_LIST_H

#include "driver/cli.h"
#include "driver/table.h"

/* Prints t as --names (the first column), --json, --markdown (under `head`,
 * a heading and a sentence) or as text. */
void list_print(const Cli *cli, const Table *t, const char *head);

#endif
