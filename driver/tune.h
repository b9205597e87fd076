/* --tune: choices by measurement. */
#ifndef KILN_DRIVER_TUNE_H
#define KILN_DRIVER_TUNE_H

#include "driver/session.h"
#include "plan/tune.h"

/* Sets plan->tuning from the file of --tune, after measuring what it lacks of
 * g's layers and writing it again; nothing without the option. false: error
 * reported. */
bool session_tune(Cli *cli, const Graph *g, const Target *t,
                  const CodegenOptions *codegen, PlanOptions *plan);

#endif
