/* --io-type. */
#include <string.h>

#include "driver/session.h"
#include "passes/io_type.h"

bool session_io_type(Cli *cli, Graph *g) {
  static const struct {
    const char *word;
    DType dtype;
  } rows[] = {{"float", DT_f32}, {"int8", DT_i8}, {"uint8", DT_u8}};
  const char *s = cli->value[OPT_io_type];
  if (!s)
    return true;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].word, s) == 0)
      return graph_set_io_type(g, rows[i].dtype);
  return diag_error(cli->diag, E0001, (Loc){0},
                    "--io-type: '%s' is none of float, int8, uint8", s);
}
