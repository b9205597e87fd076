/* getopt_long's arrays are made from options.def for the command at hand, so
 * that an option of another command is as unknown as a misspelled one, and
 * both are answered with the nearest that exists. */
#include "driver/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

typedef struct OptRow {
  const char *name, *arg, *help;
  char letter;
  unsigned commands;
} OptRow;

#define IN(command) (1u << CMD_##command)
static const OptRow opts[OPT_COUNT] = {
#define OPTION(id, letter, name, arg, commands, help)                          \
  {name, arg, help, letter, commands},
#include "driver/options.def"
#undef OPTION
};
#undef IN

typedef struct CommandRow {
  const char *name, *operands, *summary;
  int nmin, nmax;
} CommandRow;

static const CommandRow commands[CMD_COUNT] = {
#define COMMAND(name, operands, nmin, nmax, summary)                           \
  {#name, operands, summary, nmin, nmax},
#include "driver/commands.def"
#undef COMMAND
};

const char *command_name(CommandId c) { return commands[c].name; }

CommandId command_find(const char *name) {
  int c = 0;
  while (c < CMD_COUNT && strcmp(commands[c].name, name) != 0)
    c++;
  return (CommandId)c;
}

static bool takes(CommandId c, int opt) { return opts[opt].commands >> c & 1; }

/* Codes of getopt_long's `val` above all letters. */
enum { VAL_FIRST = 256 };

typedef struct Getopt {
  char letters[2 * OPT_COUNT + 2];
  struct option longs[OPT_COUNT + 1];
} Getopt;

static void getopt_make(Getopt *g, CommandId c) {
  char *p = g->letters;
  int n = 0;
  *p++ = ':';
  for (int i = 0; i < OPT_COUNT; i++) {
    const OptRow *o = &opts[i];
    if (!takes(c, i))
      continue;
    if (o->letter && !memchr(g->letters, o->letter, (size_t)(p - g->letters))) {
      *p++ = o->letter;
      if (o->arg)
        *p++ = ':';
    }
    if (o->name)
      g->longs[n++] = (struct option){
          .name = o->name, .has_arg = o->arg != NULL, .val = VAL_FIRST + i};
  }
  *p = 0;
  g->longs[n] = (struct option){0};
}

static Loc no_loc(void) { return (Loc){0}; }

/* The option that a letter of command c stands for. */
static int find_letter(CommandId c, int letter) {
  for (int i = 0; i < OPT_COUNT; i++)
    if (takes(c, i) && opts[i].letter == letter)
      return i;
  return OPT_COUNT;
}

/* "-mcpu=x" arrives as -m with "cpu=x"; moves *value behind the '='. */
static int find_machine(CommandId c, const char **value) {
  const char *eq = strchr(*value, '=');
  size_t n = eq ? (size_t)(eq - *value) : 0;
  for (int i = 0; i < OPT_COUNT && n; i++) {
    const OptRow *o = &opts[i];
    if (takes(c, i) && o->letter == 'm' && strlen(o->name) == n + 1 &&
        strncmp(o->name + 1, *value, n) == 0) {
      *value = eq + 1;
      return i;
    }
  }
  return OPT_COUNT;
}

static void hint_nearest(Cli *cli, const char *given) {
  const char *names[OPT_COUNT];
  int n = 0;
  for (int i = 0; i < OPT_COUNT; i++)
    if (takes(cli->command, i) && opts[i].name)
      names[n++] = opts[i].name;
  const char *bare = given + strspn(given, "-");
  bare = arena_strndup(cli->arena, bare, strcspn(bare, "="));
  const char *near = nearest_name(bare, names, sizeof *names, n);
  if (near)
    diag_hint(cli->diag, "did you mean --%s?", near);
  else
    diag_hint(cli->diag, "`kiln %s --help` lists the options",
              command_name(cli->command));
}

static void unknown_option(Cli *cli, const char *word) {
  diag_error(cli->diag, E0001, no_loc(), "%s has no option '%s'",
             command_name(cli->command), word);
  hint_nearest(cli, word);
}

static void record(Cli *cli, int id, const char *value) {
  OptUse use = {(OptId)id, value ? value : ""};
  cli->value[id] = use.value;
  ARRAY_PUSH(cli->arena, &cli->given, use);
}

/* What getopt_long returned of argv word `word`. */
static void take(Cli *cli, int got, const char *word) {
  const char *value = optarg;
  if (got == ':') {
    diag_error(cli->diag, E0001, no_loc(), "option '%s' needs a value", word);
    return;
  }
  int id = got >= VAL_FIRST ? got - VAL_FIRST : OPT_COUNT;
  if (got == 'm')
    id = find_machine(cli->command, &value);
  else if (id == OPT_COUNT && got != '?')
    id = find_letter(cli->command, got);
  if (got == '?' && optopt >= VAL_FIRST)
    diag_error(cli->diag, E0001, no_loc(), "option '%s' takes no value", word);
  else if (id == OPT_COUNT)
    unknown_option(cli, word);
  else
    record(cli, id, value);
}

static void check_operands(Cli *cli) {
  const CommandRow *c = &commands[cli->command];
  int n = cli->args.n;
  if (cli_has(cli, OPT_help) || diag_error_count(cli->diag))
    return;
  if (n < c->nmin)
    diag_error(cli->diag, E0001, no_loc(), "%s needs %s", c->name, c->operands);
  else if (c->nmax >= 0 && n > c->nmax)
    diag_error(cli->diag, E0001, no_loc(), "%s takes no operand '%s'", c->name,
               cli->args.v[c->nmax]);
  else
    return;
  diag_hint(cli->diag, "usage: kiln %s %s%s[options]", c->name, c->operands,
            *c->operands ? " " : "");
}

bool cli_parse(Cli *cli, int argc, char **argv) {
  Getopt g;
  int got;
  getopt_make(&g, cli->command);
  optind = 0;
  opterr = 0;
  while ((got = getopt_long(argc, argv, g.letters, g.longs, NULL)) != -1) {
    bool letter = got == '?' && optopt && optopt < VAL_FIRST;
    const char *word = argv[optind - 1];
    take(cli, got, letter ? arena_printf(cli->arena, "-%c", optopt) : word);
  }
  while (optind < argc)
    ARRAY_PUSH(cli->arena, &cli->args, argv[optind++]);
  check_operands(cli);
  return diag_error_count(cli->diag) == 0;
}

bool cli_has(const Cli *cli, OptId id) { return cli->value[id] != NULL; }

const char *cli_spelling(OptId id) {
  static const char *const spelled[OPT_COUNT] = {
#define OPTION(id_, letter, name, arg, commands, help) [OPT_##id_] = name,
#include "driver/options.def"
#undef OPTION
  };
  return spelled[id] ? spelled[id] : "O";
}

bool cli_int(Cli *cli, OptId id, int64_t otherwise, int64_t *out) {
  const char *s = cli->value[id];
  *out = otherwise;
  if (!s)
    return true;
  char *end;
  errno = 0;
  long long x = strtoll(s, &end, 10);
  if (end == s || *end || errno || x < 0)
    return diag_error(cli->diag, E0001, no_loc(),
                      "--%s: '%s' is not a number from 0", cli_spelling(id), s);
  *out = x;
  return true;
}

/* Amounts stay where doubles count by ones. */
static const double amount_max = 1e15;

/* What stands for 1 in an amount that ends in `suffix`; 0: not a suffix. */
static double suffix_unit(const char *suffix, double kilo) {
  static const char letters[] = "kmg";
  double unit = 1;
  if (!*suffix)
    return unit;
  const char *at = suffix[1] ? NULL : strchr(letters, tolower(*suffix));
  for (const char *c = letters; at && c <= at; c++)
    unit *= kilo;
  return at ? unit : 0;
}

bool cli_amount(Cli *cli, OptId id, int64_t kilo, int64_t otherwise,
                int64_t *out) {
  const char *s = cli->value[id];
  *out = otherwise;
  if (!s)
    return true;
  size_t n = strspn(s, "0123456789.");
  char *end = NULL;
  double x = n ? strtod(s, &end) : 0;
  double unit = suffix_unit(s + n, (double)kilo);
  if (end != s + n || unit == 0 || x * unit > amount_max)
    return diag_error(cli->diag, E0001, no_loc(),
                      "--%s: '%s' is not an amount (100, 64k, 1.5M)",
                      cli_spelling(id), s);
  *out = (int64_t)(x * unit);
  return true;
}

bool cli_part(Cli *cli, OptId id, double *out) {
  bool minus = *opts[id].arg == '-' && *cli->value[id] == '-';
  const char *s = cli->value[id] + minus;
  size_t n = strspn(s, "0123456789.");
  char *end = NULL;
  double x = n ? strtod(s, &end) : 0;
  bool percent = strcmp(s + n, "%") == 0;
  *out = percent ? x / 100 : x;
  return (end == s + n && (percent || !s[n]) && *out <= 1) ||
         diag_error(cli->diag, E0001, no_loc(),
                    "--%s: '%s' is not a part, such as 30%% or 0.3",
                    cli_spelling(id), cli->value[id]);
}

enum { HELP_COLUMN = 30, HELP_WIDTH = 80 };

/* Prints `text` from column `at` on, indented to HELP_COLUMN. */
static void print_wrapped(FILE *out, const char *text, int at) {
  if (at >= HELP_COLUMN) {
    putc('\n', out);
    at = 0;
  }
  fprintf(out, "%*s", HELP_COLUMN - at, "");
  int room = HELP_WIDTH - HELP_COLUMN;
  for (int col = 0; *text;) {
    int n = (int)strcspn(text, " ");
    if (col && col + 1 + n > room) {
      fprintf(out, "\n%*s", HELP_COLUMN, "");
      col = 0;
    }
    col += fprintf(out, "%s%.*s", col ? " " : "", n, text);
    text += n;
    text += strspn(text, " ");
  }
  putc('\n', out);
}

/* "  -o, --output=PATH"; returns its width. */
static int print_spelling(FILE *out, const OptRow *o) {
  if (o->letter == 'm')
    return fprintf(out, "  -%s=%s", o->name, o->arg);
  if (!o->name)
    return fprintf(out, "  -%c%s", o->letter, o->arg);
  int n =
      o->letter ? fprintf(out, "  -%c, ", o->letter) : fprintf(out, "      ");
  return n + fprintf(out, o->arg ? "--%s=%s" : "--%s", o->name,
                     o->arg ? o->arg : "");
}

void help_print_command(FILE *out, CommandId c) {
  const CommandRow *row = &commands[c];
  fprintf(out, "usage: kiln %s %s%s[options]\n\n%s\n\noptions:\n", row->name,
          row->operands, *row->operands ? " " : "", row->summary);
  for (int i = 0; i < OPT_COUNT; i++)
    if (takes(c, i))
      print_wrapped(out, opts[i].help, print_spelling(out, &opts[i]));
}

void help_print(FILE *out) {
  fprintf(out, "usage: kiln COMMAND [operands] [options]\n\n"
               "Compiles neural networks to freestanding object files.\n\n"
               "commands:\n");
  for (int c = 0; c < CMD_COUNT; c++)
    fprintf(out, "  %-8s  %s\n", commands[c].name, commands[c].summary);
  fprintf(out, "\n`kiln COMMAND --help` tells the options of a command; "
               "`kiln --version` the version.\n");
}
