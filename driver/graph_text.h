/* Printing a graph as text (`kiln opt`, --stop-after). */
#ifndef KILN_DRIVER_GRAPH_TEXT_H
#define KILN_DRIVER_GRAPH_TEXT_H

#include "driver/cli.h"
#include "ir/text.h"

/* Writes g to `path` ("-": standard output). --consts overrides
 * `otherwise`; its forms `file` and `large` put the constants into PATH's stem
 * + ".bin" beside it. */
bool graph_text_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise);

#endif
