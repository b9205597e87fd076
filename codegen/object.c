/* The ELF reader of object.h. Little-endian only: all of Kiln's targets are.
 * Relocations give the edges: every function has a section of its own, so a
 * call is always one of them. */
#include "codegen/object.h"

#include <string.h>

enum {
  SHT_PROGBITS = 1,
  SHT_SYMTAB = 2,
  SHT_RELA = 4,
  SHT_NOBITS = 8,
  SHT_REL = 9,
  SHT_INIT_ARRAY = 14,
  SHT_FINI_ARRAY = 15,
  SHT_PREINIT_ARRAY = 16,
  SHF_WRITE = 1,
  SHF_ALLOC = 2,
  SHF_EXECINSTR = 4,
  SHN_ABS = 0xfff1,
  STT_FUNC = 2
};

typedef struct Elf {
  Arena *arena;
  const uint8_t *data;
  uint64_t bytes;
  bool wide; /* 64 bits */
  uint64_t sections, entry_bytes, count, names;
} Elf;

/* A section header, both sizes alike. */
typedef struct Header {
  uint64_t name, type, flags, offset, size, link, info, entry;
} Header;

static bool inside(const Elf *e, uint64_t at, uint64_t n) {
  return at <= e->bytes && n <= e->bytes - at;
}

/* n bytes at `at`; 0 outside of the file. */
static uint64_t get(const Elf *e, uint64_t at, int n) {
  uint64_t x = 0;
  if (inside(e, at, (uint64_t)n))
    for (int i = 0; i < n; i++)
      x |= (uint64_t)e->data[at + (uint64_t)i] << (8 * i);
  return x;
}

/* Fields whose width is that of an address. */
static uint64_t get_word(const Elf *e, uint64_t at) {
  return get(e, at, e->wide ? 8 : 4);
}

/* A string of the string table `strings`; "" where there is none. */
static const char *get_name(const Elf *e, const Header *strings,
                            uint64_t index) {
  if (!inside(e, strings->offset, strings->size) || index >= strings->size)
    return "";
  const char *s = (const char *)e->data + strings->offset + index;
  return arena_strndup(e->arena, s, strnlen(s, strings->size - index));
}

static Header get_header(const Elf *e, uint64_t index) {
  if (index >= e->count)
    return (Header){0};
  uint64_t at = e->sections + index * e->entry_bytes;
  int w = e->wide ? 8 : 4;
  uint64_t p = at + 8;
  Header h = {.name = get(e, at, 4), .type = get(e, at + 4, 4)};
  h.flags = get_word(e, p);
  h.offset = get_word(e, p + 2 * (uint64_t)w);
  h.size = get_word(e, p + 3 * (uint64_t)w);
  p += 4 * (uint64_t)w;
  h.link = get(e, p, 4);
  h.info = get(e, p + 4, 4);
  h.entry = get_word(e, p + 8 + (uint64_t)w);
  return h;
}

static ObjKind section_kind(const Header *h, const char *name) {
  if (h->type == SHT_INIT_ARRAY || h->type == SHT_FINI_ARRAY ||
      h->type == SHT_PREINIT_ARRAY || str_has_prefix(name, ".ctors") ||
      str_has_prefix(name, ".dtors"))
    return OBJ_INIT;
  if (!(h->flags & SHF_ALLOC))
    return OBJ_OTHER;
  if (h->flags & SHF_WRITE)
    return OBJ_WRITABLE;
  return h->flags & SHF_EXECINSTR ? OBJ_CODE : OBJ_RODATA;
}

static void read_sections(const Elf *e, ObjectFile *out) {
  Header names = get_header(e, e->names);
  for (uint64_t i = 0; i < e->count; i++) {
    Header h = get_header(e, i);
    const char *name = get_name(e, &names, h.name);
    ObjSection s = {name, section_kind(&h, name), (int64_t)h.size};
    ARRAY_PUSH(e->arena, &out->sections, s);
  }
}

static ObjSymbol get_symbol(const Elf *e, const Header *strings, uint64_t at) {
  uint64_t info = get(e, at + (e->wide ? 4 : 12), 1);
  uint64_t section = get(e, at + (e->wide ? 6 : 14), 2);
  ObjSymbol s = {.name = get_name(e, strings, get(e, at, 4)),
                 .section = (int)section,
                 .global = info >> 4 != 0,
                 .function = (info & 15) == STT_FUNC};
  if (section == 0)
    s.section = OBJ_UNDEFINED;
  else if (section >= e->count)
    s.section = OBJ_NOWHERE;
  return s;
}

/* Symbol 0 is the empty one of the format; it stays, so that indices in
 * relocations are indices here, and is nowhere. */
static void read_symbols(const Elf *e, const Header *table, ObjectFile *out) {
  Header strings = get_header(e, table->link);
  uint64_t size = e->wide ? 24 : 16;
  if (!inside(e, table->offset, table->size))
    return;
  for (uint64_t i = 0; i < table->size / size; i++) {
    ObjSymbol s = get_symbol(e, &strings, table->offset + i * size);
    if (i == 0)
      s.section = OBJ_NOWHERE;
    ARRAY_PUSH(e->arena, &out->symbols, s);
  }
}

static void read_edges(const Elf *e, const Header *table, ObjectFile *out) {
  uint64_t word = e->wide ? 8 : 4;
  uint64_t size = table->type == SHT_RELA ? 3 * word : 2 * word;
  if (!inside(e, table->offset, table->size) || table->info >= e->count)
    return;
  for (uint64_t i = 0; i < table->size / size; i++) {
    uint64_t info = get_word(e, table->offset + i * size + word);
    uint64_t symbol = e->wide ? info >> 32 : info >> 8;
    if (symbol >= (uint64_t)out->symbols.n)
      continue;
    ObjEdge edge = {(int)table->info, out->symbols.v[symbol].section};
    if (edge.to >= 0)
      ARRAY_PUSH(e->arena, &out->edges, edge);
  }
}

static bool is_elf(const Elf *e) {
  return e->bytes >= 52 && memcmp(e->data, "\177ELF", 4) == 0 &&
         e->data[5] == 1;
}

/* Finds the section table; false when it doesn't lie in the file. */
static bool open_elf(Elf *e) {
  e->wide = e->data[4] == 2;
  e->sections = get_word(e, e->wide ? 0x28 : 0x20);
  uint64_t at = e->wide ? 0x3a : 0x2e;
  e->entry_bytes = get(e, at, 2);
  e->count = get(e, at + 2, 2);
  e->names = get(e, at + 4, 2);
  if (e->count == 0) { /* too many for the field: in section 0 */
    e->count = get_word(e, e->sections + (e->wide ? 32 : 20));
    e->names = get(e, e->sections + (e->wide ? 40 : 24), 4);
  }
  return e->entry_bytes >= (e->wide ? 64 : 40) &&
         e->count <= e->bytes / e->entry_bytes &&
         inside(e, e->sections, e->count * e->entry_bytes);
}

static bool read_elf(Elf *e, ObjectFile *out, Diag *d) {
  if (!open_elf(e))
    return diag_error(d, E0901, (Loc){0}, "object: section table is damaged");
  read_sections(e, out);
  for (uint64_t i = 0; i < e->count; i++) {
    Header h = get_header(e, i);
    if (h.type == SHT_SYMTAB)
      read_symbols(e, &h, out);
  }
  for (uint64_t i = 0; i < e->count; i++) {
    Header h = get_header(e, i);
    if (h.type == SHT_REL || h.type == SHT_RELA)
      read_edges(e, &h, out);
  }
  return true;
}

bool object_read(Arena *a, Bytes object, ObjectFile *out, Diag *d) {
  Elf e = {
      .arena = a, .data = (const uint8_t *)object.data, .bytes = object.bytes};
  *out = (ObjectFile){0};
  if (is_elf(&e))
    return read_elf(&e, out, d);
  return object_read_wasm(a, object, out, d);
}

int object_find(const ObjectFile *o, const char *symbol) {
  for (int i = 0; i < o->symbols.n; i++)
    if (strcmp(o->symbols.v[i].name, symbol) == 0)
      return o->symbols.v[i].section < 0 ? -1 : o->symbols.v[i].section;
  return -1;
}
