/* The wasm reader of object.h, after the WebAssembly binary format and the
 * tool conventions' Linking.md: function bodies and data segments are the
 * sections, the "linking" section has symbols and segment names, and
 * "reloc.CODE" the edges. A cursor that runs out of its bytes goes bad and
 * then reads zeros. */
#include "codegen/object.h"

#include <string.h>

enum {
  SEC_CUSTOM = 0,
  SEC_IMPORT = 2,
  SEC_CODE = 10,
  SEC_DATA = 11,
  KIND_FUNCTION = 0,
  KIND_TABLE = 1,
  KIND_MEMORY = 2,
  KIND_GLOBAL = 3,
  KIND_TAG = 4,
  SYM_FUNCTION = 0,
  SYM_DATA = 1,
  SYM_SECTION = 3,
  SYM_LOCAL = 2,
  SYM_UNDEFINED = 0x10,
  SYM_EXPLICIT_NAME = 0x40,
  LINK_SEGMENT_INFO = 5,
  LINK_INIT_FUNCS = 6,
  LINK_SYMBOLS = 8,
  RELOC_FUNCTION_INDEX = 0
};

typedef struct Cursor {
  const uint8_t *p, *end;
  bool bad;
} Cursor;

typedef struct Wasm {
  Arena *arena;
  ObjectFile *out;
  const uint8_t *code;       /* payload of the code section */
  ARRAY(const char *) names; /* of imported functions */
  ARRAY(const char *) globals;
  ARRAY(uint64_t) ends; /* of function bodies, from `code` */
  int segments;         /* section number of data segment 0 */
} Wasm;

static uint64_t leb(Cursor *c) {
  uint64_t x = 0;
  for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
    uint8_t b = *c->p++;
    x |= (uint64_t)(b & 0x7f) << shift;
    if (!(b & 0x80))
      return x;
  }
  c->bad = true;
  return 0;
}

static uint8_t byte(Cursor *c) {
  if (c->p < c->end)
    return *c->p++;
  c->bad = true;
  return 0;
}

/* The next n bytes as a cursor of their own. */
static Cursor take(Cursor *c, uint64_t n) {
  if (n > (uint64_t)(c->end - c->p)) {
    c->bad = true;
    n = 0;
  }
  Cursor part = {c->p, c->p + n, c->bad};
  c->p += n;
  return part;
}

static const char *name(Wasm *w, Cursor *c) {
  Cursor s = take(c, leb(c));
  return arena_strndup(w->arena, (const char *)s.p, (size_t)(s.end - s.p));
}

static void skip_limits(Cursor *c) {
  bool has_max = byte(c) & 1;
  leb(c);
  if (has_max)
    leb(c);
}

static void add_symbol(Wasm *w, const char *sym, int section, bool global,
                       bool function) {
  ObjSymbol s = {sym, section, global, function};
  ARRAY_PUSH(w->arena, &w->out->symbols, s);
}

static void read_import(Wasm *w, Cursor *c) {
  name(w, c);
  const char *field = name(w, c);
  switch (byte(c)) {
  case KIND_FUNCTION:
    leb(c);
    ARRAY_PUSH(w->arena, &w->names, field);
    return;
  case KIND_TABLE:
    byte(c);
    skip_limits(c);
    return;
  case KIND_MEMORY: /* has no entry in the symbol table */
    skip_limits(c);
    add_symbol(w, field, OBJ_UNDEFINED, true, false);
    return;
  case KIND_GLOBAL:
    byte(c);
    byte(c);
    ARRAY_PUSH(w->arena, &w->globals, field);
    return;
  case KIND_TAG:
    byte(c);
    leb(c);
    return;
  default:
    c->bad = true;
  }
}

static void add_section(Wasm *w, ObjKind kind, const char *label,
                        int64_t bytes) {
  ObjSection s = {label, kind, bytes};
  ARRAY_PUSH(w->arena, &w->out->sections, s);
}

static void read_code(Wasm *w, Cursor *c) {
  w->code = c->p;
  for (uint64_t n = leb(c); n && !c->bad; n--) {
    const uint8_t *start = c->p;
    take(c, leb(c));
    add_section(w, OBJ_CODE, "", c->p - start);
    ARRAY_PUSH(w->arena, &w->ends, (uint64_t)(c->p - w->code));
  }
}

/* An active segment lies where a constant expression says: i32.const n. */
static void skip_offset(Cursor *c) {
  byte(c);
  leb(c);
  if (byte(c) != 0x0b)
    c->bad = true;
}

static void read_data(Wasm *w, Cursor *c) {
  w->segments = w->out->sections.n;
  for (uint64_t n = leb(c); n && !c->bad; n--) {
    uint64_t flags = leb(c);
    if (flags == 2)
      leb(c);
    if (flags != 1)
      skip_offset(c);
    Cursor bytes = take(c, leb(c));
    add_section(w, OBJ_WRITABLE, "", bytes.end - bytes.p);
  }
}

/* Memory has no protection in wasm: what a segment is, its name says. */
static void read_segment_info(Wasm *w, Cursor *c) {
  uint64_t n = leb(c);
  for (uint64_t i = 0; i < n && !c->bad; i++) {
    const char *label = name(w, c);
    leb(c);
    leb(c);
    if (i >= (uint64_t)(w->out->sections.n - w->segments))
      continue;
    ObjSection *s = &w->out->sections.v[w->segments + (int)i];
    s->name = label;
    s->kind = str_has_prefix(label, ".rodata") ? OBJ_RODATA : OBJ_WRITABLE;
  }
}

/* Function or global (or table, tag) of the index space that imports start.*/
static void read_indexed_symbol(Wasm *w, Cursor *c, int kind, uint64_t flags) {
  uint64_t index = leb(c);
  bool function = kind == SYM_FUNCTION;
  bool undefined = flags & SYM_UNDEFINED;
  const char *const *imports = function ? w->names.v : w->globals.v;
  int n = function ? w->names.n : w->globals.n;
  const char *label = "";
  if (!undefined || flags & SYM_EXPLICIT_NAME)
    label = name(w, c);
  else if (index < (uint64_t)n)
    label = imports[index];
  int section = undefined ? OBJ_UNDEFINED : OBJ_NOWHERE;
  uint64_t body = index - (uint64_t)w->names.n;
  if (!undefined && function && body < (uint64_t)w->ends.n) {
    section = (int)body;
    w->out->sections.v[section].name = label;
  }
  add_symbol(w, label, section, !(flags & SYM_LOCAL), function);
}

static void read_data_symbol(Wasm *w, Cursor *c, uint64_t flags) {
  const char *label = name(w, c);
  int section = OBJ_UNDEFINED;
  if (!(flags & SYM_UNDEFINED)) {
    uint64_t segment = leb(c);
    leb(c);
    leb(c);
    int count = w->out->sections.n - w->segments;
    section =
        segment < (uint64_t)count ? w->segments + (int)segment : OBJ_NOWHERE;
  }
  add_symbol(w, label, section, !(flags & SYM_LOCAL), false);
}

static void read_link_symbols(Wasm *w, Cursor *c) {
  for (uint64_t n = leb(c); n && !c->bad; n--) {
    int kind = byte(c);
    uint64_t flags = leb(c);
    if (kind == SYM_DATA) {
      read_data_symbol(w, c, flags);
    } else if (kind == SYM_SECTION) {
      leb(c);
      add_symbol(w, "", OBJ_NOWHERE, false, false);
    } else {
      read_indexed_symbol(w, c, kind, flags);
    }
  }
}

static void read_linking(Wasm *w, Cursor *c) {
  leb(c);
  while (c->p < c->end && !c->bad) {
    int type = byte(c);
    Cursor part = take(c, leb(c));
    if (type == LINK_SEGMENT_INFO)
      read_segment_info(w, &part);
    else if (type == LINK_SYMBOLS)
      read_link_symbols(w, &part);
    else if (type == LINK_INIT_FUNCS && leb(&part))
      add_section(w, OBJ_INIT, "init functions", 0);
    c->bad |= part.bad;
  }
}

static int body_at(const Wasm *w, uint64_t offset) {
  for (int i = 0; i < w->ends.n; i++)
    if (offset < w->ends.v[i])
      return i;
  return -1;
}

/* Only calls: they come without an addend. Entries of other kinds that carry
 * one are told by their number (memory and offset relocations). */
static void read_code_relocs(Wasm *w, Cursor *c, int first_symbol) {
  static const uint32_t with_addend = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8 |
                                      1u << 9 | 1u << 11 | 1u << 14 | 1u << 15 |
                                      1u << 16 | 1u << 17 | 1u << 21 |
                                      1u << 22 | 1u << 23 | 1u << 25;
  leb(c);
  for (uint64_t n = leb(c); n && !c->bad; n--) {
    uint64_t type = byte(c), offset = leb(c), index = leb(c);
    if (type < 32 && with_addend >> type & 1)
      leb(c);
    uint64_t symbol = index + (uint64_t)first_symbol;
    if (type != RELOC_FUNCTION_INDEX || symbol >= (uint64_t)w->out->symbols.n)
      continue;
    ObjEdge edge = {body_at(w, offset), w->out->symbols.v[symbol].section};
    if (edge.from >= 0 && edge.to >= 0)
      ARRAY_PUSH(w->arena, &w->out->edges, edge);
  }
}

static void read_section(Wasm *w, int id, Cursor *c) {
  if (id == SEC_IMPORT)
    for (uint64_t n = leb(c); n && !c->bad; n--)
      read_import(w, c);
  else if (id == SEC_CODE)
    read_code(w, c);
  else if (id == SEC_DATA)
    read_data(w, c);
}

bool object_read_wasm(Arena *a, Bytes object, ObjectFile *out, Diag *d) {
  const uint8_t *p = (const uint8_t *)object.data;
  Cursor c = {p, p + object.bytes, false};
  Wasm w = {.arena = a, .out = out};
  Cursor magic = take(&c, 8);
  if (magic.bad || memcmp(magic.p, "\0asm\1\0\0", 8) != 0)
    return diag_error(d, E0901, (Loc){0}, "object: neither ELF nor wasm");
  int first_symbol = 0;
  while (c.p < c.end && !c.bad) {
    int id = byte(&c);
    Cursor part = take(&c, leb(&c));
    const char *label = id == SEC_CUSTOM ? name(&w, &part) : "";
    if (strcmp(label, "linking") == 0) {
      first_symbol = out->symbols.n;
      read_linking(&w, &part);
    } else if (strcmp(label, "reloc.CODE") == 0) {
      read_code_relocs(&w, &part, first_symbol);
    } else {
      read_section(&w, id, &part);
    }
    c.bad |= part.bad;
  }
  return !c.bad || diag_error(d, E0901, (Loc){0}, "object: damaged wasm");
}
