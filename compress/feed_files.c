/* Feeds of files: which file is for which input, and which of its samples are
 * taken. */
#include <string.h>

#include "compress/feed_private.h"
#include "support/random.h"

/* Of pictures that stay decoded. */
static const int64_t kept_bytes = (int64_t)64 << 20;

/* ---- which samples ---- */

/* Floyd's selection (Bentley, Programming Pearls: a sample of brilliance). */
static const int64_t *pick_random(Arena *a, int64_t total, int64_t n,
                                  uint64_t seed) {
  char *taken = arena_alloc(a, (size_t)total);
  int64_t *index = ARENA_ARRAY(a, int64_t, n), k = 0;
  for (int64_t i = total - n; i < total; i++) {
    int64_t x = (int64_t)random_below(&seed, (uint64_t)i + 1);
    taken[taken[x] ? i : x] = 1;
  }
  for (int64_t i = 0; i < total; i++)
    if (taken[i])
      index[k++] = i;
  return index;
}

static bool pick_samples(Diag *d, Arena *a, const FeedPick *pick, Feed *f) {
  int64_t left = f->total - pick->first;
  if (left < 1)
    return data_error(d, f->in[0].from, "%lld samples, none of number %lld",
                      (long long)f->total, (long long)pick->first);
  f->samples = pick->samples && pick->samples < left ? pick->samples : left;
  if (f->samples == f->total)
    return true;
  if (pick->random) {
    f->index = pick_random(a, f->total, f->samples, pick->seed);
    return true;
  }
  int64_t *index = ARENA_ARRAY(a, int64_t, f->samples);
  for (int64_t i = 0; i < f->samples; i++)
    index[i] = pick->first + i;
  f->index = index;
  return true;
}

/* ---- whose file ---- */

/* Which file is whose: NAME=SPEC names an input, others take the first
 * without one. */
static int input_of(const Graph *g, const char **spec) {
  for (int i = 0; i < g->inputs.n; i++) {
    const char *name = g->inputs.v[i]->name;
    size_t n = strlen(name);
    if (strncmp(*spec, name, n) == 0 && (*spec)[n] == '=') {
      *spec += n + 1;
      return i;
    }
  }
  return -1;
}

static bool assign(Diag *d, const Graph *g, const char *const *specs, int n,
                   Feed *f) {
  bool ok = true;
  for (int named = 1; named >= 0; named--)
    for (int k = 0; k < n; k++) {
      const char *spec = specs[k];
      int i = input_of(g, &spec);
      if ((i >= 0) != named)
        continue;
      for (i = i < 0 ? 0 : i; !named && i < g->inputs.n && f->in[i].from;)
        i++;
      if (i == g->inputs.n || f->in[i].from)
        ok = diag_error(d, E0001, (Loc){0},
                        "--data: '%s' is one more than there are inputs",
                        specs[k]);
      else
        f->in[i].from = spec;
    }
  for (int i = 0; i < g->inputs.n; i++)
    if (!f->in[i].from)
      ok = diag_error(d, E0001, (Loc){0}, "no --data for input '%s'",
                      f->in[i].name);
  return ok;
}

/* ---- pictures ---- */

/* What pictures become for an input; false: they can't. */
static bool image_form(Diag *d, const FeedInput *in, ImageForm *out) {
  const Preprocess *p = in->how ? in->how : &preprocess_none;
  const Type *t = in->type;
  int axis = preprocess_channel_axis(p, t);
  *out = (ImageForm){.channels = axis < 0 ? 0 : t->dim[axis],
                     .resize = {p->resize.h, p->resize.w},
                     .crop = {p->crop.h, p->crop.w}};
  if (t->rank == 4 && (out->channels == 1 || out->channels == 3))
    return true;
  data_error(d, in->from,
             "pictures are for inputs of 4 dimensions and 1 or 3 "
             "channels, not '%s'",
             in->name);
  if (t->rank == 4 && (t->dim[1] == 1 || t->dim[1] == 3))
    diag_hint(d, "--preprocess \"layout=nchw\" if the channels come first");
  return false;
}

/* Resizes pictures of an array, u8[n,h,w] or u8[n,h,w,c]. */
static bool fit_array(Diag *d, const Graph *g, const Feed *f, FeedInput *in,
                      const ImageForm *form) {
  const NdArray all = in->data;
  int64_t h = all.rank > 1 ? all.dim[1] : 0, w = all.rank > 2 ? all.dim[2] : 0;
  int64_t c = all.rank == 4 ? all.dim[3] : 1;
  if (all.type != ELEM_u8 || all.rank < 3 || all.rank > 4 ||
      c != form->channels)
    return data_error(d, in->from,
                      "%s are no pictures u8[n,h,w,%lld] to resize or crop",
                      nd_text(g->arena, &all), (long long)form->channels);
  NdArray x = {.type = ELEM_u8, .rank = 3, .dim = {h, w, c}}, y;
  x.bytes = (size_t)(h * w * c);
  uint8_t *data = NULL;
  for (int64_t s = 0; s < f->samples; s++) {
    Arena *scratch = arena_new();
    int64_t at = f->index ? f->index[s] : s;
    x.data = (const uint8_t *)all.data + (size_t)at * x.bytes;
    const char *why = image_fit(scratch, &x, form, &y);
    if (!why && !data)
      data = ARENA_ARRAY(g->arena, uint8_t, y.bytes *(size_t)f->samples);
    if (!why)
      memcpy(data + (size_t)s * y.bytes, y.data, y.bytes);
    else
      data_error(d, in->from, "%s", why);
    arena_free(scratch);
    if (why)
      return false;
  }
  in->data = (NdArray){.type = ELEM_u8, .rank = 4, .data = data};
  memcpy(in->data.dim + 1, y.dim, 3 * sizeof *y.dim);
  in->data.dim[0] = f->samples;
  return nd_set_bytes(&in->data);
}

/* ---- content ---- */

static bool is_resized(const FeedInput *in) {
  return in->how && (in->how->resize.h || in->how->crop.h);
}

/* Pictures of the input's own size stay as they are. */
static bool has_own_size(const FeedInput *in, const ImageForm *form) {
  bool planes = in->how->layout == LAYOUT_nchw;
  const int64_t *want = in->type->dim + (planes ? 2 : 1);
  const NdArray *x = &in->data;
  return x->rank >= 3 && x->dim[1] == want[0] && x->dim[2] == want[1] &&
         (x->rank == 3 ? form->channels == 1 : x->dim[3] == form->channels);
}

/* What of input i's file can be told before samples are picked: their number
 * in *samples, and all of an array. */
static bool open_input(Diag *d, const Graph *g, FeedInput *in, ImageList **list,
                       int64_t *samples) {
  if (path_is_folder(in->from)) {
    *list = ARENA_NEW(g->arena, ImageList);
    bool ok = images_list(g->arena, d, in->from, *list);
    *samples = (*list)->names.n;
    return ok;
  }
  if (!data_read(g->arena, d, in->from, &in->data))
    return false;
  ImageForm form;
  if (is_resized(in)) {
    *samples = in->data.rank ? in->data.dim[0] : 0;
    if (!image_form(d, in, &form))
      return false;
    if (!has_own_size(in, &form))
      return true;
  }
  *samples = feed_array_samples(in);
  return feed_check(d, g, in);
}

/* Pictures are decoded when they are fed, but for the first ones. */
static bool open_pictures(Diag *d, const Feed *f, FeedInput *in,
                          const ImageList *list) {
  Arena *a = f->g->arena;
  ImageForm form;
  ImageStack *s = ARENA_NEW(a, ImageStack);
  if (!image_form(d, in, &form) ||
      !images_open(a, d, list, f->index, f->samples, &form, kept_bytes, s))
    return false;
  in->pictures = s;
  in->data = (NdArray){.type = ELEM_u8, .rank = 4, .dim = {s->n}};
  memcpy(in->data.dim + 1, s->one.dim, 3 * sizeof *s->one.dim);
  return nd_set_bytes(&in->data)
             ? feed_check(d, f->g, in)
             : data_error(d, in->from, "%lld pictures of %s are too many",
                          (long long)s->n, nd_text(a, &s->one));
}

static bool fill_input(Diag *d, const Feed *f, FeedInput *in,
                       const ImageList *list) {
  const Graph *g = f->g;
  ImageForm form;
  if (list)
    return open_pictures(d, f, in, list);
  if (is_resized(in) && image_form(d, in, &form) && !has_own_size(in, &form))
    return fit_array(d, g, f, in, &form) && feed_check(d, g, in);
  in->pick = f->index;
  return true;
}

bool feed_load(Diag *d, const Graph *g, const char *const *specs, int n,
               const FeedPick *pick, Feed *out) {
  ImageList **lists = ARENA_ARRAY(g->arena, ImageList *, g->inputs.n);
  *out = feed_start(g);
  if (!assign(d, g, specs, n, out))
    return false;
  bool ok = true;
  for (int i = 0; i < g->inputs.n; i++) {
    int64_t samples = 0;
    bool good = open_input(d, g, &out->in[i], &lists[i], &samples);
    if (i == 0)
      out->total = samples;
    ok = good && feed_check_count(d, out, &out->in[i], samples) && ok;
  }
  if (!ok || !g->inputs.n)
    return ok;
  out->images = lists[0];
  if (!pick_samples(d, g->arena, pick, out))
    return false;
  for (int i = 0; i < g->inputs.n; i++)
    ok = fill_input(d, out, &out->in[i], lists[i]) && ok;
  return ok;
}
