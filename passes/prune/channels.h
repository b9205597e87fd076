/* Channels (indices of the last dimension) of every value: what is known of
 * them, which have to stay, and why. Shared by the files of prune-channels.
 *
 * Facts run forward (facts.c): a channel may be one constant, and stored
 * integers have a range. Needs run backward (needs.c) until nothing changes:
 * a channel stays when somebody depends on it and can't take it as a
 * constant, and channels that an op pairs up stay together. The rest is cut
 * out (cut.c). */
#ifndef KILN_PASSES_PRUNE_CHANNELS_H
#define KILN_PASSES_PRUNE_CHANNELS_H

#include "passes/rewrite.h"

/* One channel of one value. */
typedef struct Channel {
  bool constant;  /* every element of it holds `bits` */
  uint64_t bits;  /* as stored (ir/element.h) */
  int64_t lo, hi; /* range of a stored integer; of floats 0, 0 */
  bool keep;
  const Op *by;    /* whom it stays for; NULL: the model's borders */
  const char *why; /* as a clause: "its weights read it" */
} Channel;

typedef struct Channels {
  int64_t n;
  Channel *v; /* (n) */
} Channels;

typedef struct Prune {
  Graph *g;
  Arena *scratch;
  Channels *of; /* by value id; n = 0: not an activation with channels */
  bool changed; /* in this round over the graph */
} Prune;

static inline Channels *channels_of(const Prune *p, const Value *v) {
  return &p->of[v->id];
}

/* Whether channel j of output 0 comes from channel channel_pair(op, i, j) of
 * operand i and from no other; the pair is -1 where operand i has none for
 * it. */
bool channels_pair(const Op *op);
int64_t channel_pair(const Op *op, int i, int64_t j);

/* A convolution or dense layer over its channels. */
typedef struct Linear {
  const Op *op;
  const Type *x, *w;
  int64_t outputs, inputs; /* channels of y; of x that one of them reads */
  int64_t taps;
  int64_t group; /* outputs that read the same channels of x */
  bool depthwise;
  bool pads;    /* some taps may see padding instead of x */
  int32_t zero; /* x's zero point: what padding stands for */
} Linear;
/* false: not one whose weights (and bias) are constants in a known form. */
bool linear_of(const Op *op, Linear *l);
/* Which channel of x is number i of those that output o reads. */
int64_t linear_channel(const Linear *l, int64_t o, int64_t i);
/* Position in the weight tensor. */
int64_t linear_at(const Linear *l, int64_t o, int64_t tap, int64_t i);
/* An integer weight minus its zero point; a float one. */
int64_t linear_int(const Linear *l, int64_t o, int64_t at);
double linear_float(const Linear *l, int64_t at);
bool linear_is_zero(const Linear *l, int64_t o, int64_t at);
/* May a constant channel of x be taken into the biases: does padding look
 * the same as the channel? Of floats only zeros: another constant would enter
 * its sum at another place. */
bool linear_takes(const Linear *l, const Channel *x);
/* The bias of output o; 0 when there is none. */
int64_t linear_bias_int(const Linear *l, int64_t o);
float linear_bias_float(const Linear *l, int64_t o);

void prune_facts(Prune *p);
void prune_needs(Prune *p);
/* Cuts what has no keep; how many channels went. */
int64_t prune_cut(Prune *p);

#endif
