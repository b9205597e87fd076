/* A model before and after a compression: one table, a row a figure. */
#ifndef KILN_DRIVER_ACCOUNT_H
#define KILN_DRIVER_ACCOUNT_H

#include "compress/feed.h"
#include "compress/figures.h"
#include "driver/cli.h"
#include "driver/table.h"

typedef struct Account {
  Figures before, after;
  int64_t file_before, file_after; /* 0: there is none */
  const char *score;               /* what it is called; NULL: none */
} Account;

/* Of a compression that was written to `path`: sizes for --target under -O
 * (without those where the target can't run one of the two); with labels
 * top-1 of both on the samples, which may be NULL. false: errors reported. */
bool account_make(Cli *cli, const Graph *before, const Graph *after,
                  const Feed *samples, const char *path, Account *out);

/* With the ratio. Figures that are not known are left out. */
Table account_table(Arena *a, const Account *account);

/* Bytes of a model file and of the constants that lie beside it; 0 where
 * there is none. */
int64_t model_file_bytes(Cli *cli, const char *path);

#endif
