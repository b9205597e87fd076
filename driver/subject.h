/* A compiled object under test, wherever it runs: in this process or under
 * qemu. */
#ifndef KILN_DRIVER_SUBJECT_H
#define KILN_DRIVER_SUBJECT_H

#include "driver/session.h"

typedef struct Subject {
  Built built;
  Executor *exec;        /* NULL: under qemu */
  uint8_t *arena;        /* of the last run under qemu; BUILD_keep_all only */
  int tier;              /* of an open one: what the last run took */
  const void *const *in; /* of the last run */
  void *const *out;
} Subject;

/* Compiles g for t and loads it where it can run; BUILD_keep_all keeps
 * every value of the last run. The caller frees it. */
bool subject_new(Cli *cli, const Graph *g, const Target *t, BuildKind kind,
                 Subject *out);
void subject_free(Subject *s);
/* Of BUILD_open_tier: the next runs are of that tier; -1: it chooses. */
void subject_set_tier(Subject *s, int tier);
/* false: the emulated board has too little memory for it. */
bool subject_fits(const Subject *s);
/* One inference from the initial state. Under qemu also checks that it took
 * no more stack than the header says. */
bool subject_run(Subject *s, const void *const *in, void *const *out);

/* After a run of a keep_all subject: a value's bytes in the form of the
 * model's own type, in scratch or borrowed; NULL when it has none of its
 * own. */
const void *subject_value(Subject *s, const Value *v, Arena *scratch);

#endif
