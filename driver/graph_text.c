#include "driver/graph_text.h"

#include <string.h>

#include "driver/output.h"
#include "support/file.h"

static bool get_consts(Cli *cli, TextConsts *out) {
  static const char *const names[] = {"inline", "elided", "file", "large"};
  const char *s = cli->value[OPT_consts];
  for (int i = 0; s && i < 4; i++)
    if (strcmp(s, names[i]) == 0) {
      *out = (TextConsts)i;
      return true;
    }
  return !s ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--consts: '%s' is none of inline, elided, file, large", s);
}

bool graph_text_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise) {
  Arena *a = cli->arena;
  TextConsts consts = otherwise;
  if (!get_consts(cli, &consts))
    return false;
  bool to_file = consts == TEXT_FILE || consts == TEXT_LARGE;
  if (to_file && strcmp(path, "-") == 0)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--consts=file and large need -o FILE");
  Str text = str_new(a), blob = str_new(a);
  char *blob_name = arena_printf(a, "%s.bin", path_stem(a, path));
  graph_print(&text, g, consts, to_file ? blob_name : NULL, &blob);
  const OutputFile files[] = {
      {path, str_cstr(&text), text.n},
      {path_join(a, path_dir(a, path), blob_name), str_cstr(&blob), blob.n}};
  return output_write(a, cli->diag, files, blob.n ? 2 : 1);
}
