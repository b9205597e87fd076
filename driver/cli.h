/* The command line: subcommands, options, and what a subcommand is given.
 * Both tables (commands.def, options.def) are read here alone. */
#ifndef KILN_DRIVER_CLI_H
#define KILN_DRIVER_CLI_H

#include <stdint.h>

#include "support/array.h"
#include "support/diag.h"
#include "support/str.h"

typedef enum CommandId {
#define COMMAND(name, operands, nmin, nmax, summary) CMD_##name,
#include "driver/commands.def"
#undef COMMAND
  CMD_COUNT
} CommandId;

typedef enum OptId {
#define OPTION(id, letter, name, arg, commands, help) OPT_##id,
#include "driver/options.def"
#undef OPTION
  OPT_COUNT
} OptId;

typedef struct OptUse {
  OptId id;
  const char *value; /* "" for flags */
} OptUse;

/* One invocation of a subcommand. */
typedef struct Cli {
  Arena *arena;
  Diag *diag;
  CommandId command;
  const char *value[OPT_COUNT]; /* as given last; NULL: not given */
  ARRAY(OptUse) given;          /* all, in order */
  ARRAY(const char *) args;     /* operands */
  bool told_fewer;              /* samples than --samples, which data.c did */
} Cli;

/* One function a row of commands.def: driver/<name>.c. false: the errors are
 * in cli->diag, whose first decides the exit status. */
#define COMMAND(name, operands, nmin, nmax, summary)                           \
  bool command_##name(Cli *cli);
#include "driver/commands.def"
#undef COMMAND

const char *command_name(CommandId c);
CommandId command_find(const char *name); /* CMD_COUNT when unknown */

/* Reads the options and operands of cli->command out of argv[1..argc-1].
 * false: every fault is in cli->diag (E0001). */
bool cli_parse(Cli *cli, int argc, char **argv);
/* Of what was read: do the options say something together (E0001), and can
 * results be written where they are to go (E0003)? All faults at once. */
bool cli_check(Cli *cli);
bool cli_has(const Cli *cli, OptId id);
/* A non-negative decimal; `otherwise` when the option is absent. */
bool cli_int(Cli *cli, OptId id, int64_t otherwise, int64_t *out);
/* A non-negative amount, "64k", "1.5M": suffixes k, M and G (K, m and g too)
 * are powers of `kilo`; `otherwise` when the option is absent. */
bool cli_amount(Cli *cli, OptId id, int64_t kilo, int64_t otherwise,
                int64_t *out);
/* A part of a whole, from 0 to 1: "30%", "0.3"; of an option whose argument
 * has one in options.def, a minus before it says that this much goes. The
 * option is given. */
bool cli_part(Cli *cli, OptId id, double *out);
/* The spelling for messages: "--target". */
const char *cli_spelling(OptId id);

/* The list of commands; the options of one. */
void help_print(FILE *out);
void help_print_command(FILE *out, CommandId c);

/* Of n names the one nearest to `given`, NULL when none is near. `stride` is
 * the distance in bytes from one `const char *` to the next. */
const char *nearest_name(const char *given, const void *first, size_t stride,
                         int n);

#endif
