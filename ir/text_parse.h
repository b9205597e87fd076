/* Private to ir/: the halves of the text parser. NULL and false: reported. */
#ifndef KILN_IR_TEXT_PARSE_H
#define KILN_IR_TEXT_PARSE_H

#include "ir/preprocess.h"
#include "ir/text_lex.h"
#include "ir/types.h"
#include "support/array.h"
#include "support/file.h"
#include "support/tensor_file.h"

/* Files that constants lie in, each read once: as bytes, or as the tensors
 * that it has. */
typedef struct FileCache {
  ARRAY(struct CachedFile {
    const char *keyword; /* "file", "npy", "npz", "safetensors" */
    const char *path;
    MappedFile map; /* of "file" */
    Npz tensors;    /* of the others */
  })
  files;
} FileCache;

const Type *parse_type(Lexer *l);
/* What follows `preprocess` of an input of type t. */
const Preprocess *parse_preprocess(Lexer *l, const Type *t);
/* What follows `=` of a constant of type t: its type_bytes(t) bytes. */
const void *parse_const_value(Lexer *l, FileCache *files, const Type *t);
/* Behind the word `file`, `npy`, `npz` or `safetensors`, which is `keyword`;
 * false without a report: it is none of them (text_file.c). */
bool is_file_keyword(const char *keyword);
const void *parse_file_const(Lexer *l, FileCache *files, const char *keyword,
                             const Type *t);

#endif
