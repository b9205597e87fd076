/* kiln COMMAND ...: finds the subcommand, lets it work, prints what was
 * reported, and turns the first error into the exit status. */
#include <string.h>

#include "driver/cli.h"
#include "runtime/kiln_amx.h"

typedef bool (*CommandFn)(Cli *cli);

static const CommandFn command_table[CMD_COUNT] = {
#define COMMAND(name, operands, nmin, nmax, summary) command_##name,
#include "driver/commands.def"
#undef COMMAND
};

static bool unknown_command(Diag *d, const char *word) {
  const char *names[CMD_COUNT];
  for (int c = 0; c < CMD_COUNT; c++)
    names[c] = command_name((CommandId)c);
  diag_error(d, E0001, (Loc){0}, "there is no command '%s'", word);
  const char *near = nearest_name(word, names, sizeof *names, CMD_COUNT);
  if (near)
    diag_hint(d, "did you mean `kiln %s`?", near);
  else
    diag_hint(d, "`kiln --help` lists the commands");
  return false;
}

static bool run_command(Cli *cli, int argc, char **argv) {
  if (!cli_parse(cli, argc, argv))
    return false;
  if (!cli_has(cli, OPT_help))
    return cli_check(cli) && command_table[cli->command](cli);
  help_print_command(stdout, cli->command);
  return true;
}

/* What stands before a command: --help, --version, or a wrong word. */
static bool run_plain(Diag *d, const char *word) {
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
      strcmp(word, "help") == 0)
    help_print(stdout);
  else if (strcmp(word, "--version") == 0)
    printf("kiln %s\n", KILN_VERSION);
  else
    return unknown_command(d, word);
  return true;
}

/* Even a broken command line may ask for JSON. */
static bool wants_json(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--json") == 0)
      return true;
  return false;
}

static ExitStatus finish(const Diag *d, bool ok, bool json) {
  ExitStatus status = diag_exit_status(d);
  if (json && !ok)
    diag_print_json(d, stderr);
  else
    diag_print(d, stderr);
  if (fflush(stdout) != 0 && status == EXIT_OK) {
    fputs("kiln: cannot write to standard output\n", stderr);
    return EXIT_USAGE;
  }
  return ok || status != EXIT_OK ? status : EXIT_INTERNAL;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    help_print(stderr);
    return EXIT_USAGE;
  }
  (void)kiln_amx_request(); /* so that the host has them, if it has */
  Arena *arena = arena_new();
  Cli cli = {.arena = arena, .diag = diag_new(arena)};
  cli.command = command_find(argv[1]);
  bool ok = cli.command < CMD_COUNT ? run_command(&cli, argc - 1, argv + 1)
                                    : run_plain(cli.diag, argv[1]);
  ExitStatus status = finish(cli.diag, ok, wants_json(argc, argv));
  arena_free(arena);
  return (int)status;
}
