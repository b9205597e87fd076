/* kiln convert: any model as text, as imported, or as ONNX. What is too long
 * to read goes into a file of bytes beside the text. */
#include "driver/graph_text.h"
#include "driver/output.h"
#include "driver/session.h"
#include "export/onnx.h"

static bool write_onnx(Cli *cli, const Graph *g, const char *path) {
  Str bytes = str_new(cli->arena);
  if (!onnx_export(cli->diag, g, &bytes))
    return false;
  const OutputFile file = {path, str_cstr(&bytes), bytes.n};
  return output_write(cli->arena, cli->diag, &file, 1);
}

bool command_convert(Cli *cli) {
  const char *path = cli->value[OPT_output];
  if (!path)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "convert needs --output, a file");
  Graph *g = session_load(cli);
  if (!g)
    return false;
  return str_has_suffix(path, ".onnx")
             ? write_onnx(cli, g, path)
             : graph_text_write(cli, g, path, TEXT_LARGE);
}
