/* See tune.h. */
#include "plan/tune.h"

#include <stdio.h>
#include <string.h>

#include "plan/conv.h"
#include "plan/kernel.h"

/* Kernels that are expected to be so many times slower are not tried. */
static const double hopeless = 4;

/* ---- layers ---- */

static void print_types(Str *out, Value *const *v, int n) {
  for (int i = 0; i < n; i++) {
    Type t = v[i] ? *v[i]->type : (Type){0};
    t.q = NULL;
    str_add(out, " ");
    if (v[i])
      type_print(out, &t);
    else
      str_add(out, "none");
  }
}

static bool is_conv(const Op *op) {
  return op->kind == OP_conv2d || op->kind == OP_depthwise_conv2d;
}

const char *tune_layer(Arena *a, const Op *op) {
  Str s = str_new(a);
  str_add(&s, op_info(op->kind)->name);
  print_types(&s, op->in, op->nin);
  str_add(&s, " ->");
  print_types(&s, op->out, op->nout);
  if (is_conv(op)) {
    ConvGeom g = conv_geom(op);
    str_printf(&s, " stride %dx%d dilation %dx%d pad %d,%d", (int)g.sh,
               (int)g.sw, (int)g.dh, (int)g.dw, (int)g.pt, (int)g.pl);
  }
  return str_cstr(&s);
}

/* ---- candidates ---- */

static int add_tiles(const Op *op, const Target *t, Choice *out, int n) {
  const Kernel *lanes = &kernel_table[K_conv_lanes];
  if (!lanes->match(op, t))
    return n;
  int64_t oc = conv_geom(op).oc, lane = t->vector_bytes / 4;
  for (int v = 1; v <= 8 && n < TUNE_MOST; v *= 2)
    if (v != t->conv_vectors && (v == 1 || v / 2 * lane < oc))
      out[n++] = (Choice){lanes, v};
  return n;
}

int tune_candidates(const Op *op, const Target *t, Choice out[TUNE_MOST]) {
  out[0] = (Choice){kernel_select(op, t), 0};
  if (!out[0].kernel)
    return 0;
  int n = 1;
  double most = hopeless * out[0].kernel->cost(op, t);
  for (int i = 0; i < K_COUNT && n < TUNE_MOST; i++) {
    const Kernel *k = &kernel_table[i];
    if (k != out[0].kernel && k->match(op, t) && k->cost(op, t) <= most)
      out[n++] = (Choice){k, 0};
  }
  return out[0].kernel == &kernel_table[K_conv_lanes] ? add_tiles(op, t, out, n)
                                                      : n;
}

/* ---- choices ---- */

static bool is_row_of(const TunedLayer *l, const char *target, const char *cpu,
                      const char *layer) {
  return strcmp(l->target, target) == 0 && strcmp(l->cpu, cpu) == 0 &&
         strcmp(l->layer, layer) == 0;
}

static bool fits(const Choice *c, const Op *op, const Target *t) {
  return c->kernel->match(op, t) && c->vectors >= 0 && c->vectors <= 8;
}

const TunedLayer *tune_find(Arena *a, const Tuning *all, const Target *t,
                            const Op *op) {
  const char *layer = all ? tune_layer(a, op) : NULL;
  for (int i = 0; all && i < all->layers.n; i++) {
    const TunedLayer *l = &all->layers.v[i];
    if (is_row_of(l, t->name, all->cpu, layer) && fits(&l->choice, op, t))
      return l;
  }
  return NULL;
}

void tune_put(Arena *a, Tuning *all, const TunedLayer *l) {
  int kept = 0;
  for (int i = 0; i < all->layers.n; i++)
    if (!is_row_of(&all->layers.v[i], l->target, l->cpu, l->layer))
      all->layers.v[kept++] = all->layers.v[i];
  all->layers.n = kept;
  ARRAY_PUSH(a, &all->layers, *l);
}

Choice tune_choose(const Plan *p, const Op *op) {
  if (!p->opt.tuning)
    return (Choice){kernel_select(op, p->target), 0};
  const TunedLayer *known = tune_find(p->arena, p->opt.tuning, p->target, op);
  if (known)
    return known->choice;
  Choice all[TUNE_MOST];
  int n = tune_candidates(op, p->target, all), trial = p->opt.trial;
  if (!n)
    return (Choice){0};
  return all[trial > 0 && trial <= n ? trial - 1 : 0];
}

/* ---- the file ---- */

static const Kernel *kernel_named(const char *name) {
  for (int i = 0; i < K_COUNT; i++)
    if (strcmp(kernel_table[i].name, name) == 0)
      return &kernel_table[i];
  return NULL;
}

enum { WORD = 64 };

static bool read_line(Arena *a, const char *line, Tuning *out) {
  char target[WORD], cpu[WORD], kernel[WORD];
  TunedLayer l = {0};
  int at = 0;
  int n = sscanf(line, "%63s %63s %63s %d %lf %lf %n", target, cpu, kernel,
                 &l.choice.vectors, &l.us, &l.usual_us, &at);
  if (n != 6 || !at || !line[at])
    return false;
  l.target = arena_strdup(a, target);
  l.cpu = arena_strdup(a, cpu);
  l.layer = line + at;
  l.choice.kernel = kernel_named(kernel);
  if (l.choice.kernel)
    ARRAY_PUSH(a, &out->layers, l);
  return true;
}

static bool bad_line(Diag *d, const char *path, int row) {
  diag_error(d, E0001, (Loc){.file = path}, "line %d is no layer of a tuning",
             row);
  diag_hint(d, "--tune names the file that is written; without it all layers "
               "are measured anew");
  return false;
}

bool tune_read(Arena *a, const char *path, const char *text, size_t bytes,
               Diag *d, Tuning *out) {
  const char *p = arena_strndup(a, text, bytes), *end = p + bytes;
  int row = 1;
  for (; *p; row++) {
    size_t n = strcspn(p, "\n");
    const char *line = arena_strndup(a, p, n);
    if (n && !read_line(a, line, out))
      return bad_line(d, path, row);
    p += n + (p[n] == '\n');
  }
  return p == end || bad_line(d, path, row);
}

void tune_print(Str *out, const Tuning *all) {
  for (int i = 0; i < all->layers.n; i++) {
    const TunedLayer *l = &all->layers.v[i];
    str_printf(out, "%s %s %s %d %.2f %.2f %s\n", l->target, l->cpu,
               l->choice.kernel->name, l->choice.vectors, l->us, l->usual_us,
               l->layer);
  }
}
