/* The promises about an object, held against the object itself: it needs
 * nothing, shows nothing but the documented functions, and a program that
 * links it gets no writable byte, but for the one word of an object with
 * tiers, and no constructor. */
#include "codegen/emit.h"

#include <string.h>

enum { TIER_BYTES = 4 };

/* What is held, and what it is allowed. */
typedef struct Check {
  const Plan *plan;
  bool open_tier;
  int64_t writable;
} Check;

static bool is_documented(const Check *c, const char *symbol) {
  static const char *const suffixes[] = {"_run", "_run_parallel", "_reset",
                                         "_tier"};
  const char *name = c->plan->name;
  size_t n = strlen(name), suffix = sizeof suffixes / sizeof *suffixes;
  if (strncmp(symbol, name, n) != 0)
    return false;
  for (size_t i = 0; i < suffix - !c->open_tier; i++)
    if (strcmp(symbol + n, suffixes[i]) == 0)
      return true;
  return false;
}

bool is_linker_symbol(const Target *t, const char *symbol) {
  return t->arch == ARCH_wasm32 && (strcmp(symbol, "__stack_pointer") == 0 ||
                                    strcmp(symbol, "__linear_memory") == 0);
}

static bool check_symbol(const Check *c, const ObjSymbol *s) {
  const Plan *p = c->plan;
  if (s->section == OBJ_UNDEFINED)
    return is_linker_symbol(p->target, s->name) ||
           diag_error(p->diag, E0902, (Loc){0},
                      "the object has the undefined symbol '%s'", s->name);
  if (s->global && !is_documented(c, s->name))
    return diag_error(p->diag, E0902, (Loc){0},
                      "the object has the undocumented global '%s'", s->name);
  return true;
}

static bool check_section(Check *c, const ObjSection *s) {
  const Plan *p = c->plan;
  int64_t allowed = p->tiers.n > 1 ? TIER_BYTES : 0;
  if (s->kind == OBJ_INIT)
    return diag_error(p->diag, E0902, (Loc){0},
                      "the object has constructors (%s)", s->name);
  c->writable += s->kind == OBJ_WRITABLE ? s->bytes : 0;
  if (s->kind == OBJ_WRITABLE && s->bytes && c->writable > allowed)
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

bool object_check(const ObjectFile *o, const Plan *p, bool open_tier) {
  Check c = {p, open_tier || p->opt.caller_tier, 0};
  bool ok = true;
  for (int i = 0; i < o->symbols.n; i++)
    ok &= check_symbol(&c, &o->symbols.v[i]);
  for (int i = 0; i < o->sections.n; i++)
    ok &= check_section(&c, &o->sections.v[i]);
  const char *entry = arena_printf(p->arena, "%s_run", p->name);
  if (!offers(o, entry))
    ok = diag_error(p->diag, E0902, (Loc){0}, "the object lacks %s", entry);
  return ok;
}
