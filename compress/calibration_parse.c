/* Reading calibrations; the format is in calibration.h. After an error the
 * reader goes on with the next line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/calibration.h"
#include "ir/text_lex.h"
#include "support/file.h"

enum { MAX_ERRORS = 20, HASH_DIGITS = 16, PART_DIGITS = 15 };

/* The tensor whose lines are being read. */
typedef struct Open {
  TensorStats stats;
  bool on, low, high; /* is there one; have its lists been read? */
  Loc loc;            /* its line */
  ARRAY(ChannelStats) channels;
} Open;

typedef struct Parser {
  Lexer l;
  Calibration *c;
  bool has_model, has_samples;
  Open open;
  ARRAY(TensorStats) ranges; /* name and range alone */
} Parser;

/* ---- pieces ---- */

static bool parse_hash(Lexer *l, uint64_t *out) {
  lex_blanks(l);
  const char *at = l->p, *word = lex_word(l);
  char *end;
  *out = strtoull(word, &end, 16);
  return (strlen(word) == HASH_DIGITS && !*end) ||
         lex_error(l, at, "expected a hash of 16 hexadecimal digits");
}

/* Hexadecimal digits up to the end of the word or to a point; how many. */
static int scan_hex(const char **s, uint64_t *x) {
  static const char digits[] = "0123456789abcdef";
  int n = 0;
  *x = 0;
  for (const char *d; **s && (d = strchr(digits, **s)); ++*s, n++)
    *x = *x << 4 | (uint64_t)(d - digits);
  return n;
}

/* A hexadecimal fixed-point number. */
static bool parse_sum(Lexer *l, FixedSum *out) {
  lex_blanks(l);
  const char *at = l->p, *s = lex_word(l);
  bool negative = *s == '-';
  uint64_t whole, part = 0;
  int point = 0;
  s += negative;
  int digits = scan_hex(&s, &whole);
  if (*s == '.') {
    s++;
    point = scan_hex(&s, &part);
  }
  if (*s || !digits || digits > 16 || whole >> 63 || point > PART_DIGITS)
    return lex_error(l, at, "expected a sum in hexadecimal");
  part <<= 4 * (PART_DIGITS - point);
  *out = (FixedSum){(int64_t)whole, part};
  if (negative)
    *out = (FixedSum){-(int64_t)whole - (part > 0),
                      part ? ((uint64_t)1 << 60) - part : 0};
  return true;
}

/* FIRST[..LAST[/STEP]], behind the numbers that there are. */
static bool parse_run(Parser *p) {
  Lexer *l = &p->l;
  Calibration *c = p->c;
  int64_t first, last, step = 1;
  const char *at = l->p;
  if (!lex_int(l, 0, c->samples - 1, &first))
    return false;
  last = first;
  if (lex_accept(l, "..") &&
      (!lex_int(l, first, c->samples - 1, &last) ||
       (lex_accept(l, "/") && !lex_int(l, 1, c->samples, &step))))
    return false;
  if (c->observed && first <= c->index[c->observed - 1])
    return lex_error(l, at, "the samples do not rise");
  for (int64_t i = first; i <= last; i += step)
    c->index[c->observed++] = i;
  return true;
}

/* The number behind `of`, which stands behind the runs. */
static bool find_total(Parser *p, int64_t *out) {
  Lexer ahead = p->l;
  while (!lex_at_eol(&ahead) && !lex_accept(&ahead, "of"))
    ahead.p++;
  bool ok = lex_int(&ahead, 1, STAT_MAX_SAMPLES, out);
  p->l.errors = ahead.errors;
  return ok;
}

/* ---- statements about the whole ---- */

static bool parse_model(Parser *p) {
  if (p->has_model)
    return lex_error(&p->l, p->l.p, "there is one model already");
  p->has_model = true;
  return lex_string(&p->l, &p->c->model) && parse_hash(&p->l, &p->c->hash);
}

static bool parse_preprocess(Parser *p) {
  Prepared x;
  if (!lex_string(&p->l, &x.input))
    return false;
  lex_blanks(&p->l);
  const char *at = p->l.p;
  for (int i = 0; i < p->c->prepared.n; i++)
    if (strcmp(p->c->prepared.v[i].input, x.input) == 0)
      return lex_error(&p->l, at, "input '%s' is there already", x.input);
  if (!lex_string(&p->l, &x.steps))
    return false;
  ARRAY_PUSH(p->l.arena, &p->c->prepared, x);
  return true;
}

static bool parse_samples(Parser *p) {
  Lexer *l = &p->l;
  Calibration *c = p->c;
  int64_t total;
  if (p->has_samples)
    return lex_error(l, l->p, "there are samples already");
  if (!find_total(p, &c->samples))
    return false;
  p->has_samples = true;
  c->index = ARENA_ARRAY(l->arena, int64_t, c->samples);
  while (!lex_accept(l, "of"))
    if (!parse_run(p))
      return false;
  return lex_int(l, 1, STAT_MAX_SAMPLES, &total);
}

static bool parse_range(Parser *p) {
  Lexer *l = &p->l;
  TensorStats t = {.fixed = true, .line = l->line};
  lex_blanks(l);
  const char *at = l->p;
  if (!lex_string(l, &t.name) || !lex_expect(l, "=") || !lex_expect(l, "[") ||
      !lex_float(l, &t.range.lo) || !lex_expect(l, ",") ||
      !lex_float(l, &t.range.hi) || !lex_expect(l, "]"))
    return false;
  if (!isfinite(t.range.lo) || !isfinite(t.range.hi) || t.range.lo > t.range.hi)
    return lex_error(l, at, "[%g, %g] is no range", (double)t.range.lo,
                     (double)t.range.hi);
  for (int i = 0; i < p->ranges.n; i++)
    if (strcmp(p->ranges.v[i].name, t.name) == 0)
      return lex_error(l, at, "line %d gives it a range already",
                       p->ranges.v[i].line);
  ARRAY_PUSH(l->arena, &p->ranges, t);
  return true;
}

/* ---- a tensor ---- */

static int64_t bin_sum(const TensorStats *t) {
  int64_t sum = t->nonfinite;
  for (int i = 0; i < STAT_BINS; i++)
    if (__builtin_add_overflow(sum, stats_bin_count(t, i), &sum))
      return -1;
  return sum;
}

/* What its lines make of it. */
static void close_tensor(Parser *p) {
  Open *o = &p->open;
  TensorStats *t = &o->stats;
  if (!o->on)
    return;
  o->on = false;
  t->channel = o->channels.v;
  t->channels = o->channels.n;
  const char *what = NULL;
  if (!o->low || !o->high || !t->channels)
    what = "it lacks low, high or channels";
  else if (bin_sum(t) != t->samples * t->elements)
    what = "its counts are not those of its samples";
  if (what) {
    p->l.errors++;
    diag_error(p->l.diag, E0702, o->loc, "tensor '%s': %s", t->name, what);
    return;
  }
  ARRAY_PUSH(p->l.arena, &p->c->tensors, *t);
}

static bool parse_tensor(Parser *p) {
  Lexer *l = &p->l;
  lex_blanks(l);
  const char *at = l->p;
  TensorStats t = {.line = l->line, .samples = p->c->observed};
  close_tensor(p);
  if (!p->has_samples)
    return lex_error(l, at, "samples have to come before tensors");
  if (!lex_string(l, &t.name) || !lex_int(l, 1, (int64_t)1 << 40, &t.elements))
    return false;
  if (calibration_find(p->c, t.name))
    return lex_error(l, at, "tensor '%s' is there already", t.name);
  stats_alloc(l->arena, &t);
  p->open = (Open){.stats = t, .on = true, .loc = lex_loc(l, at)};
  return true;
}

static bool parse_list(Parser *p, bool high, bool *done) {
  Lexer *l = &p->l;
  TensorStats *t = &p->open.stats;
  *done = true;
  if (!lex_expect(l, "["))
    return false;
  for (int64_t s = 0; s < t->samples; s++) {
    lex_space(l);
    float *x = high ? &t->sample[s].hi : &t->sample[s].lo;
    if (!lex_float(l, x))
      return false;
    if (!isfinite(*x))
      return lex_error(l, l->p, "expected a finite number");
  }
  lex_space(l);
  return lex_accept(l, "]") ||
         lex_error(l, l->p, "expected ']' behind %lld samples",
                   (long long)t->samples);
}

static bool parse_low(Parser *p) { return parse_list(p, false, &p->open.low); }

static bool parse_high(Parser *p) { return parse_list(p, true, &p->open.high); }

static bool parse_zero(Parser *p) {
  return lex_int(&p->l, 0, INT64_MAX, stats_octave(&p->open.stats, 0));
}

static bool parse_nonfinite(Parser *p) {
  return lex_int(&p->l, 0, INT64_MAX, &p->open.stats.nonfinite);
}

static bool parse_bins(Parser *p) {
  Lexer *l = &p->l;
  int64_t e, next = 0;
  bool negative = lex_accept(l, "-");
  if ((!negative && !lex_expect(l, "+")) || !lex_expect(l, "2^") ||
      !lex_int(l, STAT_EXP_MIN, STAT_EXP_MAX, &e))
    return false;
  int64_t *bins = stats_octave(&p->open.stats, stats_octave_of(negative, e));
  while (!lex_at_eol(l)) {
    if (lex_accept(l, "@")) {
      if (!lex_int(l, 0, STAT_OCTAVE - 1, &next))
        return false;
      continue;
    }
    if (next == STAT_OCTAVE)
      return lex_error(l, l->p, "an octave has 128 bins");
    if (!lex_int(l, 0, INT64_MAX, &bins[next++]))
      return false;
  }
  return true;
}

static bool parse_channel(Parser *p) {
  Lexer *l = &p->l;
  ChannelStats c;
  if (!lex_float(l, &c.range.lo) || !lex_float(l, &c.range.hi) ||
      !parse_sum(l, &c.sum) || !parse_sum(l, &c.squares))
    return false;
  ARRAY_PUSH(l->arena, &p->open.channels, c);
  return true;
}

/* ---- the file ---- */

static const struct {
  const char *keyword;
  bool (*parse)(Parser *p);
  bool of_tensor;
} statements[] = {
    {"model", parse_model, false},
    {"preprocess", parse_preprocess, false},
    {"samples", parse_samples, false},
    {"range", parse_range, false},
    {"tensor", parse_tensor, false},
    {"low", parse_low, true},
    {"high", parse_high, true},
    {"zero", parse_zero, true},
    {"nonfinite", parse_nonfinite, true},
    {"bins", parse_bins, true},
    {"channel", parse_channel, true},
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

static bool parse_statement(Parser *p) {
  Lexer *l = &p->l;
  const char *at = l->p, *keyword = lex_word(l);
  for (int i = 0; i < STATEMENTS; i++) {
    if (strcmp(statements[i].keyword, keyword) != 0)
      continue;
    if (statements[i].of_tensor && !p->open.on)
      return lex_error(l, at, "'%s' belongs behind a tensor", keyword);
    return statements[i].parse(p) &&
           (lex_at_eol(l) || lex_error(l, l->p, "expected the line's end"));
  }
  return lex_error(l, at, "expected a statement, such as range or tensor");
}

static bool parse_head(Parser *p) {
  Lexer *l = &p->l;
  int64_t version;
  lex_space(l);
  const char *at = l->p;
  if (strcmp(lex_word(l), "kiln-calibration") != 0)
    return lex_error(l, at, "this is no calibration of Kiln's");
  return lex_int(l, 1, 1, &version);
}

/* Ranges go to their tensors, or are all that is known of one. */
static void place_ranges(Parser *p) {
  int known = p->c->tensors.n;
  for (int i = 0; i < p->ranges.n; i++) {
    const TensorStats *r = &p->ranges.v[i];
    int at = 0;
    while (at < known && strcmp(p->c->tensors.v[at].name, r->name) != 0)
      at++;
    if (at == known) {
      ARRAY_PUSH(p->l.arena, &p->c->tensors, *r);
      continue;
    }
    p->c->tensors.v[at].fixed = true;
    p->c->tensors.v[at].range = r->range;
  }
}

static bool check_whole(Parser *p) {
  if (!p->l.errors && (!p->has_model || !p->has_samples))
    return diag_error(p->l.diag, E0702, (Loc){.file = p->l.file},
                      "it lacks a line '%s'",
                      p->has_model ? "samples" : "model");
  return p->l.errors == 0;
}

bool calibration_parse(Arena *a, Diag *d, const char *file, const char *text,
                       size_t bytes, Calibration *out) {
  Parser p = {.l = {.arena = a,
                    .diag = d,
                    .code = E0702,
                    .file = file,
                    .p = text,
                    .end = text + bytes,
                    .line_start = text,
                    .line = 1},
              .c = out};
  *out = (Calibration){.file = file};
  if (!parse_head(&p))
    return false;
  for (lex_space(&p.l); p.l.p < p.l.end && p.l.errors < MAX_ERRORS;
       lex_space(&p.l))
    if (!parse_statement(&p))
      lex_recover(&p.l);
  close_tensor(&p);
  place_ranges(&p);
  return check_whole(&p);
}

bool calibration_read(Arena *a, Diag *d, const char *path, Calibration *out) {
  MappedFile file;
  if (!file_map(path, &file, d))
    return false;
  bool ok =
      calibration_parse(a, d, path, (const char *)file.data, file.bytes, out);
  file_unmap(&file);
  return ok;
}
