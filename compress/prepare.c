/* The float pipeline: the default one without what is about integers
 * (fold-scales, lut-activation, order-dense), about a target's memory
 * (schedule), or about inputs whose order the quantized model settles itself
 * (fold-inputs). Calibration, quantization and pruning all begin behind it,
 * so that they speak of the same tensors. */
#include "compress/prepare.h"

bool prepare_float(Graph *g, const PassOptions *how) {
  PassOptions opt = *how;
  opt.passes = "canonicalize,sink-transposes,constant-fold,fuse-pad,"
               "fold-batch-norm,fuse-activation,prune-channels,"
               "prune-channels-float,cse,dce";
  opt.allow = PASS_reassoc;
  return passes_run(g, &opt, NULL);
}
