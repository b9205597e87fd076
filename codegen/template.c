/* Text with holes: the header and the IR texts say a few names many times.
 * '^' means nothing else in C declarations and LLVM assembly. */
#include "codegen/emit.h"

#include <ctype.h>
#include <string.h>

void template_add(Str *out, const char *text, const char *const *args) {
  while (*text) {
    size_t n = strcspn(text, "^");
    str_add_bytes(out, text, n);
    text += n;
    if (*text == '^' && isdigit((unsigned char)text[1])) {
      str_add(out, args[text[1] - '0']);
      text += 2;
    } else if (*text) {
      str_add_bytes(out, text++, 1);
    }
  }
}
