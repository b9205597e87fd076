/* The comparison behind `kiln verify`: the model as imported, run by the
 * interpreter, against the optimized model's object; and both against
 * recordings. Where passes may change results (passes/pass.h), the object is
 * held to the optimized model, and the outputs of that to the imported one.
 *
 * With --interpreter there is no object: passes and recordings alone are
 * held to the interpreter, which works for models that no target has all
 * kernels for, too.
 *
 * Bytes have to be equal, but for floats: against a recording, against what a
 * pass was free to change, and on targets without fused multiply-add they may
 * differ by 1e-5 of the range of what is expected. */
#ifndef KILN_DRIVER_VERIFY_H
#define KILN_DRIVER_VERIFY_H

#include "driver/subject.h"

/* A tier of the object, or all there is. */
typedef struct Held {
  const Tier *tier; /* NULL: the only one */
  int index;        /* among the plan's tiers */
  Subject full;     /* of its row, with every value kept: all are compared */
  bool has_full;    /* it fits where it has to run */
  void **ship_out, **full_out;
} Held;

typedef struct Verify {
  Cli *cli;
  Graph *ref; /* as imported: what the interpreter runs */
  Graph *opt; /* behind the passes: what the objects were made of */
  bool loose; /* passes may have changed results */
  Executor *interp;
  void **seen;          /* (ref's values, by id) bytes of the last run */
  void **out;           /* the interpreter's outputs */
  Executor *opt_interp; /* over opt; NULL unless loose */
  void **opt_seen, **opt_out;
  bool has_object;    /* else the next three are empty */
  Subject ship;       /* the object as users get it: outputs are compared */
  ARRAY(Held) held;   /* tiers of it that can be run */
  const char *absent; /* names of those that can't, or NULL */
  const char *sample; /* "random 2", for messages */
  int64_t samples, values, bytes, recorded; /* compared so far */
} Verify;

bool verify_new(Cli *cli, Verify *v);
void verify_free(Verify *v);

/* Runs interpreter and objects on one input and compares. false: the first
 * difference, or that it could not run, is in the diag. */
bool verify_sample(Verify *v, const char *name, const void *const *in);

/* After verify_sample: does an object with tiers choose, in this process as
 * `host` does? *name is what it chose; NULL: it had no choice. */
bool verify_choice(Verify *v, const char **name);

/* After verify_sample: the value of the imported model against recorded
 * bytes of its type; interpreter, and object if the value still exists. */
bool verify_recorded(Verify *v, const Value *value, const void *expected);

/* After verify_sample: output i of both against recorded bytes. */
bool verify_output(Verify *v, int i, const void *expected);

/* --verify-each: driver/verify_passes.c. After verify_new; the sample's name
 * is set. */
bool verify_passes(Verify *v, const void *const *in);

/* The imported model's value that a value of another graph stands for; NULL
 * when there is none. */
const Value *verify_imported(const Verify *v, const Value *value);
/* What is compared with what: "WHO differs from WHOSE in". */
typedef struct Match {
  DiagCode code;
  const char *who, *whose;
  bool close; /* floats may differ by 1e-5 of the range */
} Match;
/* Reports the first difference. */
bool verify_same(Verify *v, const Value *value, Match m, const void *expected,
                 const void *got);

/* --golden, --layers: driver/recordings.c. verify_load loads the model;
 * dimensions that it leaves open get those of the recorded inputs. */
Graph *verify_load(Verify *v);
bool verify_golden(Verify *v, const char *path);
bool verify_layers(Verify *v, const char *path);

#endif
