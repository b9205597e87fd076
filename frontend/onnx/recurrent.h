/* Private to frontend/onnx: the functions that RNN, GRU and LSTM apply to
 * their gates (gates.c). */
#ifndef KILN_FRONTEND_ONNX_RECURRENT_H
#define KILN_FRONTEND_ONNX_RECURRENT_H

#include "frontend/onnx/build.h"

typedef struct GateFn GateFn; /* a row of their table */

/* One of them with its parameters, on clipped values. */
typedef struct Gate {
  const GateFn *fn;
  double alpha, beta;
  double clip; /* 0: none */
} Gate;

/* Reads `count` of them: attributes activations, activation_alpha,
 * activation_beta and clip, or `defaults` over and over. */
bool gates_read(Node *n, int count, const char *const *defaults, int ndefault,
                Gate *out);
Value *gate_apply(Node *n, const Gate *g, Value *x);

#endif
