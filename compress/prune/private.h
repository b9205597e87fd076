/* Shared by the files of pruning: the layers, units and groups of a graph
 * whose weights may be written (view.c), what is known of the layers' inputs
 * (stats.c), and the steps. */
#ifndef KILN_COMPRESS_PRUNE_PRIVATE_H
#define KILN_COMPRESS_PRUNE_PRIVATE_H

#include "compress/prune/prune.h"
#include "passes/ties.h"

/* A layer with more columns is not solved for. */
enum { COLUMNS_MAX = 2400 };

/* Column i of those that the outputs of a weight group read; or output i. */
typedef struct Place {
  int layer;
  int64_t group, i;
} Place;

typedef struct Unit {
  int64_t class_; /* in Ties */
  int group;
  double worth; /* the least goes first */
  bool gone;
  ARRAY(Place) outputs; /* layers that make it */
  ARRAY(Place) columns; /* layers that read it, and do not make it of it */
} Unit;

typedef struct Group {
  ARRAY(int) makers; /* layers, ascending */
  ARRAY(int) units;  /* in the order in which they go, once that is known */
  double *curve;     /* (units + 1) what it costs that the first k go */
  int gone;          /* of the units */
} Group;

/* Of a layer's input rows: all columns of a weight group, and a 1 at the end,
 * which stands for the bias. */
typedef struct Moments {
  double *h;    /* (groups, n, n): sum of x x^T; NULL: too many columns */
  double *sum;  /* (groups, n): of x */
  double *sum2; /* (groups, n): of x^2 */
  double *live; /* (groups, n): how often x is not 0 */
  double count; /* rows */
} Moments;

typedef struct Layer {
  const TiedLayer *tied;
  Op *op;
  const char *name; /* of its result in the float graph */
  int64_t groups;   /* weight groups */
  int n;            /* columns of one, and the constant */
  float *w, *b;     /* of the working graph, to be written; b may be NULL */
  bool shared;      /* not to be written: others have the same weights ... */
  bool repeated;    /* ... one of them before it */
  const float *own, *own_b; /* weights and biases as they were */
  const float *ordered; /* (outputs, n) the weights as they were, by column; 0
                           for the constant */
  int64_t nw, nb; /* elements of w, b: as many biases as outputs, or so many
                     for each class of the border */
  int64_t rows;   /* of its input, a sample: a result's places; 0: a kind
                     that is not solved for */
  Moments m;      /* of the float graph */
  double part;    /* of its weights that becomes zero */
  int64_t *outs, *ins; /* (groups) how many stay, of outputs and columns */
  const char *remark;
} Layer;

struct Pruner {
  Arena *arena;
  const Graph *g; /* the float graph */
  Graph *work;    /* its clone, with the same ids of values */
  Ties *ties;
  ARRAY(Layer) layers;
  ARRAY(Unit) units;
  ARRAY(Group) groups;
  int *unit_of; /* (nodes) by class: a unit; -1: held */
  const PruneOptions *opt;
  double amount; /* in place of opt's */
  Engine *engine;
  const Feed *feed; /* or NULL */
  int64_t compared; /* samples on which outputs are compared */
  float **wanted;   /* (compared * outputs) what the float graph gives */
};

/* --- view.c --------------------------------------------------------------- */

bool prune_view(Pruner *p);
/* The unit of an output, or of column i of weight group k; -1: it is held. */
int unit_of_output(const Pruner *p, const Layer *l, int64_t o);
int unit_of_column(const Pruner *p, const Layer *l, int64_t k, int64_t i);
/* Where in w: column c = tap * inputs + i of output o. */
int64_t weight_at(const Layer *l, int64_t o, int64_t c);
bool column_is_gone(const Pruner *p, const Layer *l, int64_t k, int64_t c);
bool output_is_gone(const Pruner *p, const Layer *l, int64_t o);
/* Marks a unit, and counts in its layers. */
void unit_go(Pruner *p, int u, bool gone);
/* Parameters and MACs of what stays, of all layers. */
void prune_sizes(const Pruner *p, int64_t *params, int64_t *macs);
/* Writes the zeros of all units that are gone. */
void prune_write_zeros(Pruner *p);
/* All weights and biases become what they were. */
void prune_restore(Pruner *p);

/* --- probe.c: values of a graph on the samples ---------------------------- */

typedef struct Probe {
  const Feed *feed;
  Executor *x;      /* NULL: all that is watched comes in */
  const float **at; /* (watched) where they are behind probe_run */
  void **in, **out;
} Probe;
/* Watches values (of f32) of g, by name. Everything lies in a, but for what
 * probe_close frees. false: errors in g->diag. */
bool probe_open(Arena *a, const Graph *g, Engine *e, const Feed *f,
                const char *const *names, int n, Probe *out);
bool probe_run(Probe *p, int64_t sample);
void probe_close(Probe *p);

/* --- stats.c -------------------------------------------------------------- */

/* How many samples are looked at, and in each how many places of the result:
 * together enough for a layer's columns, however much data there is. */
int64_t input_samples(const Pruner *p, const Layer *l);
int64_t input_places(const Pruner *p, const Layer *l);
/* The s-th of these samples, evenly apart; its j-th place. The same on every
 * machine. */
int64_t input_sample(const Pruner *p, const Layer *l, int64_t s);
int64_t input_place(const Layer *l, int64_t takes, int64_t sample, int64_t j);
/* What weight group k reads for place r of x: (n). */
void input_row(const Layer *l, const float *x, int64_t k, int64_t r,
               float *row);
/* Fills the Moments of all layers. */
bool prune_stats(Pruner *p);

/* --- score.c -------------------------------------------------------------- */

/* The worth of all units, by opt->method; orders the groups by it. */
bool prune_order(Pruner *p);

/* --- choose.c, scan.c ----------------------------------------------------- */

/* Marks units until the goal is reached. */
bool prune_choose(Pruner *p);
/* Curves in terms of what the model's outputs lose. */
bool prune_scan(Pruner *p);
/* Runs the float graph on some samples, for prune_error. */
bool prune_want(Pruner *p);
/* Mean square of what the working graph's outputs changed by on them, over
 * their variance. */
bool prune_error(Pruner *p, double *out);

/* --- system.c, solve.c ---------------------------------------------------- */

/* Solves for the layers that read the units of one group, against the float
 * graph's own inputs. */
void prune_solve_group(Pruner *p, const Group *group);
/* Solves for all layers in order, on what really comes in. */
bool prune_solve(Pruner *p);

/* Then for a classifier's last convolution once more, for the sake of what the
 * model returns. false: errors in the graph's diag. */
bool prune_solve_head(Pruner *p); /* head.c */

/* What a weight group's outputs should give, as normal equations: x are the
 * columns that come in, t what is wanted of an output. */
typedef struct System {
  int n;
  double *h; /* (n, n): sum of x x^T */
  double *r; /* (group, n): sum of t x^T */
} System;
/* Solves for the weights of group k that stay, with `damp` of the columns'
 * mean moment on the distance from what they were, and writes them to w
 * (group, n), zeros elsewhere and where `zero` (group, n; may be NULL) says.
 * false: the system is not definite. */
bool system_solve(const Pruner *p, const Layer *l, int64_t k, const System *s,
                  double damp, const bool *zero, double *w);
/* What w leaves of sum (t - w x)^2, but for the sum of t^2. */
double system_error(const System *s, int64_t outputs, const double *w);

/* --- zeros.c -------------------------------------------------------------- */

/* How much of each layer becomes zero: Layer.part. */
void zeros_share(Pruner *p);
/* Makes zeros of w (group, n), which solves s, and solves for the rest. */
void zeros_solve(const Pruner *p, const Layer *l, int64_t k, const System *s,
                 double damp, double *w);
/* Makes zeros of the working graph's least weights, and changes no other; of
 * the layers that are `unsolved`, or of all. */
void zeros_by_magnitude(Pruner *p, bool unsolved);
/* Is it solved for? */
bool layer_is_solved(const Layer *l);

#endif
