/* Reading text character by character from a bounded buffer, with positions
 * for errors: the text form, and calibrations. Every function that can fail
 * returns false after reporting `code` with the line and a caret. */
#ifndef KILN_IR_TEXT_LEX_H
#define KILN_IR_TEXT_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"

typedef struct Lexer {
  Arena *arena;
  Diag *diag;
  DiagCode code; /* of errors */
  const char *file;
  const char *p, *end;
  const char *line_start;
  int line; /* from 1 */
  int errors;
} Lexer;

/* Characters that a name may have without quotes. */
bool lex_is_name_char(char c);

/* Where `at`, a place in the current line, is. */
Loc lex_loc(const Lexer *l, const char *at);
bool lex_error(Lexer *l, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Passes blanks and a comment, but not the line's end; / and line ends. */
void lex_blanks(Lexer *l);
void lex_space(Lexer *l);
/* True at the end of the line or of the text, behind blanks. */
bool lex_at_eol(Lexer *l);
/* After an error: to the next line that can begin a statement. */
void lex_recover(Lexer *l);

/* The next character behind blanks, 0 at the end of the text; passed when it
 * is the given punctuation. */
char lex_peek(Lexer *l);
bool lex_accept(Lexer *l, const char *punctuation);
bool lex_expect(Lexer *l, const char *punctuation);

/* A run of name characters, "" when there is none; in the arena. */
const char *lex_word(Lexer *l);
/* A name: plain or in quotes. */
bool lex_name(Lexer *l, const char **name);
bool lex_string(Lexer *l, const char **s);
/* [-]digits within min..max. */
bool lex_int(Lexer *l, int64_t min, int64_t max, int64_t *x);
bool lex_uint64(Lexer *l, uint64_t *x);
/* A float or double as printed by str_add_float; inf and nan included. */
bool lex_float(Lexer *l, float *x);
bool lex_double(Lexer *l, double *x);

#endif
