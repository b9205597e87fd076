/* Private to ir/: the soundness of a type by itself. */
#ifndef KILN_IR_VERIFY_H
#define KILN_IR_VERIFY_H

#include "ir/graph.h"

/* What is wrong with a type: DIAG_CODE_COUNT when nothing is, else the code
 * to report it under and, unless `why` is NULL, the reason (in `a`). */
DiagCode type_fault(Arena *a, const Type *t, const char **why);

#endif
