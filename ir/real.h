/* Exponential, hyperbolic tangent and error function for compile-time tables
 * and for the interpreter, correctly rounded and therefore the same on every
 * host: only IEEE addition, multiplication, division and fma are used. Build
 * without contraction (-ffp-contract=off). */
#ifndef KILN_IR_REAL_H
#define KILN_IR_REAL_H

/* The float nearest to e^x and to tanh(x). NaN gives NaN. */
float real_expf(float x);
float real_tanhf(float x);
/* 1 - erf(x) to within 0.5001 ulp of a float. */
float real_erfcf(float x);
/* e^x to within 0.5000001 ulp of a double. */
double real_exp(double x);

#endif
