/* Sizes of models for compress/. */
#ifndef KILN_DRIVER_GAUGE_H
#define KILN_DRIVER_GAUGE_H

#include "compress/figures.h"
#include "driver/cli.h"

/* Compiles for --target under -O; lives in cli's arena. */
Gauge *gauge_new(Cli *cli);

#endif
