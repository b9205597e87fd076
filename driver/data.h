/* --data, --labels, --preprocess, --samples, --seed: the same for every
 * subcommand that runs a model on samples. */
#ifndef KILN_DRIVER_DATA_H
#define KILN_DRIVER_DATA_H

#include "compress/feed.h"
#include "driver/cli.h"

/* The samples that the command line gives for g, which lives in cli's arena.
 * false: errors in cli->diag. */
bool data_open(Cli *cli, const Graph *g, Feed *out);
/* The classes of f's samples: --labels, or the folders of pictures; n 0: none
 * are given. Of a feed that could not be opened, what is wrong with the labels
 * alone is told. */
bool data_labels(Cli *cli, const Feed *f, Labels *out);

/* Are all of them below `classes`? E0701. */
bool data_classes(Cli *cli, const Labels *labels, int64_t classes);
/* The samples that a search scores on: --eval-data, or else --data. */
bool data_open_eval(Cli *cli, const Graph *g, Feed *out);

/* Is `spec`, of --labels, an array of outputs rather than of classes: one of
 * so many elements a sample, more than one? */
bool data_is_targets(Cli *cli, const char *spec, int64_t outputs);
/* --labels as the outputs that f's samples should have, [samples, outputs]. */
bool data_targets(Cli *cli, const Feed *f, int64_t outputs, double **out);

#endif
