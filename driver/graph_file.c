#include "driver/graph_file.h"

#include "driver/output.h"
#include "export/onnx.h"

static bool write_onnx(Cli *cli, const Graph *g, const char *path) {
  Str bytes = str_new(cli->arena);
  if (!onnx_export(cli->diag, g, &bytes))
    return false;
  const OutputFile file = {path, str_cstr(&bytes), bytes.n};
  return output_write(cli->arena, cli->diag, &file, 1);
}

bool graph_file_check(Cli *cli, const char *path) {
  if (!str_has_suffix(path, ".tflite"))
    return true;
  (void)diag_error(cli->diag, E0003, (Loc){.file = path},
                   "models are not written as .tflite");
  diag_hint(cli->diag, "name a .onnx file, or a .kiln file for text");
  return false;
}

bool graph_file_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise) {
  if (!graph_file_check(cli, path))
    return false;
  return str_has_suffix(path, ".onnx")
             ? write_onnx(cli, g, path)
             : graph_text_write(cli, g, path, otherwise);
}
