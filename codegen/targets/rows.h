/* The rows of dot.c's table, one file an ISA. */
#ifndef KILN_CODEGEN_TARGETS_ROWS_H
#define KILN_CODEGEN_TARGETS_ROWS_H

#include "codegen/targets/dot.h"

extern const DotOps dot_pmaddwd, dot_vpdpbusd;      /* x86.c */
extern const DotOps dot_smull, dot_sdot, dot_smmla; /* aarch64.c */

#endif
