/* Shared by search.c, which says what is tried, and search_try.c. */
#ifndef KILN_COMPRESS_SEARCH_PRIVATE_H
#define KILN_COMPRESS_SEARCH_PRIVATE_H

#include "compress/prune/prune.h"
#include "compress/search.h"

typedef struct SearchRun {
  Search *s;
  Pruner *pruner;              /* NULL until something is to be pruned */
  const PruneOptions *pruning; /* its */
  Diag *refusals;              /* of the pruner */
  Diag *why;                   /* the first candidate that failed did */
} SearchRun;

/* A copy of the model whose errors are nobody's: what can't be made is just no
 * candidate. */
Graph *search_model(const Search *s, Arena *a);

/* Makes and measures a candidate, the last of s->tried then. The recipe's name
 * and scheme live in the search's arena. Does it keep the score? */
bool search_try(SearchRun *r, Recipe recipe);

/* How much of the flash of candidate i would be left with the recipe's zeros?
 * Told by compiling it with its smallest integers zero, unrecovered; 1: it
 * can't be made. */
double search_flash_left(const Search *s, const Recipe *recipe, int i);

/* All figures of g. false: errors in its diag. */
bool search_measure(const Search *s, const Graph *g, Figures *out);
/* How much of the score these lose; do they keep the score and all budgets? */
double search_lost(const Search *s, const Figures *f);
bool search_keeps(const Search *s, const Figures *f);
/* Does candidate i keep the score? Budgets may want less than it. */
bool search_holds(const Search *s, int i);

#endif
