/* The promises about an object, held against the object itself: it needs
 * nothing, shows nothing but the documented functions, and a program that
 * links it gets no writable byte and no constructor. */
#include "codegen/emit.h"

#include <string.h>

static bool is_documented(const Plan *p, const char *symbol) {
  static const char *const suffixes[] = {"_run", "_run_parallel", "_reset"};
  size_t n = strlen(p->name);
  if (strncmp(symbol, p->name, n) != 0)
    return false;
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
    if (strcmp(symbol + n, suffixes[i]) == 0)
      return true;
  return false;
}

bool is_linker_symbol(const Target *t, const char *symbol) {
  return t->arch == ARCH_wasm32 && (strcmp(symbol, "__stack_pointer") == 0 ||
                                    strcmp(symbol, "__linear_memory") == 0);
}

static bool check_symbol(const ObjSymbol *s, const Plan *p) {
  if (s->section == OBJ_UNDEFINED)
    return is_linker_symbol(p->target, s->name) ||
           diag_error(p->diag, E0902, (Loc){0},
                      "the object has the undefined symbol '%s'", s->name);
  if (s->global && !is_documented(p, s->name))
    return diag_error(p->diag, E0902, (Loc){0},
                      "the object has the undocumented global '%s'", s->name);
  return true;
}

static bool check_section(const ObjSection *s, const Plan *p) {
  if (s->kind == OBJ_INIT)
    return diag_error(p->diag, E0902, (Loc){0},
                      "the object has constructors (%s)", s->name);
  if (s->kind == OBJ_WRITABLE && s->bytes)
    return diag_error(p->diag, E0902, (Loc){0},
                      "the object has the writable section %s of %lld bytes",
                      s->name, (long long)s->bytes);
  return true;
}

static bool offers(const ObjectFile *o, const char *name) {
  for (int i = 0; i < o->symbols.n; i++) {
    const ObjSymbol *s = &o->symbols.v[i];
    if (s->global && s->section >= 0 && strcmp(s->name, name) == 0)
      return true;
  }
  return false;
}

bool object_check(const ObjectFile *o, const Plan *p) {
  bool ok = true;
  for (int i = 0; i < o->symbols.n; i++)
    ok &= check_symbol(&o->symbols.v[i], p);
  for (int i = 0; i < o->sections.n; i++)
    ok &= check_section(&o->sections.v[i], p);
  const char *entry = arena_printf(p->arena, "%s_run", p->name);
  if (!offers(o, entry))
    ok = diag_error(p->diag, E0902, (Loc){0}, "the object lacks %s", entry);
  return ok;
}
