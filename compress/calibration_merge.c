/* Parts of a calibration as one, and calibrations against models. */
#include <string.h>

#include "compress/calibration_private.h"
#include "ir/hash.h"
#include "ir/text.h"

enum { LIST_WIDTH = 60 };

typedef struct Merge {
  Arena *a;
  Diag *d;
  const Calibration **part; /* (n) in the order of their first samples */
  int n;
  int *owner; /* (samples) 1 + the part that has it; 0: none */
  Calibration *out;
} Merge;

static Loc file_loc(const Calibration *c) { return (Loc){.file = c->file}; }

/* ---- do the parts fit? ---- */

static int64_t first_sample(const Calibration *c) {
  return c->observed ? c->index[0] : INT64_MAX;
}

/* So that the order of the arguments does not matter. */
static void sort_parts(Merge *m, const Calibration *parts) {
  m->part = ARENA_ARRAY(m->a, const Calibration *, m->n);
  for (int i = 0; i < m->n; i++) {
    int at = i;
    for (; at && first_sample(&parts[i]) < first_sample(m->part[at - 1]); at--)
      m->part[at] = m->part[at - 1];
    m->part[at] = &parts[i];
  }
}

/* "": nothing became of them. */
static const char *steps_of(const Calibration *c, const char *input) {
  for (int i = 0; i < c->prepared.n; i++)
    if (strcmp(c->prepared.v[i].input, input) == 0)
      return c->prepared.v[i].steps;
  return "";
}

/* The input of a that b's samples came to in another way; NULL: none. */
static const char *other_steps(const Calibration *a, const Calibration *b) {
  for (int i = 0; i < a->prepared.n; i++) {
    const Prepared *p = &a->prepared.v[i];
    if (strcmp(p->steps, steps_of(b, p->input)) != 0)
      return p->input;
  }
  return NULL;
}

static bool check_steps(const Merge *m, const Calibration *c) {
  const Calibration *first = m->part[0];
  const char *input = other_steps(c, first);
  if (!input)
    input = other_steps(first, c);
  return !input ||
         diag_error(m->d, E0702, file_loc(c),
                    "samples of input '%s' are preprocessed by \"%s\", those "
                    "of %s by \"%s\"",
                    input, steps_of(c, input), first->file,
                    steps_of(first, input));
}

static bool check_same(const Merge *m, const Calibration *c) {
  const Calibration *first = m->part[0];
  if (c->hash != first->hash)
    return diag_error(m->d, E0702, file_loc(c),
                      "it is of a model %016llx, %s of %016llx",
                      (unsigned long long)c->hash, first->file,
                      (unsigned long long)first->hash);
  return c->samples == first->samples ||
         diag_error(m->d, E0702, file_loc(c),
                    "it is of %lld samples, %s of %lld", (long long)c->samples,
                    first->file, (long long)first->samples);
}

/* Each sample to its part; those of part i that another one has are an
 * error. */
static bool own_samples(Merge *m, int i) {
  const Calibration *c = m->part[i];
  int other = 0;
  int64_t twice = 0, example = 0;
  for (int64_t k = 0; k < c->observed; k++) {
    int *owner = &m->owner[c->index[k]];
    if (*owner && !twice++) {
      example = c->index[k];
      other = *owner;
    }
    *owner = *owner ? *owner : i + 1;
  }
  return !twice ||
         diag_error(m->d, E0702, file_loc(c),
                    "%lld of its samples are in other parts as well, such as "
                    "sample %lld in %s",
                    (long long)twice, (long long)example,
                    m->part[other - 1]->file);
}

static bool check_tensor(const Merge *m, const Calibration *c,
                         const TensorStats *t) {
  const TensorStats *own = calibration_find(c, t->name);
  if (!own || !own->samples)
    return diag_error(m->d, E0702, file_loc(c), "tensor '%s' is not in it",
                      t->name);
  return (own->elements == t->elements && own->channels == t->channels) ||
         diag_error(m->d, E0702, (Loc){.file = c->file, .line = own->line},
                    "tensor '%s' has another shape than in %s", t->name,
                    m->part[0]->file);
}

static int observed_tensors(const Calibration *c) {
  int n = 0;
  for (int i = 0; i < c->tensors.n; i++)
    n += c->tensors.v[i].samples > 0;
  return n;
}

static bool check_tensors(const Merge *m, const Calibration *c) {
  const Calibration *first = m->part[0];
  bool ok = true;
  for (int i = 0; i < first->tensors.n; i++)
    if (first->tensors.v[i].samples && c->observed)
      ok &= check_tensor(m, c, &first->tensors.v[i]);
  if (ok && c->observed && observed_tensors(c) != observed_tensors(first))
    ok = diag_error(m->d, E0702, file_loc(c), "it has other tensors than %s",
                    first->file);
  return ok;
}

static bool check_parts(Merge *m) {
  bool ok = true;
  for (int i = 1; i < m->n; i++)
    ok &= check_same(m, m->part[i]) && check_steps(m, m->part[i]);
  if (!ok)
    return false;
  m->owner = ARENA_ARRAY(m->a, int, m->part[0]->samples);
  for (int i = 0; i < m->n; i++)
    ok = own_samples(m, i) && ok;
  for (int i = 0; i < m->n; i++)
    ok = check_tensors(m, m->part[i]) && ok;
  return ok;
}

/* ---- together ---- */

static void merge_index(Merge *m) {
  Calibration *out = m->out;
  out->index = ARENA_ARRAY(m->a, int64_t, out->samples);
  for (int64_t s = 0; s < out->samples; s++)
    if (m->owner[s])
      out->index[out->observed++] = s;
}

static void add_stats(TensorStats *t, const TensorStats *part) {
  t->nonfinite += part->nonfinite;
  for (int o = 0; o < STAT_OCTAVES; o++)
    if (part->octave[o])
      for (int i = 0; i < STAT_OCTAVE; i++)
        stats_octave(t, o)[i] += part->octave[o][i];
  for (int64_t c = 0; c < t->channels; c++) {
    ChannelStats *to = &t->channel[c];
    const ChannelStats *from = &part->channel[c];
    to->range.lo =
        from->range.lo < to->range.lo ? from->range.lo : to->range.lo;
    to->range.hi =
        from->range.hi > to->range.hi ? from->range.hi : to->range.hi;
    fixed_merge(&to->sum, &from->sum);
    fixed_merge(&to->squares, &from->squares);
  }
}

/* The samples' ranges in the order of all samples. */
static void merge_samples(const Merge *m, const TensorStats **part,
                          TensorStats *t) {
  int64_t *next = ARENA_ARRAY(m->a, int64_t, m->n);
  for (int64_t s = 0; s < m->out->observed; s++) {
    int i = m->owner[m->out->index[s]] - 1;
    t->sample[s] = part[i]->sample[next[i]++];
  }
}

static void merge_tensor(Merge *m, const TensorStats *first) {
  const TensorStats **part = ARENA_ARRAY(m->a, const TensorStats *, m->n);
  TensorStats t = {.name = first->name,
                   .samples = m->out->observed,
                   .channels = first->channels,
                   .elements = first->elements};
  stats_alloc(m->a, &t);
  memcpy(t.channel, first->channel, (size_t)t.channels * sizeof *t.channel);
  for (int64_t c = 0; c < t.channels; c++)
    t.channel[c].sum = t.channel[c].squares = (FixedSum){0};
  for (int i = 0; i < m->n; i++) {
    part[i] = calibration_find(m->part[i], t.name);
    if (m->part[i]->observed)
      add_stats(&t, part[i]);
  }
  merge_samples(m, part, &t);
  ARRAY_PUSH(m->a, &m->out->tensors, t);
}

/* The range that part i gives a tensor, unless another one was given. */
static bool merge_range(Merge *m, int i, const TensorStats *t) {
  TensorStats *to = NULL;
  for (int k = 0; k < m->out->tensors.n && !to; k++)
    if (strcmp(m->out->tensors.v[k].name, t->name) == 0)
      to = &m->out->tensors.v[k];
  if (!to) {
    ARRAY_PUSH(m->a, &m->out->tensors, (TensorStats){.name = t->name});
    to = &m->out->tensors.v[m->out->tensors.n - 1];
  }
  if (to->fixed && (to->range.lo != t->range.lo || to->range.hi != t->range.hi))
    return diag_error(m->d, E0702, file_loc(m->part[i]),
                      "the range of '%s' is [%g, %g], in another part it is "
                      "[%g, %g]",
                      t->name, (double)t->range.lo, (double)t->range.hi,
                      (double)to->range.lo, (double)to->range.hi);
  to->fixed = true;
  to->range = t->range;
  return true;
}

static bool merge_ranges(Merge *m) {
  bool ok = true;
  for (int i = 0; i < m->n; i++)
    for (int k = 0; k < m->part[i]->tensors.n; k++)
      if (m->part[i]->tensors.v[k].fixed)
        ok &= merge_range(m, i, &m->part[i]->tensors.v[k]);
  return ok;
}

static void warn_missing(Arena *a, Diag *d, const Calibration *c,
                         const char *where) {
  int64_t n = 0, next = 0;
  int64_t *missing = ARENA_ARRAY(a, int64_t, c->samples);
  for (int64_t s = 0; s < c->samples; s++)
    if (next < c->observed && c->index[next] == s)
      next++;
    else
      missing[n++] = s;
  if (!n)
    return;
  Str all = str_new(a), list = str_new(a);
  sample_list_print(&all, missing, n);
  str_add_clipped(&list, str_cstr(&all), LIST_WIDTH);
  diag_warning(d, file_loc(c), "%lld of %lld samples are %s: %s", (long long)n,
               (long long)c->samples, where, str_cstr(&list));
}

bool calibration_merge(Arena *a, Diag *d, const Calibration *parts, int n,
                       Calibration *out) {
  Merge m = {.a = a, .d = d, .n = n, .out = out};
  sort_parts(&m, parts);
  if (!check_parts(&m))
    return false;
  const Calibration *first = m.part[0];
  *out = (Calibration){
      .model = first->model, .hash = first->hash, .samples = first->samples};
  for (int i = 0; i < first->prepared.n; i++)
    ARRAY_PUSH(a, &out->prepared, first->prepared.v[i]);
  merge_index(&m);
  for (int i = 0; i < first->tensors.n; i++)
    if (first->tensors.v[i].samples)
      merge_tensor(&m, &first->tensors.v[i]);
  warn_missing(a, d, out, "in no part");
  return merge_ranges(&m);
}

/* ---- models ---- */

static bool check_inputs(Diag *d, const Calibration *c, const Graph *g) {
  bool ok = true;
  for (int i = 0; i < g->inputs.n && c->observed; i++) {
    const Value *v = g->inputs.v[i];
    const char *have = calibration_steps(g->arena, v);
    const char *want = steps_of(c, v->name);
    if (strcmp(have, want) == 0)
      continue;
    ok = diag_error(d, E0702, file_loc(c),
                    "samples of input '%s' were preprocessed by \"%s\", the "
                    "model says \"%s\"",
                    v->name, want, have);
    diag_hint(d, "--preprocess \"%s: %s\" says the same, if it is right",
              v->name, *want ? want : "none");
  }
  return ok;
}

static bool check_names(Diag *d, const Calibration *c, const Graph *g) {
  bool ok = true;
  for (int i = 0; i < c->tensors.n; i++) {
    const TensorStats *t = &c->tensors.v[i];
    const Value *v = graph_find(g, t->name);
    if (!v || v->init || v->type->dtype != DT_f32)
      ok = diag_error(d, E0702, (Loc){.file = c->file, .line = t->line},
                      "the model has no float tensor '%s'", t->name);
  }
  return ok;
}

bool calibration_check(Diag *d, const Calibration *c, const Graph *g) {
  uint64_t hash = graph_hash(g);
  if (c->hash != hash) {
    diag_error(d, E0702, file_loc(c),
               "it is of another model: %016llx, not %016llx",
               (unsigned long long)c->hash, (unsigned long long)hash);
    diag_hint(d, "`kiln calibrate` makes one of this model");
    return false;
  }
  bool ok = check_inputs(d, c, g);
  ok = check_names(d, c, g) && ok;
  if (ok && c->observed)
    warn_missing(g->arena, d, c, "not in it");
  return ok;
}
