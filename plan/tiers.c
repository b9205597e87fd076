/* Families of targets: rows of which one object may have code for several,
 * of which it chooses where it runs (docs/abi.md). Each row runs what the first
 * runs; of those that a machine meets the last is the best. */
#include "plan/target.h"

#include <string.h>

enum { MOST_TIERS = 6 };

typedef struct Family {
  const char *name, *summary;
  bool alone; /* its name alone is that of a row, which is meant */
  struct {
    const char *name, *row;
  } tier[MOST_TIERS];
} Family;

/* clang-format off */
static const Family families[] = {
  { "x86-64", "any x86-64 from SSE4.2 on: all tiers in one object", false, {
    { "v2", "x86-64-v2" },
    { "v3", "x86-64-v3" },
    { "avxvnni", "x86-64-avxvnni" },
    { "avx512vnni", "x86-64-avx512vnni" },
    { "amx", "x86-64-amx" },
  } },
  { "aarch64", "any AArch64: the tiers that are picked in one object", true, {
    { "neon", "aarch64" },
    { "dotprod", "aarch64-dotprod" },
    { "i8mm", "aarch64-i8mm" },
  } },
};
/* clang-format on */
enum { NFAMILY = sizeof families / sizeof *families };

static const Family *family_find(const char *name) {
  for (int i = 0; i < NFAMILY; i++)
    if (strcmp(families[i].name, name) == 0)
      return &families[i];
  return NULL;
}

static int tier_count(const Family *f) {
  int n = 0;
  while (n < MOST_TIERS && f->tier[n].name)
    n++;
  return n;
}

static const Target *row_find(const char *name) {
  for (int i = 0; i < target_count; i++)
    if (strcmp(target_table[i].name, name) == 0)
      return &target_table[i];
  return NULL;
}

/* The family with the tiers of `set`, bit i for tier i; the first is one. */
static const Target *family_target(Arena *a, const Family *f, unsigned set) {
  Target *t = arena_dup(a, row_find(f->tier[0].row), sizeof *t);
  Tier *tiers = ARENA_ARRAY(a, Tier, MOST_TIERS);
  for (int i = 0; i < tier_count(f); i++)
    if (set >> i & 1)
      tiers[t->ntiers++] = (Tier){f->tier[i].name, row_find(f->tier[i].row)};
  t->name = f->name;
  t->summary = f->summary;
  t->tiers = tiers;
  return t;
}

const Target *target_family(Arena *a, const char *name) {
  const Family *f = family_find(name);
  return f && !f->alone ? family_target(a, f, ~0u) : NULL;
}

const Target *target_family_at(Arena *a, int i) {
  for (int k = 0; k < NFAMILY; k++)
    if (!families[k].alone && i-- == 0)
      return family_target(a, &families[k], ~0u);
  return NULL;
}

/* "v2 v3 ..." */
static const char *tier_names(Arena *a, const Family *f) {
  Str s = str_new(a);
  for (int i = 0; i < tier_count(f); i++)
    str_printf(&s, "%s%s", i ? " " : "", f->tier[i].name);
  return str_cstr(&s);
}

/* Adds the tier of that name, or of the row of that name, to the set. */
static bool pick(Arena *a, Diag *d, const Family *f, const char *name,
                 unsigned *set) {
  int i = 0, n = tier_count(f);
  while (i < n && strcmp(name, f->tier[i].name) != 0 &&
         strcmp(name, f->tier[i].row) != 0)
    i++;
  if (i == n) {
    diag_error(d, E0304, (Loc){0}, "--tiers: '%s' is no tier of %s%s", name,
               f->name, row_find(name) ? ", but a target of its own" : "");
    diag_hint(d, "some of: %s", tier_names(a, f));
    return false;
  }
  if (*set >> i & 1)
    return diag_error(d, E0304, (Loc){0}, "--tiers: '%s' is named twice",
                      f->tier[i].name);
  *set |= 1u << i;
  return true;
}

static bool has_first(Diag *d, const Family *f, unsigned set) {
  int i = 0;
  while (!(set >> i & 1))
    i++;
  if (i == 0)
    return true;
  diag_error(d, E0304, (Loc){0},
             "--tiers: without %s most machines have nothing to run",
             f->tier[0].name);
  diag_hint(d, "add %s, or compile for one kind of machine by --target=%s",
            f->tier[0].name, f->tier[i].row);
  return false;
}

const Target *target_pick_tiers(Arena *a, Diag *d, const Target *t,
                                const char *list) {
  const Family *f = family_find(t->name);
  unsigned set = 0;
  if (!list)
    return t;
  if (!f) {
    Str names = str_new(a);
    for (int i = 0; i < NFAMILY; i++)
      str_printf(&names, " %s", families[i].name);
    diag_error(d, E0304, (Loc){0}, "--tiers: %s has no tiers", t->name);
    diag_hint(d, "--target= one of:%s", str_cstr(&names));
    return NULL;
  }
  for (const char *s = list; s;) {
    size_t n = strcspn(s, ",");
    if (!pick(a, d, f, arena_strndup(a, s, n), &set))
      return NULL;
    s = s[n] ? s + n + 1 : NULL;
  }
  return has_first(d, f, set) ? family_target(a, f, set) : NULL;
}

const Target *target_best_tier(const Target *t) {
  if (!t->ntiers)
    return target_runs_here(t) ? t : NULL;
  for (int i = t->ntiers; i-- > 0;)
    if (target_runs_here(t->tiers[i].row))
      return t->tiers[i].row;
  return NULL;
}
