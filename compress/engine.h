/* What compress/ runs models with: compiled code, which the driver hands in,
 * or the interpreter. */
#ifndef KILN_COMPRESS_ENGINE_H
#define KILN_COMPRESS_ENGINE_H

#include "ir/exec.h"

typedef struct Engine Engine;
struct Engine {
  /* An executor of g as it stands: no pass is run on it. g outlives it; all
   * else that it takes goes when it is freed. To look at a value in the
   * middle, make it an output of a clone. NULL: errors in g->diag. */
  Executor *(*make)(Engine *e, const Graph *g);
};

#endif
