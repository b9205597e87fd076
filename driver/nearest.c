/* "Did you mean": the name at the smallest edit distance. */
#include <string.h>

#include "driver/cli.h"

enum { LONGEST = 64 };

static int min_int(int a, int b) { return a < b ? a : b; }

/* Levenshtein's distance by rows; names are short. */
static int edit_distance(const char *a, const char *b) {
  int n = (int)strlen(b), row[LONGEST + 1];
  for (int j = 0; j <= n; j++)
    row[j] = j;
  for (int i = 0; a[i]; i++) {
    int diagonal = row[0];
    row[0] = i + 1;
    for (int j = 1; j <= n; j++) {
      int substituted = diagonal + (a[i] != b[j - 1]);
      diagonal = row[j];
      row[j] = min_int(substituted, 1 + min_int(row[j], row[j - 1]));
    }
  }
  return row[n];
}

const char *nearest_name(const char *given, const void *first, size_t stride,
                         int n) {
  const char *best = NULL;
  size_t length = strlen(given);
  int limit = length < 4 ? 1 : length < 8 ? 2 : 3;
  if (length > LONGEST)
    return NULL;
  for (int i = 0; i < n; i++) {
    const void *at = (const char *)first + (size_t)i * stride;
    const char *name = *(const char *const *)at;
    if (strlen(name) > LONGEST)
      continue;
    int distance = edit_distance(given, name);
    if (distance <= limit) {
      best = name;
      limit = distance - 1;
    }
  }
  return best;
}
