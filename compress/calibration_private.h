/* Private to calibration*.c, and for tests. */
#ifndef KILN_COMPRESS_CALIBRATION_PRIVATE_H
#define KILN_COMPRESS_CALIBRATION_PRIVATE_H

#include "compress/calibration.h"

/* calibrate, with groups of values that take at most so many bytes
 * together. */
bool calibrate_in_groups(Arena *a, const Graph *g, Engine *e, const Feed *f,
                         Shard shard, int64_t group_bytes,
                         const CalibrationProgress *progress, Calibration *out);

/* What the input v says of preprocessing, spelled; "": nothing. */
const char *calibration_steps(Arena *a, const Value *v);

#endif
