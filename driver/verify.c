/* kiln verify: random and extreme inputs, then recordings; one line says how
 * much was compared. Passes are held to their class where that is asked for
 * (verify_passes.c). */
#include "driver/verify.h"

#include "driver/progress.h"
#include "driver/samples.h"
#include "driver/table.h"

enum { DEFAULT_SAMPLES = 4 };

/* Once, or where nothing else is compared on every input. */
static bool holds_passes(const Verify *v, int64_t sample) {
  return !v->has_object || (sample == 0 && cli_has(v->cli, OPT_verify_each));
}

/* What the interpreter is compared with. */
static const char *subject_name(const Verify *v) {
  return v->has_object ? v->ship.built.plan->whole->name : "the interpreter";
}

static bool verify_random(Verify *v, int64_t samples, int64_t seed) {
  Arena *a = v->cli->arena;
  void **in = exec_buffers(a, v->ref->inputs.v, v->ref->inputs.n);
  Progress progress = progress_begin("verifying");
  bool ok = true;
  for (int64_t i = 0; i < samples + 2 && ok; i++) {
    const char *name = arena_printf(a, "random %lld", (long long)i);
    if (i < samples)
      sample_random(v->ref, (uint64_t)(seed + i), in);
    else
      sample_extreme(v->ref, i > samples, in);
    if (i >= samples)
      name = i > samples ? "all at the high end" : "all at the low end";
    v->sample = name;
    ok = (!holds_passes(v, i) || verify_passes(v, (const void *const *)in)) &&
         verify_sample(v, name, (const void *const *)in);
    progress_step(&progress, i + 1, samples + 2);
  }
  progress_end(&progress);
  return ok;
}

static void add_tiers(json_object *o, const Verify *v, const char *chosen) {
  json_object *ran = json_object_new_array();
  for (int i = 0; i < v->held.n; i++)
    json_object_array_add(ran, json_text(v->held.v[i].tier->name));
  json_object_object_add(o, "tiers", ran);
  json_object_object_add(o, "chosen", chosen ? json_text(chosen) : NULL);
  json_object_object_add(o, "not_run", v->absent ? json_text(v->absent) : NULL);
}

static bool has_tiers(const Verify *v) {
  return v->held.n && v->held.v[0].tier;
}

static void print_json(const Verify *v, const char *chosen) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "model", json_text(v->ref->name));
  json_object_object_add(o, "target", json_text(subject_name(v)));
  json_object_object_add(o, "inputs", json_object_new_int64(v->samples));
  json_object_object_add(o, "values", json_object_new_int64(v->values));
  json_object_object_add(o, "recorded", json_object_new_int64(v->recorded));
  json_object_object_add(o, "bytes", json_object_new_int64(v->bytes));
  json_object_object_add(o, "differ", json_object_new_int64(0));
  if (has_tiers(v))
    add_tiers(o, v, chosen);
  json_print(o, stdout);
}

static void print_tiers(const Verify *v, const char *chosen) {
  printf("tiers:");
  for (int i = 0; i < v->held.n; i++)
    printf(" %s", v->held.v[i].tier->name);
  if (chosen)
    printf("; here it chooses %s", chosen);
  if (v->absent)
    printf("; not run, as this machine lacks them: %s", v->absent);
  printf("\n");
}

static void print_text(const Verify *v, const char *chosen) {
  printf("%s on %s: %lld inputs, %lld values, %lld recorded, %lld bytes "
         "compared, 0 differ\n",
         v->ref->name, subject_name(v), (long long)v->samples,
         (long long)v->values, (long long)v->recorded, (long long)v->bytes);
  if (has_tiers(v))
    print_tiers(v, chosen);
}

static bool verify_all(Verify *v, const char **chosen) {
  Cli *cli = v->cli;
  const char *golden = cli->value[OPT_golden];
  const char *layers = cli->value[OPT_layers];
  int64_t samples, seed;
  return cli_int(cli, OPT_samples, DEFAULT_SAMPLES, &samples) &&
         cli_int(cli, OPT_seed, 1, &seed) && verify_new(cli, v) &&
         verify_random(v, samples, seed) && verify_choice(v, chosen) &&
         (!golden || verify_golden(v, golden)) &&
         (!layers || verify_layers(v, layers));
}

bool command_verify(Cli *cli) {
  Verify v = {.cli = cli};
  const char *chosen;
  bool ok = verify_all(&v, &chosen);
  if (ok && cli_has(cli, OPT_json))
    print_json(&v, chosen);
  else if (ok)
    print_text(&v, chosen);
  verify_free(&v);
  return ok;
}
