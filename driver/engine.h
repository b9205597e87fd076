/* The compiler as an engine of compress/. */
#ifndef KILN_DRIVER_ENGINE_H
#define KILN_DRIVER_ENGINE_H

#include "compress/engine.h"
#include "driver/cli.h"

/* Objects for this machine under -O, or with --interpreter the interpreter.
 * Lives in cli's arena. */
Engine *engine_new(Cli *cli);

#endif
