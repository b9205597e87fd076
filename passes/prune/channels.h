/* Channels (indices of one dimension, the channel axis) of every value: what
 * is known of them, which have to stay, and why. Shared by the files of
 * prune-channels.
 *
 * The axis of a value follows from its op (pairs.c): images have it last, a
 * transpose moves it. Facts run forward (facts.c, twins.c): a channel may be
 * one constant, or the twin of another one, and stored integers have a range.
 * Needs run backward (needs.c) until nothing changes: a channel stays when
 * somebody depends on it and can't take it as a constant or from its twin,
 * and channels that an op pairs up stay together. The rest is cut out
 * (cut.c), and account.c says what went and why the rest did not. */
#ifndef KILN_PASSES_PRUNE_CHANNELS_H
#define KILN_PASSES_PRUNE_CHANNELS_H

#include "passes/rewrite.h"

/* Why a channel stays, the stronger the higher. */
typedef enum Cause {
  CAUSE_none,
  CAUSE_along, /* nobody needs it: it is computed along with one that stays */
  CAUSE_shape, /* nobody needs it: the shape of a tensor does */
  CAUSE_need   /* somebody depends on it, and can't do without */
} Cause;

/* One channel of one value. */
typedef struct Channel {
  bool constant; /* every element of it holds `bits` */
  uint64_t bits; /* as stored (ir/element.h) */
  double lo, hi; /* range of what is stored, as a number */
  int64_t twin;  /* the first channel that always holds the same; or itself */
  Cause keep;
  const Op *by;    /* whom it stays for; NULL: the model's borders */
  const char *why; /* as a clause about such: "they are read" */
} Channel;

typedef struct Channels {
  int64_t n;
  int axis;
  int64_t inner; /* elements behind the axis: k is of channel k / inner % n */
  Channel *v;    /* (n) */
} Channels;

struct Verdict;

typedef struct Prune {
  Graph *g;
  Arena *scratch;
  bool reassoc; /* sums of floats may take another order */
  Channels *of; /* by value id; n = 0: not an activation with channels */
  bool *pairs;  /* by id of an op's first output: see channels_pair */
  const struct Verdict *
      *verdicts; /* by id of a layer's output; NULL: not yet */
  bool changed;  /* in this round over the graph */
} Prune;

static inline Channels *channels_of(const Prune *p, const Value *v) {
  return &p->of[v->id];
}

/* --- pairs.c: ops that handle every channel by itself ------------------- */

/* Makes the Channels of all values, nothing known yet. */
void prune_axes(Prune *p);
/* Does every channel of op's outputs come from one channel of each operand? */
bool channels_pair(const Prune *p, const Op *op);
/* Which channel of operand i channel j of output o comes from; -1: from none
 * (another part of a concat) or from all alike (channels_spread). */
int64_t channel_pair(const Prune *p, const Op *op, int i, int o, int64_t j);
/* How many of its channels, from that one on: 1 but for a reshape that makes
 * a channel of several. */
int64_t channel_span(const Prune *p, const Op *op);
/* Is operand i, computed, broadcast along the channels? */
bool channels_spread(const Prune *p, const Op *op, int i);
/* Does constant operand i have an index for each channel of output 0? Then
 * its dimension; else -1. */
int channels_const_axis(const Prune *p, const Op *op, int i);

/* --- linear.c: convolutions and dense layers over their channels -------- */

typedef struct Linear {
  const Op *op;
  const Type *x, *w;
  int64_t outputs, inputs; /* channels of y; columns of x one of them reads */
  int64_t taps;
  int64_t group;    /* outputs that read the same columns of x */
  int64_t n, inner; /* column i of a group is of channel i / inner % n */
  bool depthwise;
  bool pads;    /* some taps may see padding instead of x */
  bool biased;  /* it has, or may get, a bias */
  int32_t zero; /* x's zero point: what padding stands for */
} Linear;
/* false: not one whose weights (and bias) are constants in a known form, or
 * its channels lie elsewhere. */
bool linear_of(const Prune *p, const Op *op, Linear *l);
/* Which channel of x column i of those that output o reads belongs to. */
int64_t linear_channel(const Linear *l, int64_t o, int64_t i);
/* Position in the weight tensor. */
int64_t linear_at(const Linear *l, int64_t o, int64_t tap, int64_t i);
/* An integer weight minus its zero point; a float one. */
int64_t linear_int(const Linear *l, int64_t o, int64_t at);
double linear_float(const Linear *l, int64_t at);
bool linear_is_zero(const Linear *l, int64_t o, int64_t at);
/* Does output o have a weight other than 0 on column i? */
bool linear_reads(const Linear *l, int64_t o, int64_t i);
/* Does a constant channel look alike at every tap, padding or not? */
bool linear_uniform(const Linear *l, const Channel *x);
/* What becomes of a channel of x in a layer that reads it, by facts alone:
 * folded into the bias, its weights merged into its twin's, or it stays. */
typedef enum Fate { FATE_stays, FATE_folded, FATE_merged } Fate;
typedef struct Verdict {
  Fate fate;
  const char *why; /* it stays, other than that it is read; or NULL */
} Verdict;
/* Of all channels of x. Made once. */
const Verdict *linear_verdicts(const Prune *p, const Linear *l);

/* --- ranges.c ------------------------------------------------------------- */

void channel_constant(const Type *t, Channel *c, uint64_t bits);
/* NaN: no bound. One whose ends meet becomes a constant. */
void channel_range(const Type *t, Channel *c, double lo, double hi);
/* Whatever an element of that type may be. */
void channel_any(DType t, Channel *c);
/* The ranges behind an op that pairs channels. */
void prune_range_facts(const Prune *p, const Op *op);

/* --- the steps ----------------------------------------------------------- */

void prune_facts(Prune *p);
void prune_twins(Prune *p);
void prune_needs(Prune *p);
/* Cuts what has no keep; how many channels went. */
int64_t prune_cut(Prune *p);
/* What went and what stays, noted at the layers (Op.pruned): their figures
 * before anything goes; behind the last needs, the channels that stay though
 * nobody needs them; or why no channel was looked at. */
void prune_account_begin(Graph *g);
void prune_account(const Prune *p);
void prune_account_refusal(Graph *g, const char *why);
/* The bias of a layer for the outputs at[0 .. n - 1], with what goes folded
 * in; NULL: none. */
Value *prune_bias(const Prune *p, const Linear *l, int64_t n,
                  const int64_t *at);

#endif
