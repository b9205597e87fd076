/* See preprocess.h. One table says what there is; the text form and the
 * command line read and print by it. */
#include "ir/preprocess.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EXTENT = 16384, MAX_CHANNELS = 1 << 20, MAX_WORDS = 2 };

typedef enum FieldKind {
  F_extent,
  F_word,
  F_real,
  F_reals,
  F_divisors
} FieldKind;

/* clang-format off */
static const struct Field {
  const char *name;
  FieldKind kind;
  size_t at;
  const char *words[MAX_WORDS]; /* of an enum */
} fields[] = {
    {"resize", F_extent,   offsetof(Preprocess, resize), {0}},
    {"crop",   F_extent,   offsetof(Preprocess, crop),   {0}},
    {"order",  F_word,     offsetof(Preprocess, order),  {"rgb", "bgr"}},
    {"scale",  F_real,     offsetof(Preprocess, scale),  {0}},
    {"mean",   F_reals,    offsetof(Preprocess, mean),   {0}},
    {"std",    F_divisors, offsetof(Preprocess, std),    {0}},
    {"layout", F_word,     offsetof(Preprocess, layout), {"nhwc", "nchw"}},
};
/* clang-format on */
enum { NFIELD = sizeof fields / sizeof *fields };

typedef struct Field Field;

const Preprocess preprocess_none = {.scale = 1};

static void *field_of(Preprocess *p, const Field *f) {
  return (char *)p + f->at;
}

static const void *field_of_const(const Preprocess *p, const Field *f) {
  return (const char *)p + f->at;
}

const char *preprocess_names(Arena *a) {
  Str s = str_new(a);
  for (int i = 0; i < NFIELD; i++)
    str_printf(&s, "%s%s", i ? ", " : "", fields[i].name);
  return str_cstr(&s);
}

/* ---- values ---- */

/* A decimal number at *s; false: none, or not a finite one. */
static bool take_decimal(const char **s, double *out) {
  char *end;
  if (!**s || !strchr("+-.0123456789", **s))
    return false;
  size_t n = strspn(*s, "+-.0123456789eE");
  *out = strtod(*s, &end);
  bool ok = end == *s + n && isfinite(*out);
  *s = end;
  return ok;
}

/* A decimal or a quotient of two. */
static bool take_real(const char **s, double *out) {
  double by;
  if (!take_decimal(s, out))
    return false;
  if (**s != '/')
    return true;
  ++*s;
  if (!take_decimal(s, &by) || by == 0)
    return false;
  *out /= by;
  return isfinite(*out);
}

static const char *set_real(Arena *a, const Field *f, const char *s,
                            double *out) {
  const char *p = s;
  double x;
  if (!take_real(&p, &x) || *p || x == 0)
    return arena_printf(a, "%s: '%s' is no number other than 0", f->name, s);
  *out = x;
  return NULL;
}

static int count_commas(const char *s) {
  int n = 0;
  while ((s = strchr(s, ',')))
    n++, s++;
  return n;
}

static const char *set_reals(Arena *a, const Field *f, const char *s,
                             RealList *out) {
  const char *p = s;
  int n = count_commas(s) + 1;
  double *v = ARENA_ARRAY(a, double, n);
  for (int i = 0; i < n; i++) {
    p += strspn(p, " ");
    bool ok = take_real(&p, &v[i]);
    p += strspn(p, " ");
    if (!ok || *p != (i + 1 < n ? ',' : 0))
      return arena_printf(a, "%s: '%s' are no numbers between commas", f->name,
                          s);
    if (f->kind == F_divisors && v[i] == 0)
      return arena_printf(a, "%s: 0 is divided by", f->name);
    p++;
  }
  *out = (RealList){n, v};
  return NULL;
}

static const char *take_extent(const char *s, int64_t *out) {
  char *end = NULL;
  *out = *s >= '0' && *s <= '9' ? strtoll(s, &end, 10) : 0;
  return *out > 0 && *out <= MAX_EXTENT ? end : NULL;
}

static const char *set_extent(Arena *a, const Field *f, const char *s,
                              Extent *out) {
  Extent e = {0};
  const char *p = take_extent(s, &e.h);
  if (p && *p == 'x')
    p = take_extent(p + 1, &e.w);
  if (!p || *p)
    return arena_printf(a, "%s: '%s' is neither pixels (224) nor HxW (96x128)",
                        f->name, s);
  *out = e;
  return NULL;
}

static const char *set_word(Arena *a, const Field *f, const char *s,
                            unsigned *out) {
  for (unsigned i = 0; i < MAX_WORDS; i++)
    if (strcmp(s, f->words[i]) == 0) {
      *out = i;
      return NULL;
    }
  return arena_printf(a, "%s: '%s' is neither %s nor %s", f->name, s,
                      f->words[0], f->words[1]);
}

static const char *set_field(Arena *a, Preprocess *p, const Field *f,
                             const char *value) {
  void *out = field_of(p, f);
  switch (f->kind) {
  case F_extent:
    return set_extent(a, f, value, out);
  case F_word:
    return set_word(a, f, value, out);
  case F_real:
    return set_real(a, f, value, out);
  case F_reals:
  case F_divisors:
    return set_reals(a, f, value, out);
  }
  return NULL;
}

const char *preprocess_set(Arena *a, Preprocess *p, const char *name, size_t n,
                           const char *value, size_t bytes) {
  for (int i = 0; i < NFIELD; i++)
    if (strlen(fields[i].name) == n && memcmp(fields[i].name, name, n) == 0)
      return set_field(a, p, &fields[i], arena_strndup(a, value, bytes));
  return arena_printf(a, "'%.*s' is none of %s", (int)n, name,
                      preprocess_names(a));
}

const char *preprocess_parse(Arena *a, const char *spec, Preprocess *out) {
  const char *why = NULL;
  *out = preprocess_none;
  for (const char *s = spec + strspn(spec, " "); *s && !why;
       s += strspn(s, " ")) {
    size_t word = strcspn(s, " "), name = strcspn(s, "= ");
    if (name >= word)
      return arena_printf(a, "'%.*s' is not NAME=VALUE", (int)word, s);
    why = preprocess_set(a, out, s, name, s + name + 1, word - name - 1);
    s += word;
  }
  return why;
}

/* ---- printing ---- */

/* Between brackets where the text form's commas are about, too. */
static void print_reals(Str *out, const RealList *r, bool brackets) {
  for (int i = 0; i < r->n; i++) {
    str_add(out, i ? "," : brackets ? "[" : "");
    str_add_double(out, r->v[i]);
  }
  str_add(out, brackets ? "]" : "");
}

static void print_value(Str *out, const Field *f, const void *v,
                        bool brackets) {
  const Extent *e = v;
  switch (f->kind) {
  case F_extent:
    str_printf(out, e->w ? "%lldx%lld" : "%lld", (long long)e->h,
               (long long)e->w);
    break;
  case F_word:
    str_add(out, f->words[*(const unsigned *)v]);
    break;
  case F_real:
    str_add_double(out, *(const double *)v);
    break;
  case F_reals:
  case F_divisors:
    print_reals(out, v, brackets);
    break;
  }
}

static bool reals_equal(const RealList *a, const RealList *b) {
  return a->n == b->n &&
         (!a->n || memcmp(a->v, b->v, (size_t)a->n * sizeof *a->v) == 0);
}

static bool field_equal(const Field *f, const void *a, const void *b) {
  switch (f->kind) {
  case F_extent:
    return memcmp(a, b, sizeof(Extent)) == 0;
  case F_word:
    return *(const unsigned *)a == *(const unsigned *)b;
  case F_real:
    return *(const double *)a == *(const double *)b;
  case F_reals:
  case F_divisors:
    return reals_equal(a, b);
  }
  return false;
}

/* All that is not at its default, with what comes before the first and
 * between the others. */
static void print_fields(Str *out, const Preprocess *p, const char *before,
                         const char *between, bool brackets) {
  const char *sep = before;
  for (int i = 0; i < NFIELD; i++) {
    const Field *f = &fields[i];
    const void *v = field_of_const(p, f);
    if (field_equal(f, v, field_of_const(&preprocess_none, f)))
      continue;
    str_printf(out, "%s%s=", sep, f->name);
    print_value(out, f, v, brackets);
    sep = between;
  }
}

void preprocess_print(Str *out, const Preprocess *p) {
  str_add(out, "{");
  print_fields(out, p, " ", ", ", true);
  str_add(out, " }");
}

void preprocess_spell(Str *out, const Preprocess *p) {
  print_fields(out, p, "", " ", false);
}

bool preprocess_equal(const Preprocess *a, const Preprocess *b) {
  for (int i = 0; i < NFIELD && a != b; i++)
    if (!a || !b ||
        !field_equal(&fields[i], field_of_const(a, &fields[i]),
                     field_of_const(b, &fields[i])))
      return false;
  return true;
}

static RealList copy_reals(Arena *a, RealList r) {
  return (RealList){r.n, arena_dup(a, r.v, (size_t)r.n * sizeof *r.v)};
}

const Preprocess *preprocess_copy(Arena *a, const Preprocess *p) {
  if (!p)
    return NULL;
  Preprocess *c = arena_dup(a, p, sizeof *p);
  c->mean = copy_reals(a, p->mean);
  c->std = copy_reals(a, p->std);
  return c;
}

/* ---- what fits an input ---- */

bool preprocess_changes_values(const Preprocess *p) {
  return p && (p->scale != 1 || p->mean.n || p->std.n);
}

int preprocess_channel_axis(const Preprocess *p, const Type *t) {
  if (p->layout == LAYOUT_nchw)
    return t->rank >= 3 ? 1 : -1;
  return t->rank - 1;
}

static const char *misfit_list(Arena *a, const char *name, const RealList *r,
                               int64_t channels) {
  if (r->n <= 1 || r->n == channels)
    return NULL;
  return arena_printf(a, "%s has %d numbers, the input %lld channels", name,
                      r->n, (long long)channels);
}

const char *preprocess_misfit(Arena *a, const Preprocess *p, const Type *t) {
  int axis = preprocess_channel_axis(p, t);
  int64_t channels = axis < 0 ? 1 : t->dim[axis];
  if (p->layout == LAYOUT_nchw && axis < 0)
    return arena_printf(a,
                        "layout=nchw is for inputs of at least 3 "
                        "dimensions, this one has %d",
                        t->rank);
  if (p->order == ORDER_bgr && channels != 3)
    return arena_printf(a, "order=bgr is for 3 channels, the input has %lld",
                        (long long)channels);
  if ((p->resize.h || p->crop.h) && t->rank != 4)
    return arena_printf(a,
                        "resize and crop are for images, the input has %d "
                        "dimensions",
                        t->rank);
  const char *why = misfit_list(a, "mean", &p->mean, channels);
  return why ? why : misfit_list(a, "std", &p->std, channels);
}
