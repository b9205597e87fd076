/* Kernels that are plain loop nests, as opposed to those whose schedule is
 * spelled out; and among them those that Polly makes faster by more than it
 * takes elsewhere. Measured: docs/performance.md. */
#include "plan/polly.h"

typedef enum Gain { GAIN_scheduled, GAIN_none, GAIN_some } Gain;

static const Gain gains[K_COUNT] = {
    [K_direct_int] = GAIN_none,  [K_products] = GAIN_none,
    [K_spread_f32] = GAIN_none,  [K_pool] = GAIN_none,
    [K_pool_words] = GAIN_none,  [K_pool_f32] = GAIN_none,
    [K_gather] = GAIN_none,      [K_scatter] = GAIN_none,
    [K_arg] = GAIN_none,         [K_cum] = GAIN_none,
    [K_topk] = GAIN_none,        [K_window] = GAIN_none,
    [K_mean] = GAIN_none,        [K_mean_words] = GAIN_none,
    [K_reduce] = GAIN_none,      [K_binary] = GAIN_none,
    [K_softmax] = GAIN_none,     [K_softmax_words] = GAIN_none,
    [K_word_pair] = GAIN_none,   [K_word_unary] = GAIN_none,
    [K_scale] = GAIN_none,       [K_lut] = GAIN_none,
    [K_move] = GAIN_some,        [K_map] = GAIN_none,
    [K_softmax_f32] = GAIN_none, [K_quantize] = GAIN_none,
    [K_nibbles] = GAIN_none,     [K_matmul] = GAIN_none,
};

/* Why not; NULL: it may. */
static const char *refusal(const Plan *p, const Step *s) {
  Gain gain = gains[s->kernel - kernel_table];
  if (gain == GAIN_scheduled)
    return "scheduled by hand";
  if (p->opt.polly == POLLY_on)
    return NULL;
  if (p->opt.for_size)
    return "makes code larger";
  return gain == GAIN_none ? "no gain measured" : NULL;
}

bool polly_may(const Plan *p, const Step *s) {
  return p->opt.polly != POLLY_off && !refusal(p, s);
}

const char *polly_word(const Plan *p, const Step *s) {
  const char *why = refusal(p, s);
  return why ? why : "rearranges";
}
