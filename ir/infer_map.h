/* Private to ir/: what infer_ functions of ops on plain types share. */
#ifndef KILN_IR_INFER_MAP_H
#define KILN_IR_INFER_MAP_H

#include "ir/infer.h"
#include "ir/map.h"

/* An op of map.def. */
bool infer_map(const Op *op, Shape *out);

/* All inputs' shapes with numpy's broadcasting: aligned at the last
 * dimension, a dimension of 1 goes with any. */
bool shape_broadcast(const Op *op, Shape *out);
bool check_plain(const Op *op); /* nothing is quantized */
/* Floats, and integers of whole bytes. */
bool check_number(const Op *op, const Value *v);
bool check_dtype(const Op *op, const Value *v, DType t);

/* check_form, but FORM_f32 also when all of them are f16, bf16 or f64. */
Form check_float_form(const Op *op, int n);

/* Adds the axes to *mask, which is 0; at least one, distinct, in range. */
bool check_axes(const Op *op, const IntList *axes, int rank, unsigned *mask);
/* The shape without the dimensions of mask; with 1 in their place where the
 * output has the input's rank. */
void infer_reduced(const Op *op, unsigned mask, Shape *out);

#endif
