/* Why some operators are not supported. */
#include <string.h>

#include "frontend/onnx/node.h"

#define DOMAIN_onnx ""
#define DOMAIN_ml "ai.onnx.ml"
#define DOMAIN_training "ai.onnx.preview.training"

static const OnnxRefusal refusals[] = {
#define REFUSED(domain, name, ...) {DOMAIN_##domain, #name, __VA_ARGS__},
#include "frontend/onnx/refused.def"
#undef REFUSED
};

const OnnxRefusal *onnx_refusal(const char *domain, const char *name) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const OnnxRefusal *r = &refusals[i];
    if (strcmp(r->domain, domain) == 0 &&
        (!*r->name || strcmp(r->name, name) == 0))
      return r;
  }
  return NULL;
}
