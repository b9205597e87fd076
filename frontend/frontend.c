#include "frontend/frontend.h"

#include "support/file.h"

static const Importer *const importers[] = {&importer_tflite, &importer_text,
                                            &importer_onnx};

enum { IMPORTER_COUNT = sizeof importers / sizeof *importers };

static const Importer *find(const MappedFile *f) {
  for (int i = 0; i < IMPORTER_COUNT; i++)
    if (importers[i]->match(f->data, f->bytes))
      return importers[i];
  return NULL;
}

static Graph *refuse(Arena *a, Diag *d, const char *path) {
  Str all = str_new(a);
  const char *known = NULL;
  for (int i = 0; i < IMPORTER_COUNT; i++) {
    const Importer *p = importers[i];
    str_printf(&all, "%s%s", i ? ", " : "", p->extension);
    known = str_has_suffix(path, p->extension) ? p->format : known;
  }
  if (known)
    diag_error(d, E0101, (Loc){.file = path},
               "the file is empty, cut off or not of format %s", known);
  else
    diag_error(d, E0101, (Loc){.file = path}, "the format is not recognized");
  diag_hint(d, "models are files of format %s", str_cstr(&all));
  return NULL;
}

/* Only some formats leave anything open. */
static bool check_options(Diag *d, const char *path, const Importer *importer,
                          const ImportOptions *opt) {
  if (importer->binds || !opt || (!opt->ndim && !opt->nbind))
    return true;
  return diag_error(d, E0001, (Loc){.file = path},
                    "a model of format %s has no %s to bind", importer->format,
                    opt->ndim ? "dimensions" : "inputs");
}

Graph *model_load(Arena *a, Diag *d, const char *path,
                  const ImportOptions *opt) {
  MappedFile f;
  if (!file_map(path, &f, d))
    return NULL;
  const Importer *importer = find(&f);
  Graph *g = NULL;
  if (!importer)
    refuse(a, d, path);
  else if (check_options(d, path, importer, opt))
    g = importer->import(a, d, path, f.data, f.bytes, opt);
  if (!g)
    file_unmap(&f);
  return g;
}
