/* The constants of scalar_constants.h. Polynomials interpolate at the
 * Chebyshev nodes of their interval, weighted by nothing; their errors are
 * below 2^-26 of the function (float) and 2^-53 (double). */
#include "ir/scalar_constants.h"

/* clang-format off */

static const uint32_t two_over_pi[40] = {
  0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041,
  0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c,
  0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
  0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f,
  0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d,
  0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08,
  0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d,
};

const ScalarConstants scalar_f32 = {
  .width = 32,
  .mantissa = 23,
  .bias = 127,
  .shifter = 0x1.8p23,
  .exp_lo = -104,
  .exp_hi = 89,
  .two_lo = -151,
  .two_hi = 129,
  .ln2 = {0x1.62e4p-1, 0x1.7f7d1cp-20},
  .inv_ln2 = {0x1.715476p+0, 0x1.4ae0cp-26},
  .log_2 = 0x1.62e43p-1,
  .many = 0x1p13,
  .tanh_one = 10,
  .erf_one = 4,
  .erf_mid = 2.5,
  .pow_most = 0x1p32,
  .trig_most = 8192,
  .half_pi_parts = {0x1.92p+0, 0x1.fb4p-12, 0x1.4442d2p-24, -0x1.ee59dap-50},
  .half_pi = {0x1.921fb6p+0, -0x1.777a5cp-25},
  .tan_pi_8 = 0x1.a8279ap-2,
  .tan_3pi_8 = 0x1.3504f4p+1,
  .two_over_pi = two_over_pi,
  .nwindow = 5,
  .exp = {6, {
    0x1.a12fbp-13, 0x1.6d4f3cp-10, 0x1.1110dcp-7, 0x1.5554ep-5, 0x1.555556p-3,
    0x1p-1}},
  .log = {4, {
    0x1.de47d2p-3, 0x1.245a04p-2, 0x1.9999fp-2, 0x1.555556p-1}},
  .atan = {5, {
    -0x1.081978p-4, 0x1.b802eep-4, -0x1.241f98p-3, 0x1.99972cp-3,
    -0x1.555554p-2}},
  .asin = {6, {
    0x1.14668p-5, 0x1.188524p-6, 0x1.fda406p-6, 0x1.6d5adcp-5, 0x1.333434p-4,
    0x1.555554p-3}},
  .sin = {4, {
    0x1.6da8ecp-19, -0x1.a01366p-13, 0x1.11110ep-7, -0x1.555556p-3}},
  .cos = {3, {
    0x1.9bc2d4p-16, -0x1.6c12aap-10, 0x1.555554p-5}},
  .erf = {7, {
    0x1.4a569p-14, -0x1.a45088p-11, 0x1.54127p-8, -0x1.b7fabap-6,
    0x1.ce2d1p-4, -0x1.81273ep-2, 0x1.06eba8p-3}},
  .erf_tail = {10, {
    0x1.45ac78p-24, -0x1.b1ade4p-20, 0x1.b1b6e2p-17, -0x1.44964ep-14,
    0x1.b93b66p-12, -0x1.1bcb0cp-9, 0x1.63cc74p-7, 0x1.e34608p-1,
    0x1.569252p+2, 0x1.f3a2dcp+2}},
};

const ScalarConstants scalar_f64 = {
  .width = 64,
  .mantissa = 52,
  .bias = 1023,
  .shifter = 0x1.8p52,
  .exp_lo = -746,
  .exp_hi = 710,
  .two_lo = -1080,
  .two_hi = 1025,
  .ln2 = {0x1.62e42feep-1, 0x1.a39ef35793c76p-33},
  .inv_ln2 = {0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56},
  .log_2 = 0x1.62e42fefa39efp-1,
  .many = 0x1p28,
  .tanh_one = 22,
  .erf_one = 6,
  .erf_mid = 3.5,
  .pow_most = 0x1p64,
  .trig_most = 0x1p20,
  .half_pi_parts = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69,
                    0x1.129024e088a68p-123},
  .half_pi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
  .tan_pi_8 = 0x1.a827999fcef32p-2,
  .tan_3pi_8 = 0x1.3504f333f9de6p+1,
  .two_over_pi = two_over_pi,
  .nwindow = 17,
  .exp = {11, {
    0x1.b30051daa563fp-30, 0x1.af574f448311ap-26, 0x1.2814f00be658cp-22,
    0x1.71ddfd9647581p-19, 0x1.a019e99dbb7b5p-16, 0x1.a01a01ad6369dp-13,
    0x1.6c16c17157e38p-10, 0x1.111111110fe17p-7, 0x1.5555555554652p-5,
    0x1.5555555555557p-3, 0x1.0000000000002p-1}},
  .log = {7, {
    0x1.2be78035f90e7p-3, 0x1.39f2ac8e848c3p-3, 0x1.74630fb47b087p-3,
    0x1.c71c61a26596p-3, 0x1.2492492ef134dp-2, 0x1.99999999949c3p-2,
    0x1.5555555555558p-1}},
  .atan = {11, {
    -0x1.39b5620720ceap-6, 0x1.412ff26d1091bp-5, -0x1.a08801ffa873ap-5,
    0x1.dfe2eb7b16e67p-5, -0x1.10fa46077737ep-4, 0x1.3b125f7ecb403p-4,
    -0x1.745d0b01b986ap-4, 0x1.c71c718447f81p-4, -0x1.249249243498fp-3,
    0x1.999999999932ep-3, -0x1.5555555555555p-2}},
  .asin = {13, {
    0x1.d8dbb348232e7p-6, -0x1.eb83e904a1bfcp-7, 0x1.1e9d59329c4d3p-6,
    0x1.637b7e101b0dap-8, 0x1.52816d4983b43p-7, 0x1.781cd742184c7p-7,
    0x1.c9cff8af3076fp-7, 0x1.1c4d2df172182p-6, 0x1.6e8bb21b0d9bap-6,
    0x1.f1c71c1baf1c5p-6, 0x1.6db6db6e35217p-5, 0x1.3333333332eaap-4,
    0x1.5555555555556p-3}},
  .sin = {7, {
    -0x1.ab066192d3e8fp-41, 0x1.612161267019ep-33, -0x1.ae6453ecab5c4p-26,
    0x1.71de3a544a6cep-19, -0x1.a01a01a01988p-13, 0x1.111111111111p-7,
    -0x1.5555555555555p-3}},
  .cos = {7, {
    0x1.ab68d5c08a457p-45, -0x1.93949f74df9adp-37, 0x1.1eed8ddaa539p-29,
    -0x1.27e4fb7708fb2p-22, 0x1.a01a01a019cb8p-16, -0x1.6c16c16c16c16p-10,
    0x1.5555555555555p-5}},
  .erf = {13, {
    0x1.05ffd737fb32ep-34, -0x1.389d4f2641625p-30, 0x1.f7b4bf3b13964p-27,
    -0x1.5f1ecb6f0764cp-23, 0x1.b9df224ca4b97p-20, -0x1.f4d1e3183f7aep-17,
    0x1.f9a321d5b8e1ep-14, -0x1.c02db3dac435fp-11, 0x1.565bcd0dbaa38p-8,
    -0x1.b82ce31284ep-6, 0x1.ce2f21a042b3p-4, -0x1.812746b0379e6p-2,
    0x1.06eba8214db69p-3}},
  .erf_tail = {27, {
    0x1.848be07d00c7ep-67, 0x1.10f5306e94ceap-65, -0x1.305183d101038p-60,
    0x1.23b4657df5a7bp-58, -0x1.57ce8d89a1798p-60, -0x1.f5331df7c67cdp-61,
    -0x1.8dc6bde10c187p-55, -0x1.9e11ca31675cbp-51, 0x1.51041f6644ba1p-47,
    -0x1.29651a505d8b6p-44, 0x1.b93a2b21399bp-42, -0x1.21d2be5df1d59p-39,
    0x1.4339ffea0c4bbp-37, -0x1.0d86f1bced958p-35, 0x1.b4150400bc657p-36,
    0x1.a9fe574417d95p-31, -0x1.478148af2258bp-27, 0x1.5a92f28a7b54dp-24,
    -0x1.3a66393b0d597p-21, 0x1.0506153a88181p-18, -0x1.9922ad42ac7ep-16,
    0x1.34e7e40807d6p-13, -0x1.ca1053db134ep-11, 0x1.5677ff29ce58fp-8,
    0x1.eefa41a2da199p-1, 0x1.d107c691607bdp+2, 0x1.c3991652a25bp+3}},
};
/* clang-format on */
