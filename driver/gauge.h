/* Sizes of models for compress/, and the account before and after. */
#ifndef KILN_DRIVER_GAUGE_H
#define KILN_DRIVER_GAUGE_H

#include "compress/figures.h"
#include "driver/cli.h"
#include "driver/table.h"

/* Compiles for --target under -O; lives in cli's arena. */
Gauge *gauge_new(Cli *cli);

/* Bytes of a model file and of the constants that lie beside it; 0 where
 * there is none. */
int64_t model_file_bytes(Cli *cli, const char *path);

/* A model before and after: a row a figure, with the ratio. `score` is what
 * the score is called, NULL where there is none. File sizes of 0 are left
 * out. */
typedef struct Account {
  Figures before, after;
  int64_t file_before, file_after;
  const char *score;
} Account;
Table account_table(Arena *a, const Account *account);

#endif
