/* See pruning.h. */
#include "plan/pruning.h"

#include <string.h>

static void add(LayerCost *to, const LayerCost *c) {
  to->channels += c->channels;
  to->macs += c->macs;
  to->weight_bytes += c->weight_bytes;
  to->bias_bytes += c->bias_bytes;
}

static int64_t bias_bytes(const Op *op) {
  const Value *b = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return b && b->init ? type_bytes(b->type) : 0;
}

void pruning_layer(const Op *op, LayerCost *before, LayerCost *after) {
  const Pruned *p = op->pruned;
  const Type *y = op->out[0]->type;
  *before = (LayerCost){p->channels, p->macs, p->weight_bytes, p->bias_bytes};
  *after = (LayerCost){y->dim[y->rank - 1], op_macs(op), op_weight_bytes(op),
                       bias_bytes(op)};
}

void pruning_total(const Graph *g, LayerCost *before, LayerCost *after) {
  *before = *after = (LayerCost){0};
  for (const Op *op = g->first; op; op = op->next) {
    LayerCost was, is;
    if (!op->pruned)
      continue;
    pruning_layer(op, &was, &is);
    add(before, &was);
    add(after, &is);
  }
}

/* --- JSON ----------------------------------------------------------------- */

static void put_int(json_object *o, const char *key, int64_t x) {
  json_object_object_add(o, key, json_object_new_int64(x));
}

static json_object *cost_json(const LayerCost *c) {
  json_object *o = json_object_new_object();
  put_int(o, "channels", c->channels);
  put_int(o, "macs", c->macs);
  put_int(o, "weight_bytes", c->weight_bytes);
  put_int(o, "bias_bytes", c->bias_bytes);
  return o;
}

static json_object *both_json(const LayerCost *before, const LayerCost *after) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "before", cost_json(before));
  json_object_object_add(o, "after", cost_json(after));
  return o;
}

/* Names come from the model and may be any bytes. */
static json_object *name_json(Arena *a, const char *name) {
  Str s = str_new(a);
  if (!name)
    return NULL;
  str_add_utf8(&s, name);
  return json_object_new_string(str_cstr(&s));
}

static json_object *stay_json(Arena *a, const Stay *s) {
  json_object *o = json_object_new_object();
  put_int(o, "channels", s->channels);
  json_object_object_add(o, "what", json_object_new_string(s->what));
  json_object_object_add(o, "why", json_object_new_string(s->why));
  json_object_object_add(o, "at", name_json(a, s->at));
  return o;
}

json_object *pruning_json(Arena *a, const Op *op) {
  LayerCost before, after;
  pruning_layer(op, &before, &after);
  json_object *o = both_json(&before, &after);
  json_object *stays = json_object_new_array();
  for (int i = 0; i < op->pruned->stays.n; i++)
    json_object_array_add(stays, stay_json(a, &op->pruned->stays.v[i]));
  json_object_object_add(o, "stays", stays);
  return o;
}

json_object *pruning_total_json(const Graph *g) {
  LayerCost before, after;
  pruning_total(g, &before, &after);
  return both_json(&before, &after);
}

/* --- text ----------------------------------------------------------------- */

static void add_part(Str *out, const char *before, int64_t part, int64_t whole,
                     const char *what) {
  str_add(out, before);
  str_add_grouped(out, part);
  str_add(out, " of ");
  str_add_grouped(out, whole);
  str_add(out, what);
}

void pruning_add_stay(Str *out, const Stay *s) {
  str_add_grouped(out, s->channels);
  str_printf(out, " %s: %s", s->what, s->why);
  if (!s->at)
    return;
  str_add(out, " (");
  str_add_clipped(out, s->at, 40);
  str_add(out, ")");
}

typedef ARRAY(Stay) Stays;

/* Summed up over the layers, whomever they are about. */
static Stays all_stays(Arena *a, const Graph *g) {
  Stays all = {0};
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; op->pruned && i < op->pruned->stays.n; i++) {
      Stay s = op->pruned->stays.v[i];
      int at = 0;
      while (at < all.n && (strcmp(all.v[at].what, s.what) != 0 ||
                            strcmp(all.v[at].why, s.why) != 0))
        at++;
      s.at = NULL;
      if (at < all.n)
        all.v[at].channels += s.channels;
      else
        ARRAY_PUSH(a, &all, s);
    }
  return all;
}

void pruning_text(Str *out, const Graph *g) {
  LayerCost before, after;
  pruning_total(g, &before, &after);
  Stays stays = all_stays(g->arena, g);
  if (before.channels > after.channels) {
    add_part(out, "pruned ", before.channels - after.channels, before.channels,
             " channels");
    add_part(out, ", ", before.macs - after.macs, before.macs, " MACs");
    add_part(out, ", ", before.weight_bytes - after.weight_bytes,
             before.weight_bytes, " bytes of weights\n");
  }
  for (int i = 0; i < stays.n; i++) {
    str_add(out, "stays  ");
    pruning_add_stay(out, &stays.v[i]);
    str_add(out, "\n");
  }
}
