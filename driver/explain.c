/* kiln explain: a diagnostic's row of diag.def, or all of them. */
#include "driver/cli.h"

#include <string.h>

static void print_all(void) {
  for (int c = 0; c < DIAG_CODE_COUNT; c++)
    printf("%s  %s\n", diag_code_name((DiagCode)c),
           diag_code_title((DiagCode)c));
}

/* Words of `text` in lines of at most 78 columns. */
static void print_filled(const char *text) {
  for (int col = 0; *text;) {
    int n = (int)strcspn(text, " ");
    if (col && col + 1 + n > 78) {
      putchar('\n');
      col = 0;
    }
    col += printf("%s%.*s", col ? " " : "", n, text);
    text += n;
    text += strspn(text, " ");
  }
  putchar('\n');
}

bool command_explain(Cli *cli) {
  if (!cli->args.n) {
    print_all();
    return true;
  }
  DiagCode code = diag_code_find(cli->args.v[0]);
  if (code == DIAG_CODE_COUNT) {
    diag_error(cli->diag, E0001, (Loc){0}, "there is no error code '%s'",
               cli->args.v[0]);
    diag_hint(cli->diag, "`kiln explain` lists all");
    return false;
  }
  printf("%s: %s (exit status %d)\n\n", diag_code_name(code),
         diag_code_title(code), (int)diag_code_exit(code));
  print_filled(diag_code_text(code));
  return true;
}
