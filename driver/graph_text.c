#include "driver/graph_text.h"

#include <string.h>
#include <sys/stat.h>

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

static bool is_same_file(const char *path, const struct stat *other) {
  struct stat st;
  return stat(path, &st) == 0 && st.st_dev == other->st_dev &&
         st.st_ino == other->st_ino;
}

/* Is the file one that the command reads, as a whole or in front of a colon? */
static bool is_read(Cli *cli, const char *path) {
  struct stat st;
  if (stat(path, &st) != 0)
    return false;
  for (int i = 0; i < cli->given.n; i++) {
    const char *value = cli->given.v[i].value, *equals = strchr(value, '=');
    const char *file = equals ? equals + 1 : value, *colon = strrchr(file, ':');
    size_t n = colon ? (size_t)(colon - file) : strlen(file);
    if (cli->given.v[i].id != OPT_output &&
        (is_same_file(file, &st) ||
         is_same_file(arena_strndup(cli->arena, file, n), &st)))
      return true;
  }
  return false;
}

/* The constants' file must not take the place of one that was read. */
static bool check_blob(Cli *cli, const char *path) {
  if (!is_read(cli, path))
    return true;
  diag_error(cli->diag, E0003, (Loc){.file = path},
             "the model's constants would take the place of this file");
  diag_hint(cli->diag, "give --output another name");
  return false;
}

bool graph_text_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise) {
  Arena *a = cli->arena;
  TextConsts consts = otherwise;
  if (strcmp(path, "-") == 0 && (consts == TEXT_FILE || consts == TEXT_LARGE))
    consts = TEXT_INLINE;
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
  return (!blob.n || check_blob(cli, files[1].path)) &&
         output_write(a, cli->diag, files, blob.n ? 2 : 1);
}
