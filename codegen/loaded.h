/* An object file loaded into this process by LLVM's ORC. Private to
 * codegen/. */
#ifndef KILN_CODEGEN_LOADED_H
#define KILN_CODEGEN_LOADED_H

#include "codegen/codegen.h"

typedef struct Loaded Loaded;

/* The bytes are copied; `name` is for LLVM, `file` (or NULL) for messages.
 * NULL: an error in d; of an object that was made just now, E0901. */
Loaded *loaded_new(Diag *d, DiagCode code, Bytes object, const char *name,
                   const char *file);
void loaded_free(Loaded *l); /* NULL: nothing */

/* Sets *fn, a pointer to a function, to the global `symbol`. false: the same
 * error. */
bool loaded_symbol(Loaded *l, const char *symbol, void *fn);

#endif
