/* An object of the same model, emitted at another time or with other options:
 * what the linker's view of it does not tell stands in the header that lies
 * beside it. */
#include <stdlib.h>
#include <string.h>

#include "driver/bench.h"
#include "support/file.h"

static bool misfit(Cli *cli, const char *path, const char *why) {
  diag_error(cli->diag, E0001, (Loc){.file = path}, "%s", why);
  diag_hint(cli->diag, "--against takes an object that `kiln compile` made of "
                       "this model, with its header beside it");
  return false;
}

/* The value of "#define PREFIX_<name> N"; -1: there is none. */
static int64_t macro(const char *header, const char *name) {
  for (const char *p = strstr(header, "#define "); p;
       p = strstr(p + 1, "\n#define ")) {
    const char *end = p + 1 + strcspn(p + 1, "\n");
    const char *at = strstr(p, name);
    if (at && at < end)
      return strtoll(at + strlen(name), NULL, 10);
  }
  return -1;
}

/* The lines of the header's comment that tell of inputs and outputs. */
static Bytes interface(const char *header) {
  const char *from = strstr(header, " *   input"), *to = NULL;
  if (from)
    to = strstr(from, " *\n");
  return to ? (Bytes){from, (size_t)(to - from)} : (Bytes){0};
}

static bool same_interface(const char *a, const char *b) {
  Bytes x = interface(a), y = interface(b);
  return x.data && x.bytes == y.bytes && memcmp(x.data, y.data, x.bytes) == 0;
}

/* The bytes of a file, with a 0 behind them. */
static bool read_bytes(Cli *cli, const char *path, Bytes *out) {
  MappedFile f;
  if (!file_map(path, &f, cli->diag))
    return false;
  char *bytes = arena_alloc(cli->arena, f.bytes + 1);
  memcpy(bytes, f.data, f.bytes);
  bytes[f.bytes] = 0;
  *out = (Bytes){bytes, f.bytes};
  file_unmap(&f);
  return true;
}

/* "target NAME (TRIPLE)" of the header: does it run here? */
static bool runs_here(Cli *cli, const char *path, const char *text) {
  static const char line[] = "\n * target ";
  const char *at = strstr(text, line);
  at = at ? at + strlen(line) : "";
  const char *name = arena_strndup(cli->arena, at, strcspn(at, " \n"));
  Diag *quiet = diag_new(cli->arena);
  const Target *t = target_find(cli->arena, quiet, name, NULL, NULL, NULL);
  if (!t)
    t = target_find(cli->arena, quiet, NULL, name, NULL, NULL);
  if (t && target_runs_here(t))
    return true;
  return misfit(cli, path,
                arena_printf(cli->arena, "this machine can't run code for %s",
                             *name ? name : "an unknown target"));
}

/* Object files begin with their kind and machine. */
static bool same_machine(Bytes a, Bytes b) {
  enum { MACHINE = 20 };
  return a.bytes >= MACHINE && b.bytes >= MACHINE &&
         memcmp(a.data, b.data, MACHINE) == 0;
}

/* "NAME: a neural network": the first words of the header. */
static bool read_header(Cli *cli, const char *path, const char *text,
                        Product *out) {
  static const char begin[] = "/* ";
  size_t n = strncmp(text, begin, 3) == 0 ? strcspn(text + 3, ":") : 0;
  out->name = arena_strndup(cli->arena, text + (n ? 3 : 0), n);
  out->arena_bytes = macro(text, "_ARENA_BYTES ");
  out->state_bytes = macro(text, "_STATE_BYTES ");
  out->align = (int)macro(text, "_ARENA_ALIGN ");
  out->threads = (int)macro(text, "_THREADS ");
  bool ok = n && out->arena_bytes >= 0 && out->state_bytes >= 0 &&
            out->align > 0 && out->align <= 4096;
  return ok || misfit(cli, path, "this is no header that Kiln wrote");
}

Executor *rival_new(Cli *cli, const char *path, const Built *own) {
  Product product = {.file = path};
  Bytes header;
  if (!str_has_suffix(path, ".o")) {
    misfit(cli, path, "this is no object file (.o)");
    return NULL;
  }
  const char *beside =
      arena_printf(cli->arena, "%.*s.h", (int)strlen(path) - 2, path);
  if (!read_bytes(cli, path, &product.object) ||
      !read_bytes(cli, beside, &header) ||
      !read_header(cli, beside, header.data, &product) ||
      !runs_here(cli, beside, header.data))
    return NULL;
  if (!same_machine(own->emitted.object, product.object)) {
    misfit(cli, path, "this is no object for this machine");
    return NULL;
  }
  if (!same_interface(own->emitted.header.data, header.data)) {
    misfit(cli, beside, "its inputs or outputs are not those of this model");
    return NULL;
  }
  if (!own->plan->opt.threads || product.threads < 0)
    product.threads = 0;
  return jit_new_product(own->plan, &product);
}
