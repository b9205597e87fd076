/* The text form (.kiln). print -> parse -> print is the identity, byte for
 * byte. The grammar is in docs/ir.md. */
#ifndef KILN_IR_TEXT_H
#define KILN_IR_TEXT_H

#include "ir/graph.h"

/* Where constants go. Inline prints every element; elided prints
 * `= elided` (for people; does not parse back); a raw file puts the bytes
 * into `blob` (64-byte aligned each) and prints `= file "NAME"+OFFSET`;
 * large does so for constants that would fill more than a few lines. */
typedef enum TextConsts {
  TEXT_INLINE,
  TEXT_ELIDED,
  TEXT_FILE,
  TEXT_LARGE
} TextConsts;

void graph_print(Str *out, const Graph *g, TextConsts consts,
                 const char *blob_name, Str *blob);
void op_print(Str *out, const Op *op); /* one line, without the newline */
/* "%x", "@w", quoted where need be; "_" for NULL. */
void value_print(Str *out, const Value *v);
/* In quotes; backslash, quote and control characters escaped. */
void text_quote(Str *out, const char *s);

/* Parses `text` (of file `file`, for locations and relative paths). NULL:
 * all errors are in `d`. Constants given as files are mapped and stay
 * mapped for the life of the process. */
Graph *graph_parse(Arena *a, Diag *d, const char *file, const char *text,
                   size_t bytes);

#endif
