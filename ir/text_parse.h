/* Private to ir/: the halves of the text parser. NULL and false: reported. */
#ifndef KILN_IR_TEXT_PARSE_H
#define KILN_IR_TEXT_PARSE_H

#include "ir/text_lex.h"
#include "ir/types.h"
#include "support/array.h"
#include "support/file.h"

/* Files that constants lie in, each mapped once. */
typedef struct FileCache {
  ARRAY(struct CachedFile {
    const char *path;
    MappedFile map;
  })
  files;
} FileCache;

const Type *parse_type(Lexer *l);
/* What follows `=` of a constant of type t: its type_bytes(t) bytes. */
const void *parse_const_value(Lexer *l, FileCache *files, const Type *t);
/* Behind the word `file`: "path"+offset. */
const void *parse_file_const(Lexer *l, FileCache *files, const Type *t);

#endif
