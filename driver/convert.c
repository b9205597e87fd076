/* kiln convert: any model as text or ONNX, as imported. What is too long to
 * read goes into a file of bytes beside the text. */
#include "driver/graph_file.h"
#include "driver/session.h"

bool command_convert(Cli *cli) {
  const char *path = cli->value[OPT_output];
  if (!path)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "convert needs --output, a file");
  Graph *g = session_load(cli);
  return g && graph_file_write(cli, g, path, TEXT_LARGE);
}
