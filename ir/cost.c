/* Work and weights of an op, as reports count them: multiply-accumulates of
 * the dense definition (padding included), and the weights' stored bytes. */
#include "ir/graph.h"

static int64_t output_count(const Op *op) {
  return type_count(op->out[0]->type);
}

int64_t op_macs(const Op *op) {
  if (op->kind != OP_conv2d && op->kind != OP_depthwise_conv2d &&
      op->kind != OP_fully_connected)
    return 0;
  const int64_t *w = op->in[1]->type->dim;
  switch ((int)op->kind) {
  case OP_conv2d: /* N OH OW O * KH KW I */
    return output_count(op) * w[1] * w[2] * w[3];
  case OP_depthwise_conv2d: /* N OH OW M * KH KW */
    return output_count(op) * w[1] * w[2];
  default: /* rows N * K */
    return output_count(op) * w[1];
  }
}

int64_t op_weight_bytes(const Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
  case OP_fully_connected:
    return type_bytes(op->in[1]->type);
  default:
    return 0;
  }
}
