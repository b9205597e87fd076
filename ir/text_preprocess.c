/* Reading `{ scale=0.5, mean=[1.0,2.0], layout=nchw }` behind an input of the
 * text form. The values are preprocess.c's. */
#include <string.h>

#include "ir/text_parse.h"

/* Up to where a value of the current line goes that begins at l->p. */
static const char *value_end(const Lexer *l, const char *stops) {
  const char *p = l->p;
  while (p < l->end && *p != '\n' && !strchr(stops, *p))
    p++;
  return p;
}

static bool parse_setting(Lexer *l, Preprocess *out) {
  lex_blanks(l);
  const char *at = l->p, *name = lex_word(l);
  if (!lex_expect(l, "="))
    return false;
  bool is_list = lex_accept(l, "[");
  lex_blanks(l);
  const char *value = l->p;
  l->p = value_end(l, is_list ? "]" : ",} \t\r#");
  const char *why = preprocess_set(l->arena, out, name, strlen(name), value,
                                   (size_t)(l->p - value));
  if (why)
    return lex_error(l, at, "%s", why);
  return !is_list || lex_expect(l, "]");
}

const Preprocess *parse_preprocess(Lexer *l, const Type *t) {
  Preprocess p = preprocess_none;
  lex_blanks(l);
  const char *at = l->p;
  if (!lex_expect(l, "{"))
    return NULL;
  while (!lex_accept(l, "}"))
    if (!parse_setting(l, &p) ||
        (!lex_accept(l, ",") && lex_peek(l) != '}' && !lex_expect(l, "}")))
      return NULL;
  const char *why = preprocess_misfit(l->arena, &p, t);
  if (why)
    lex_error(l, at, "%s", why);
  return why ? NULL : preprocess_copy(l->arena, &p);
}
