/* kiln opt: passes alone, text out. What tests of passes are made of. */
#include "driver/graph_file.h"
#include "driver/session.h"

bool command_opt(Cli *cli) {
  const char *path = cli->value[OPT_output];
  Graph *g = session_load(cli);
  return g && session_optimize(cli, g, NULL) &&
         graph_file_write(cli, g, path ? path : "-", TEXT_INLINE);
}
