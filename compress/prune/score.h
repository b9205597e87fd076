/* One function a row of methods.def: sets the worth of all units. That of
 * `obs` also orders the groups. */
#ifndef KILN_COMPRESS_PRUNE_SCORE_H
#define KILN_COMPRESS_PRUNE_SCORE_H

#include "compress/prune/private.h"

#define METHOD(name, needs_data, summary) bool prune_score_##name(Pruner *p);
#include "compress/prune/methods.def"
#undef METHOD

#endif
