/* Diagnostics: collected, never printed on the spot, so that all obstacles
 * are told at once. Each has a stable code (diag.def), a location, a message
 * in lower case without full stop, and optionally an excerpt and a hint:
 *
 *     model.tflite: op 3 CONV_2D 'conv/Relu': error E0312: conv2d: ...
 *       %7 = conv2d %6, @w3 {...}
 *     hint: ...
 */
#ifndef KILN_SUPPORT_DIAG_H
#define KILN_SUPPORT_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "support/arena.h"
#include "support/str.h"

/* Exit statuses of the command line; a diagnostic's row in diag.def says
 * which one it leads to. */
typedef enum ExitStatus {
  EXIT_OK = 0,
  EXIT_USAGE = 1,
  EXIT_BAD_MODEL = 2,
  EXIT_UNSUPPORTED = 3,
  EXIT_BUDGET = 4,
  EXIT_MISMATCH = 5,
  EXIT_ACCURACY = 6,
  EXIT_INTERNAL = 70
} ExitStatus;

/* E0101 ... : DIAG(code, exit status, "title", "explanation") in diag.def. */
typedef enum DiagCode {
#define DIAG(code, exit, title, text) code,
#include "support/diag.def"
#undef DIAG
  DIAG_CODE_COUNT
} DiagCode;

typedef enum DiagLevel { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR } DiagLevel;

/* Where: any part may be NULL or 0. Diagnostics copy the strings. */
typedef struct Loc {
  const char *file; /* as the user spelled it */
  const char *what; /* "op 3 CONV_2D 'conv/Relu'" */
  int line, col;    /* of a text file, from 1; 0 = none */
} Loc;

typedef struct Diag Diag; /* holds everything that was reported */

Diag *diag_new(Arena *a);

/* Record one diagnostic. diag_error returns false always, so that callers
 * write `return diag_error(...)`. */
bool diag_error(Diag *d, DiagCode code, Loc loc, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(Diag *d, Loc loc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_note(Diag *d, Loc loc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Attach to the diagnostic recorded last; no effect when there is none. */
void diag_hint(Diag *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void diag_excerpt(Diag *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Records everything that `from` holds, too: copies of it. */
void diag_append(Diag *d, const Diag *from);

int diag_error_count(const Diag *d);
/* The exit status of the first error; EXIT_OK when there is none. */
ExitStatus diag_exit_status(const Diag *d);

/* All, in order, as text for people / as a JSON array for machines. */
void diag_print(const Diag *d, FILE *out);
void diag_print_json(const Diag *d, FILE *out);

/* "E0101" for a code; code by its name, DIAG_CODE_COUNT when unknown. */
const char *diag_code_name(DiagCode code);
DiagCode diag_code_find(const char *name);
const char *diag_code_title(DiagCode code);
const char *diag_code_text(DiagCode code);
ExitStatus diag_code_exit(DiagCode code);

#endif
