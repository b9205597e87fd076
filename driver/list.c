#include "driver/list.h"

void list_print(const Cli *cli, const Table *t, const char *head) {
  if (cli_has(cli, OPT_names)) {
    for (int r = 0; r < t->rows.n; r++)
      puts(t->rows.v[r][0]);
  } else if (cli_has(cli, OPT_json)) {
    json_print(table_json(t), stdout);
  } else if (cli_has(cli, OPT_markdown)) {
    printf("%s\n\n", head);
    table_print_markdown(t, stdout);
  } else {
    table_print(t, stdout);
  }
}
