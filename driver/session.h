/* Steps that subcommands share: from options to a graph, a target, a plan,
 * an object. All return NULL or false with the errors in cli->diag. */
#ifndef KILN_DRIVER_SESSION_H
#define KILN_DRIVER_SESSION_H

#include "codegen/codegen.h"
#include "driver/cli.h"
#include "frontend/frontend.h"
#include "passes/pass.h"

/* The operand MODEL under --rounding, --dim, --bind, --preprocess and
 * --io-type; not optimized. */
Graph *session_load(Cli *cli);
/* The same of another file. */
Graph *session_load_file(Cli *cli, const char *path);
/* The same with inputs that will be fed, as model_load_with. */
Graph *session_load_with(Cli *cli, ImportBind *have, int n);
/* The .npy file `path` as an input's content (import.c). */
bool import_array(Cli *cli, const char *name, const char *path,
                  ImportBind *out);
/* --io-type: makes inputs and outputs of that kind (io_type.c). */
bool session_io_type(Cli *cli, Graph *g);
/* --preprocess: what the model's inputs say of it (data.c). */
bool session_preprocess(Cli *cli, Graph *g);

/* The pass options of the command line. */
bool session_passes(Cli *cli, PassOptions *out);
/* Runs the pipeline; *stopped (may be NULL) as passes_run. */
bool session_optimize(Cli *cli, Graph *g, bool *stopped);

/* The operand MODEL behind the float pipeline (compress/prepare.h): what is
 * calibrated, quantized and pruned. */
Graph *session_float(Cli *cli);

/* --target --tiers -mcpu -mfpu -mfloat-abi; this machine when none is given.
 */
const Target *session_target(Cli *cli);

/* -O. */
bool session_codegen(Cli *cli, CodegenOptions *out);

/* Optimizes g and plans it for the target and -O. NULL: error reported. */
Plan *session_plan(Cli *cli, Graph *g);

typedef struct Built {
  Plan *plan;
  Emitted emitted;
} Built;

/* What ships, or with the PlanOptions or CodegenOptions of that name. */
typedef enum BuildKind {
  BUILD_product,
  BUILD_keep_all,
  BUILD_clocks,
  BUILD_open_tier
} BuildKind;

/* Plans and emits g. `what` are EMIT_ bits; `name` is the C prefix, NULL for
 * the graph's. */
bool session_build(Cli *cli, const Graph *g, const Target *t, BuildKind kind,
                   unsigned what, const char *name, Built *out);

/* Has this machine the memory to run g? false: E0005, which names the
 * operator of the largest value. */
bool session_has_memory(Cli *cli, const Graph *g);

#endif
