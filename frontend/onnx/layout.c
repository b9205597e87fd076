/* Operators that rearrange by fixed rules. */
#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

/* --- depth and space --------------------------------------------------- */

/* x reshaped to six dimensions, permuted, reshaped. */
static Value *shuffle(Node *n, Value *x, const int64_t *split, const int *perm,
                      Dims d) {
  Value *y = b_reshape(n, x, dims_make(6, split));
  return b_reshape(n, b_transpose(n, y, perm), d);
}

void onnx_depth_to_space(Node *n) {
  static const char *const modes[] = {"DCR", "CRD", NULL};
  static const int perms[2][6] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
  Value *x = node_in(n, 0);
  int64_t b = attr_int(n, "blocksize", 0);
  int crd = attr_choice(n, "mode", modes);
  Dims d = dims_of(x);
  if (d.rank != 4 || b < 1 || b > INT32_MAX || d.v[1] % (b * b)) {
    node_invalid(n, "blocks of %lld of %s", (long long)b, dims_text(n, d));
    return;
  }
  int64_t c = d.v[1] / (b * b);
  int64_t dcr_split[] = {d.v[0], b, b, c, d.v[2], d.v[3]};
  int64_t crd_split[] = {d.v[0], c, b, b, d.v[2], d.v[3]};
  Dims to = {4, {d.v[0], c, d.v[2] * b, d.v[3] * b}};
  node_out(n, 0, shuffle(n, x, crd ? crd_split : dcr_split, perms[crd], to));
}

void onnx_space_to_depth(Node *n) {
  static const char *const modes[] = {"DCR", "CRD", NULL};
  static const int perms[2][6] = {{0, 3, 5, 1, 2, 4}, {0, 1, 3, 5, 2, 4}};
  Value *x = node_in(n, 0);
  int64_t b = attr_int(n, "blocksize", 0);
  int crd = attr_choice(n, "mode", modes);
  Dims d = dims_of(x);
  if (d.rank != 4 || b < 1 || b > INT32_MAX || d.v[2] % b || d.v[3] % b) {
    node_invalid(n, "blocks of %lld of %s", (long long)b, dims_text(n, d));
    return;
  }
  int64_t split[] = {d.v[0], d.v[1], d.v[2] / b, b, d.v[3] / b, b};
  Dims to = {4, {d.v[0], d.v[1] * b * b, d.v[2] / b, d.v[3] / b}};
  node_out(n, 0, shuffle(n, x, split, perms[crd], to));
}

/* --- triangles and diagonals ------------------------------------------- */

/* Rows and columns of a matrix as i64 [r, 1] and [1, c]. */
static void matrix_positions(Node *n, Dims d, Value **row, Value **column) {
  *row = b_positions(n, DT_i64, d.v[d.rank - 2], 0, 2);
  *column = b_positions(n, DT_i64, d.v[d.rank - 1], 1, 2);
}

void onnx_trilu(Node *n) {
  Value *x = b_plain(n, node_in(n, 0)), *k = node_in(n, 1), *row, *column;
  bool upper = attr_bool(n, "upper", true);
  if (n->bad)
    return;
  if (x->type->rank < 2) {
    node_invalid(n, "the input is no matrix");
    return;
  }
  if (!type_count(x->type)) {
    node_out(n, 0, x);
    return;
  }
  matrix_positions(n, dims_of(x), &row, &column);
  if (k)
    row = b_binary(n, OP_add, row, b_reshape(n, k, (Dims){0}));
  Value *keep = upper ? b_binary(n, OP_less_equal, row, column)
                      : b_binary(n, OP_less_equal, column, row);
  node_out(n, 0, b_select(n, keep, x, b_scalar(n, x->type->dtype, 0)));
}

void onnx_eye_like(Node *n) {
  Value *x = node_in(n, 0), *row, *column;
  int64_t k = attr_int(n, "k", 0), type = attr_int(n, "dtype", 0);
  const OnnxDType *to = type ? onnx_dtype(type) : NULL;
  if (x->type->rank != 2 || (type && (!to || to->dtype == DT_COUNT))) {
    node_refuse(n, "a diagonal of %s, dtype %lld", dims_text(n, dims_of(x)),
                (long long)type);
    return;
  }
  matrix_positions(n, dims_of(x), &row, &column);
  Value *on =
      b_binary(n, OP_equal, b_binary_k(n, OP_add, row, (double)k), column);
  node_out(n, 0, b_cast(n, on, to ? to->dtype : x->type->dtype));
}

/* Determinants by the first row: of rows r.. and the columns of the mask. */
static Value *minor(Node *n, Value *const *e, int size, int r, unsigned cols) {
  Value *sum = NULL;
  bool minus = false;
  for (int c = 0; c < size && !n->bad; c++) {
    if (!(cols >> c & 1))
      continue;
    Value *v = e[r * size + c];
    if (r + 1 < size)
      v = b_binary(n, OP_mul, v, minor(n, e, size, r + 1, cols & ~(1u << c)));
    sum = !sum ? v : b_binary(n, minus ? OP_sub : OP_add, sum, v);
    minus = !minus;
  }
  return sum;
}

void onnx_det(Node *n) {
  enum { MOST = 4 };
  Value *x = b_plain(n, node_in(n, 0)), *e[MOST * MOST];
  Dims d = dims_of(x);
  if (d.rank < 2 || d.v[d.rank - 1] != d.v[d.rank - 2]) {
    node_invalid(n, "%s is not square", dims_text(n, d));
    return;
  }
  int size = d.v[d.rank - 1] > MOST ? 0 : (int)d.v[d.rank - 1];
  unsigned last = 3u << (d.rank - 2);
  if (!size)
    node_refuse(n, "determinants of more than %d rows are not supported", MOST);
  for (int i = 0; i < size * size && !n->bad; i++) {
    Value *row = b_slice1(n, x, d.rank - 2, i / size, 1);
    e[i] = b_squeeze(n, b_slice1(n, row, d.rank - 1, i % size, 1), last);
  }
  node_out(n, 0, n->bad ? NULL : minor(n, e, size, 0, (1u << size) - 1));
}

/* --- sequences --------------------------------------------------------- */

/* y[b, t] = x[b, t < len[b] ? len[b] - 1 - t : t] */
void onnx_reverse_sequence(Node *n) {
  Value *x = node_in(n, 0), *len = node_in(n, 1);
  int64_t batch = attr_int(n, "batch_axis", 1);
  int64_t time = attr_int(n, "time_axis", 0);
  Dims d = dims_of(x);
  if (d.rank < 2 || batch + time != 1 || (batch != 0 && batch != 1)) {
    node_invalid(n, "batch axis %lld and time axis %lld of %s",
                 (long long)batch, (long long)time, dims_text(n, d));
    return;
  }
  Dims column = {2, {d.v[batch], 1}}, index = {3, {d.v[batch], d.v[time], 1}};
  Value *t = b_positions(n, DT_i64, d.v[time], 1, 2);
  len = b_reshape(n, b_cast(n, len, DT_i64), column);
  Value *back = b_binary(n, OP_sub, b_binary_k(n, OP_sub, len, 1), t);
  Value *from = b_select(n, b_binary(n, OP_less, t, len), back, t);
  Value *y = b_gather_nd(n, batch ? b_swap(n, x, 0, 1) : x, 1,
                         b_reshape(n, from, index));
  node_out(n, 0, batch ? b_swap(n, y, 0, 1) : y);
}

/* --- borders ----------------------------------------------------------- */

void onnx_center_crop_pad(Node *n) {
  Value *x = node_in(n, 0);
  Ints axes = attr_ints(n, "axes"),
       want = const_ints(n, node_in(n, 1), "shape");
  int64_t begin[MAX_RANK] = {0}, before[MAX_RANK] = {0};
  int64_t after[MAX_RANK] = {0};
  Dims d = dims_of(x);
  if (n->bad)
    return;
  if (want.n != (axes.v ? axes.n : d.rank)) {
    node_invalid(n, "shape has %d numbers", want.n);
    return;
  }
  for (int i = 0; i < want.n && !n->bad; i++) {
    int at = axes.v ? axis_of(n, axes.v[i], d.rank) : i;
    int64_t more = want.v[i] - d.v[at];
    if (want.v[i] < 0 || want.v[i] > INT32_MAX)
      node_invalid(n, "shape has %lld", (long long)want.v[i]);
    else if (more < 0) {
      begin[at] = -more / 2;
      d.v[at] = want.v[i];
    } else {
      before[at] = more / 2;
      after[at] = more - more / 2;
    }
  }
  node_out(n, 0, b_pad(n, b_slice(n, x, begin, d, NULL), before, after, 0));
}

/* --- Col2Im ------------------------------------------------------------ */

/* image_shape and block_shape in place of an input and a kernel. */
static bool col_window(Node *n, Spatial *s, int64_t *places) {
  Ints image = const_ints(n, node_in(n, 1), "image_shape");
  Ints block = const_ints(n, node_in(n, 2), "block_shape");
  *s = (Spatial){.n = image.n};
  if (n->bad || image.n < 1 || image.n > MAX_SPATIAL || block.n != image.n)
    return !n->bad && node_invalid(n,
                                   "an image of rank %d by blocks of rank "
                                   "%d",
                                   image.n, block.n);
  if (!spatial_ints(n, "strides", s->n, 1, 1, s->stride) ||
      !spatial_ints(n, "dilations", s->n, 1, 1, s->dilation) ||
      !spatial_pads(n, s))
    return false;
  *places = 1;
  for (int i = 0; i < s->n; i++) {
    s->in[i] = image.v[i];
    s->kernel[i] = block.v[i];
    int64_t padded = s->in[i] + s->before[i] + s->declared[i];
    if (s->in[i] < 1 || s->in[i] > INT32_MAX || s->kernel[i] < 1 ||
        spatial_reach(s, i) >= padded)
      return node_invalid(n, "blocks of %lld of an image of %lld",
                          (long long)s->kernel[i], (long long)s->in[i]);
    s->out[i] = (padded - spatial_reach(s, i) - 1) / s->stride[i] + 1;
    *places = mul_saturating(*places, s->out[i] * s->kernel[i]);
  }
  return *places <= 1 << 24 ||
         node_refuse(n, "%lld places in blocks", (long long)*places);
}

/* Where each element of every block goes in the padded image, row-major over
 * [block, place]. */
static Value *col_targets(Node *n, const Spatial *s, int64_t places) {
  int64_t *to = b_table(n, places);
  for (int64_t i = 0; to && i < places; i++) {
    int64_t rest = i, o[MAX_SPATIAL], at = 0;
    for (int d = s->n - 1; d >= 0; rest /= s->out[d--])
      o[d] = rest % s->out[d] * s->stride[d];
    for (int d = s->n - 1; d >= 0; rest /= s->kernel[d--])
      o[d] += rest % s->kernel[d] * s->dilation[d];
    for (int d = 0; d < s->n; d++)
      at = at * (s->in[d] + s->before[d] + s->declared[d]) + o[d];
    to[i] = at;
  }
  return b_const(n, b_type(n, DT_i64, (Dims){2, {places, 1}}), to);
}

/* x [N, C * block, places]: added up where they came from, padding cut. */
void onnx_col2im(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  Spatial s;
  int64_t places = 0;
  if (!col_window(n, &s, &places))
    return;
  int64_t block = 1, begin[MAX_RANK] = {0};
  for (int i = 0; i < s.n; i++)
    block *= s.kernel[i];
  Dims from = dims_of(x);
  if (from.rank != 3 || from.v[1] % block ||
      from.v[1] / block * places != from.v[1] * from.v[2]) {
    node_invalid(n, "%s does not hold such blocks", dims_text(n, from));
    return;
  }
  int64_t lines = from.v[0] * (from.v[1] / block);
  Dims image = {2, {1, lines}}, flat = {2, {lines, places}};
  Dims padded = {s.n + 2, {from.v[0], from.v[1] / block}}, out = padded;
  for (int i = 0; i < s.n; i++) {
    padded.v[i + 2] = s.in[i] + s.before[i] + s.declared[i];
    image.v[0] = mul_saturating(image.v[0], padded.v[i + 2]);
    out.v[i + 2] = s.in[i];
    begin[i + 2] = s.before[i];
  }
  Value *updates = b_swap(n, b_reshape(n, x, flat), 0, 1);
  Value *y = b_scatter_nd(n, REDUCTION_add, b_fill(n, x->type->dtype, image, 0),
                          col_targets(n, &s, places), updates);
  y = b_reshape(n, b_swap(n, y, 0, 1), padded);
  node_out(n, 0, b_slice(n, y, begin, out, NULL));
}
