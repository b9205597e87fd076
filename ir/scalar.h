/* Functions of floats and doubles as the T_MAP ops compute them. */
#ifndef KILN_IR_SCALAR_H
#define KILN_IR_SCALAR_H

float scalar_abs_f32(float x);
double scalar_abs_f64(double x);
float scalar_sqrt_f32(float x);
double scalar_sqrt_f64(double x);
float scalar_floor_f32(float x);
double scalar_floor_f64(double x);
float scalar_ceil_f32(float x);
double scalar_ceil_f64(double x);
float scalar_round_f32(float x);
double scalar_round_f64(double x);
float scalar_exp_f32(float x);
double scalar_exp_f64(double x);
float scalar_log_f32(float x);
double scalar_log_f64(double x);
float scalar_tanh_f32(float x);
double scalar_tanh_f64(double x);
float scalar_logistic_f32(float x);
double scalar_logistic_f64(double x);
float scalar_erf_f32(float x);
double scalar_erf_f64(double x);
float scalar_sin_f32(float x);
double scalar_sin_f64(double x);
float scalar_cos_f32(float x);
double scalar_cos_f64(double x);
float scalar_tan_f32(float x);
double scalar_tan_f64(double x);
float scalar_asin_f32(float x);
double scalar_asin_f64(double x);
float scalar_acos_f32(float x);
double scalar_acos_f64(double x);
float scalar_atan_f32(float x);
double scalar_atan_f64(double x);
float scalar_sinh_f32(float x);
double scalar_sinh_f64(double x);
float scalar_cosh_f32(float x);
double scalar_cosh_f64(double x);
float scalar_asinh_f32(float x);
double scalar_asinh_f64(double x);
float scalar_acosh_f32(float x);
double scalar_acosh_f64(double x);
float scalar_atanh_f32(float x);
double scalar_atanh_f64(double x);
float scalar_pow_f32(float a, float b);
double scalar_pow_f64(double a, double b);
float scalar_fmod_f32(float a, float b);
double scalar_fmod_f64(double a, double b);
float scalar_mod_f32(float a, float b);
double scalar_mod_f64(double a, double b);

#endif
