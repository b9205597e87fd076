/* kiln compress: the smallest form of a model that keeps a bound. */
#include "driver/search.h"

bool command_compress(Cli *cli) {
  return search_command(cli, SEARCH_quantize | SEARCH_prune);
}
