/* From what the user typed to a row: a preset, and gcc's -mcpu=, -mfpu= and
 * -mfloat-abi= on top of it, which edit a copy of the row. They are for Arm,
 * where the core, its optional floating-point unit and the calling
 * convention are separate choices and have to match the user's own objects;
 * elsewhere the presets say it all. */
#include "plan/target.h"

#include <string.h>

/* What is being refined. */
typedef struct Find {
  Arena *arena;
  Diag *diag;
  Target t;
} Find;

static const Target *preset_find(const char *name) {
  for (int i = 0; i < target_count; i++)
    if (strcmp(target_table[i].name, name) == 0)
      return &target_table[i];
  return NULL;
}

/* Cores that are compiled for as a preset is, tuned for themselves. */
typedef struct Core {
  const char *name, *preset;
  const char *triple; /* NULL: the preset's */
  const char *runner; /* NULL: the preset's */
} Core;

/* clang-format off */
static const Core cores[] = {
  {"cortex-m0", "cortex-m0plus", NULL, NULL},
  {"cortex-m1", "cortex-m0plus", NULL, NULL},
  {"cortex-m0plus", "cortex-m0plus", NULL, NULL},
  {"cortex-m23", "cortex-m0plus", "thumbv8m.base-unknown-none-eabi",
   "mps2-an505"},
  {"cortex-m3", "cortex-m3", NULL, NULL},
  {"cortex-m4", "cortex-m4", NULL, NULL},
  {"cortex-m7", "cortex-m7", NULL, NULL},
  {"cortex-m33", "cortex-m33", NULL, NULL},
  {"cortex-m35p", "cortex-m33", NULL, NULL},
  {"cortex-m52", "cortex-m55", NULL, NULL},
  {"cortex-m55", "cortex-m55", NULL, NULL},
  {"cortex-m85", "cortex-m55", NULL, NULL},
  {"cortex-a5", "armv7-neon", NULL, NULL},
  {"cortex-a7", "armv7-neon", NULL, NULL},
  {"cortex-a8", "armv7-neon", NULL, NULL},
  {"cortex-a9", "armv7-neon", NULL, NULL},
  {"cortex-a15", "armv7-neon", NULL, NULL},
  {"cortex-a17", "armv7-neon", NULL, NULL},
  {"cortex-a35", "cortex-a53", NULL, NULL},
  {"cortex-a53", "cortex-a53", NULL, NULL},
  {"cortex-a57", "cortex-a72", NULL, NULL},
  {"cortex-a72", "cortex-a72", NULL, NULL},
  {"cortex-a73", "cortex-a72", NULL, NULL},
  {"cortex-a55", "cortex-a55", NULL, NULL},
  {"cortex-a75", "cortex-a76", NULL, NULL},
  {"cortex-a76", "cortex-a76", NULL, NULL},
  {"cortex-a77", "cortex-a76", NULL, NULL},
  {"cortex-a78", "cortex-a76", NULL, NULL},
  {"cortex-x1", "cortex-a76", NULL, NULL},
  {"neoverse-n1", "neoverse-n1", NULL, NULL},
  {"neoverse-v1", "neoverse-v1", NULL, NULL},
  {"apple-m1", "apple-m1", NULL, NULL},
  {"apple-m2", "neoverse-v1", NULL, NULL},
};
/* clang-format on */
enum { NCORE = sizeof cores / sizeof *cores };

/* -mfpu= of microcontrollers: vfp2sp is what every unit builds on, without
 * it there is none. */
enum { FOR_m = 1, FOR_a = 2 };
static const struct {
  const char *name;
  int profile; /* FOR_m, FOR_a */
  const char *features;
} fpus[] = {
    {"auto", FOR_m | FOR_a, ""},
    {"none", FOR_m, "-vfp2sp"},
    {"fpv4-sp-d16", FOR_m, "-vfp2sp,+vfp4d16sp"},
    {"fpv5-sp-d16", FOR_m, "-vfp2sp,+fp-armv8d16sp"},
    {"fpv5-d16", FOR_m, "-vfp2sp,+fp-armv8d16"},
    {"neon", FOR_a, "+neon"},
    {"neon-vfpv3", FOR_a, "+neon"},
    {"neon-vfpv4", FOR_a, "+neon,+vfp4"},
};
enum { NFPU = sizeof fpus / sizeof *fpus };

static const char *const float_abis[] = {"soft", "softfp", "hard"};
enum { NABI = sizeof float_abis / sizeof *float_abis };

static bool is_m_profile(const Target *t) {
  return strstr(t->triple, "-none-") != NULL;
}

static void add_features(Find *f, const char *features) {
  if (*features)
    f->t.features = *f->t.features ? arena_printf(f->arena, "%s,%s",
                                                  f->t.features, features)
                                   : features;
}

/* Replaces the flag that starts with one of two keys by key1 + value (NULL:
 * removes it). */
static void set_flag(Find *f, const char *key1, const char *key2,
                     const char *value) {
  Str s = str_new(f->arena);
  bool done = false;
  for (const char *p = f->t.gcc; *p;) {
    size_t n = strcspn(p, " ");
    bool same = strncmp(p, key1, strlen(key1)) == 0 ||
                strncmp(p, key2, strlen(key2)) == 0;
    if (!same)
      str_printf(&s, "%.*s ", (int)n, p);
    else if (value)
      str_printf(&s, "%s%s ", key1, value);
    done |= same;
    p += n;
    p += strspn(p, " ");
  }
  if (!done && value)
    str_printf(&s, "%s%s ", key1, value);
  f->t.gcc = arena_strndup(f->arena, s.s, s.n - 1);
}

static bool refuse_arch(Find *f, const char *option) {
  diag_error(f->diag, E0304, (Loc){0}, "-m%s= does not apply to %s", option,
             f->t.name);
  diag_hint(f->diag, "choose a --target= that has what you need "
                     "(`kiln targets` lists them)");
  return false;
}

static bool set_cpu(Find *f, const char *mcpu) {
  const Core *c = NULL;
  for (int i = 0; i < NCORE && !c; i++)
    if (strcmp(cores[i].name, mcpu) == 0)
      c = &cores[i];
  const Target *base = c ? preset_find(c->preset) : NULL;
  if (!base || base->arch != f->t.arch) {
    Str s = str_new(f->arena);
    for (int i = 0; i < NCORE; i++)
      if (preset_find(cores[i].preset)->arch == f->t.arch)
        str_printf(&s, " %s", cores[i].name);
    if (!s.n)
      return refuse_arch(f, "cpu");
    diag_error(f->diag, E0304, (Loc){0}, "-mcpu=%s is not known for %s", mcpu,
               f->t.name);
    diag_hint(f->diag, "one of:%s", str_cstr(&s));
    return false;
  }
  f->t = *base;
  f->t.name = f->t.cpu = c->name;
  if (c->triple)
    f->t.triple = c->triple;
  if (c->runner)
    f->t.runner = c->runner;
  set_flag(f, "-mcpu=", "-march=", mcpu);
  return true;
}

static bool set_fpu(Find *f, const char *mfpu) {
  if (f->t.arch != ARCH_arm)
    return refuse_arch(f, "fpu");
  int profile = is_m_profile(&f->t) ? FOR_m : FOR_a, found = NFPU;
  Str s = str_new(f->arena);
  for (int i = 0; i < NFPU; i++)
    if (fpus[i].profile & profile) {
      str_printf(&s, " %s", fpus[i].name);
      if (strcmp(fpus[i].name, mfpu) == 0)
        found = i;
    }
  if (found == NFPU) {
    diag_error(f->diag, E0304, (Loc){0}, "-mfpu=%s is not known for %s", mfpu,
               f->t.name);
    diag_hint(f->diag, "one of:%s", str_cstr(&s));
    return false;
  }
  bool none = strcmp(mfpu, "none") == 0, automatic = strcmp(mfpu, "auto") == 0;
  if (!f->t.fpu && !none && !automatic)
    return diag_error(f->diag, E0304, (Loc){0},
                      "-mfpu=%s: %s has no floating-point unit", mfpu,
                      f->t.name);
  if (!f->t.fpu || automatic)
    return true;
  add_features(f, fpus[found].features);
  f->t.fpu = !none;
  f->t.f64 &= !none && !strstr(mfpu, "-sp-");
  f->t.fma = !none && (f->t.fma || strcmp(mfpu, "neon-vfpv4") == 0);
  set_flag(f, "-mfpu=", "-mfpu=", none ? NULL : mfpu);
  return true;
}

/* Without floating-point registers there are no vectors either (MVE and NEON
 * share them), and M55 falls back to its DSP instructions. */
static void drop_fp_registers(Find *f) {
  if (!f->t.fpu && f->t.vector_bytes == 0)
    return;
  add_features(f, "+soft-float,-fpregs");
  f->t.fpu = f->t.fma = f->t.f64 = false;
  set_flag(f, "-mfpu=", "-mfpu=", NULL);
  if (f->t.vector_bytes == 0)
    return;
  f->t.vector_bytes = 0;
  f->t.nvregs = 13;
  f->t.conv_pixels = f->t.conv_vectors = 2;
  f->t.simd_align = 4;
  f->t.dot = f->t.dot == DOT_vmladava ? DOT_smlad : DOT_scalar;
}

/* The calling convention alone: triple and flag. */
static void set_convention(Find *f, const char *abi) {
  const char *triple = f->t.triple;
  if (strcmp(abi, "hard") != 0 && str_has_suffix(triple, "hf"))
    f->t.triple = arena_strndup(f->arena, triple, strlen(triple) - 2);
  set_flag(f, "-mfloat-abi=", "-mfloat-abi=", abi);
}

static bool set_float_abi(Find *f, const char *abi) {
  if (f->t.arch != ARCH_arm)
    return refuse_arch(f, "float-abi");
  int i = 0;
  while (i < NABI && strcmp(float_abis[i], abi) != 0)
    i++;
  if (i == NABI) {
    diag_error(f->diag, E0304, (Loc){0}, "-mfloat-abi=%s is not known", abi);
    diag_hint(f->diag, "one of: soft softfp hard");
    return false;
  }
  if (strcmp(abi, "hard") == 0 && !f->t.fpu)
    return diag_error(
        f->diag, E0304, (Loc){0},
        "-mfloat-abi=hard: %s has no floating-point unit%s", f->t.name,
        str_has_suffix(f->t.triple, "hf") ? " with -mfpu=none" : "");
  if (strcmp(abi, "soft") == 0)
    drop_fp_registers(f);
  set_convention(f, abi);
  return true;
}

static bool unknown_preset(Find *f, const char *name) {
  static const char *const formats[][2] = {
      {"darwin", "Mach-O"}, {"macos", "Mach-O"}, {"ios", "Mach-O"},
      {"apple", "Mach-O"},  {"windows", "COFF"}, {"win32", "COFF"},
      {"mingw", "COFF"},    {"msvc", "COFF"},    {"cygwin", "COFF"},
      {"uefi", "COFF"}};
  const char *format = NULL;
  for (size_t i = 0; i < sizeof formats / sizeof *formats && !format; i++)
    if (strstr(name, formats[i][0]))
      format = formats[i][1];
  if (format)
    diag_error(f->diag, E0304, (Loc){0},
               "target '%s' wants %s objects; only ELF and wasm objects are "
               "written",
               name, format);
  else
    diag_error(f->diag, E0304, (Loc){0}, "target '%s' is not known", name);
  Str s = str_new(f->arena);
  for (int i = 0; target_family_at(f->arena, i); i++)
    str_printf(&s, " %s", target_family_at(f->arena, i)->name);
  for (int i = 0; i < target_count; i++)
    str_printf(&s, " %s", target_table[i].name);
  diag_hint(f->diag, "one of: host%s", str_cstr(&s));
  return false;
}

/* The row to start from. A core alone implies its preset. */
static const Target *start_row(Find *f, const char *preset, const char *mcpu) {
  const Target *t = NULL;
  for (int i = 0; i < NCORE && !preset && mcpu && !t; i++)
    if (strcmp(cores[i].name, mcpu) == 0)
      t = preset_find(cores[i].preset);
  if (t)
    return t;
  if (preset && strcmp(preset, "host") != 0) {
    t = preset_find(preset);
    if (!t)
      t = target_family(f->arena, preset);
    if (!t)
      unknown_preset(f, preset);
    return t;
  }
  t = target_host();
  if (!t) {
    diag_error(f->diag, E0304, (Loc){0},
               "no target runs on this machine itself");
    diag_hint(f->diag, "name one with --target= (`kiln targets` lists them)");
  }
  return t;
}

const Target *target_find(Arena *a, Diag *d, const char *preset,
                          const char *mcpu, const char *mfpu,
                          const char *mfloat_abi) {
  Find f = {.arena = a, .diag = d};
  const Target *row = start_row(&f, preset, mcpu);
  if (!row || (!mcpu && !mfpu && !mfloat_abi))
    return row;
  f.t = *row;
  if ((mcpu && !set_cpu(&f, mcpu)) || (mfpu && !set_fpu(&f, mfpu)) ||
      (mfloat_abi && !set_float_abi(&f, mfloat_abi)))
    return NULL;
  if (!f.t.fpu && !mfloat_abi)
    set_convention(&f, "soft");
  return arena_dup(a, &f.t, sizeof f.t);
}
