/* IR + target -> Plan: which kernel computes each op, where every byte
 * lies, what the packed weights are. Plain C, no LLVM; codegen only spells
 * out what stands here. */
#ifndef KILN_PLAN_PLAN_H
#define KILN_PLAN_PLAN_H

#include "ir/graph.h"
#include "plan/split.h"
#include "plan/target.h"

typedef struct Plan Plan;
typedef struct Step Step;
typedef struct Buffer Buffer;
typedef struct Kernel Kernel;

/* Read-only bytes of the object: packed weights, tables. One aligned array
 * each, emitted as it is. */
typedef struct Blob {
  const char *symbol; /* "kws.w3" */
  const void *data;
  int64_t bytes;
  int align;
} Blob;

typedef enum Place {
  PLACE_arena,  /* base: the arena argument */
  PLACE_input,  /* the caller's input number `index` */
  PLACE_output, /* the caller's output number `index` */
  PLACE_state,  /* offset into the caller's state */
  PLACE_const   /* a blob */
} Place;

struct Buffer {
  const Value *value; /* whose bytes these are */
  const Type *type;   /* as stored: value's type, or with the signedness of
                         its 8-bit elements changed and the zero point moved
                         by 128; codegen looks only at this one */
  Place place;
  int index;      /* of an input or output */
  int64_t offset; /* in arena or state */
  int64_t bytes;
  const Blob *blob; /* PLACE_const */
  Buffer *base;     /* != NULL: a view into base, `offset` is its own final
                       one all the same */
  int64_t base_offset;
  int first, last; /* steps that write and read it, -1 = none; of a base:
                      of all its views too */
  int id;          /* position in plan->buffers */
};

/* An elementwise op of a step's tail (plan/fuse.h). */
typedef struct Tail {
  Step *step; /* its op, kernel and params; it is never called */
  int chain;  /* its operand that is in registers */
  int first;  /* operand i of it is operand first + i of the step that has
                 the tail (the one in registers: NULL) */
} Tail;

/* How a step's weights lie in the object, for the report. */
typedef struct StoredWeights {
  const char *form;   /* "plain", "lists", ..; NULL: has none */
  const char *remark; /* why they lie no denser; or NULL */
  int64_t bytes;      /* with what finds them */
  double zeros;       /* part of the weights that is zero */
} StoredWeights;

/* One kernel call. */
struct Step {
  const Op *op;
  const Kernel *kernel;
  Buffer **in; /* (nin) op's operands, then its tail's; NULL where
                  absent */
  int nin;
  Buffer **out;          /* (op->nout) */
  Buffer *made;          /* what op itself makes: out[0], or with a tail a
                            value in registers, of which only the stored
                            type counts */
  ARRAY(Tail) tail;      /* what is done to it before it is stored */
  Step *front;           /* what computes op's first operand into scratch, a
                            band of rows at a time, and is never called; then
                            in[0] is the operand of that (plan/band.h); or
                            NULL */
  int64_t band_rows;     /* with it: rows of a band */
  int64_t band_offset;   /* in scratch: behind what the front takes */
  int64_t tail_overlap;  /* set by prepare: how far the output may start
                            before an operand of the tail, as of
                            Kernel.overlap; OVERLAP_NONE until then */
  const char *alone;     /* why op is no tail of the step that computes an
                            operand of it, where it might have been; or
                            NULL */
  int tile_vectors;      /* of outputs, by measurement; 0: as the target says */
  int64_t scratch_bytes; /* in the arena, while the step runs */
  int64_t scratch_offset;
  Split split;         /* among threads */
  bool reads_first;    /* set by prepare: op's operands, not those of the
                          tail, are read before the first byte of an output is
                          written */
  const void *params;  /* what the kernel's prepare made, its own type */
  const char *variant; /* "qs8_5x64c4_avx512vnni": type, tile, ISA */
  int vector_bytes;    /* width of its vector code, 0 = scalar */
  StoredWeights weights;
  bool polly;         /* may rearrange its loops */
  const char *note;   /* for the report, e.g. its requant form; or NULL */
  const char *symbol; /* "kws.conv2d_3.qs8_5x64c4_avx512vnni" */
  int index;          /* of a tail's: that of the step that has it */
  int place;          /* in a tail: 1, 2, ..; 0: it is called itself */
  int64_t code_bytes; /* filled by codegen from the object */
  int64_t blob_bytes; /* of its blobs */
};

/* Results of Kernel.overlap: the output may not touch that input; or it may
 * lie exactly where the input does, but not overlap it otherwise. */
#define OVERLAP_NONE INT64_MIN
#define OVERLAP_SAME (INT64_MIN + 1)

/* One row of kernels.def. */
struct Kernel {
  const char *name;
  /* Can it compute op on t? Looks at types and attributes only. */
  bool (*match)(const Op *op, const Target *t);
  /* Estimated cycles; the cheapest match is taken. */
  double (*cost)(const Op *op, const Target *t);
  /* Packs weights, makes tables, sets step->params, scratch_bytes, variant,
   * vector_bytes. Buffers' stored types are decided by now. false: error
   * reported. */
  bool (*prepare)(Plan *p, Step *s);
  /* How far the output may start before input i in memory while both are
   * live: d >= 0 means any output offset <= input offset - d is safe (0: in
   * place, at the same start, or anywhere lower); or OVERLAP_NONE or
   * OVERLAP_SAME. */
  int64_t (*overlap)(const Step *s, int input);
  const char *summary;
};
typedef enum KernelId {
#define KERNEL(name, match, cost, prepare, overlap, summary) K_##name,
#include "plan/kernels.def"
#undef KERNEL
  K_COUNT
} KernelId;
extern const Kernel kernel_table[K_COUNT];

/* What zeros among weights are used for. */
typedef enum SparseMode {
  SPARSE_auto,  /* speed; with for_size, size */
  SPARSE_off,   /* nothing: they are weights like others */
  SPARSE_size,  /* fewer bytes */
  SPARSE_speed, /* fewer multiplications, where that is faster */
} SparseMode;

/* Which loop nests Polly may rearrange, on targets that are hosts. */
typedef enum PollyMode {
  POLLY_off,
  POLLY_auto, /* those of kernels where it has proved to pay */
  POLLY_on    /* all that are not scheduled by hand */
} PollyMode;

typedef struct PlanOptions {
  const char *name; /* C prefix; NULL: from the graph's name */
  bool keep_all;    /* every value keeps its bytes to the end of the run:
                       no reuse, no in-place; for layer-by-layer checks */
  bool for_size;    /* -Os */
  SparseMode sparse;
  PollyMode polly;
  const struct Tuning *tuning; /* measured choices (plan/tune.h); or NULL */
  int trial;                   /* with it: see tune_choose */
  bool clocks;                 /* a run notes when each step ends */
  bool caller_tier; /* with tiers: the caller says which, in NAME_tier */
  int threads; /* NAME_run_parallel splits steps for so many; 0: there is no
                  such function */
  double part_cycles; /* that a part of a step is worth at least; 0: the
                         usual */
} PlanOptions;

struct Plan {
  Arena *arena;
  Diag *diag;
  const Graph *graph;
  const Target *target;
  const Target *whole; /* what the object is for: target, or its family */
  const char *tier;    /* target's name in that; NULL: the only one */
  Plan *head;          /* itself, or the one that has it among ... */
  ARRAY(Plan *)
  tiers;               /* of the object's head, whose plan is the first: the
                          plans of all, with arenas of one size and align */
  const Plan *fullest; /* of those, which needs that size */
  PlanOptions opt;
  const char *name;                 /* sanitized C identifier */
  const char *prefix;               /* of symbols: name, and the tier's */
  const char **in_name, **out_name; /* sanitized member names */
  ARRAY(Buffer *) buffers;
  ARRAY(Step *) steps;
  ARRAY(const Blob *) blobs;
  Buffer **of_value; /* by value id; NULL: has none */
  int64_t arena_bytes, arena_lower_bound, state_bytes;
  int64_t clocks_offset; /* in the arena, u64 (steps + 1); with clocks */
  int64_t least_peak; /* arena_spare's: of the operands alone; 0: not known */
  int bound_step;     /* whose blocks alone need the lower bound */
  int arena_align;
};

/* Of a target with tiers the head. NULL: errors in the graph's diag. The
 * graph must outlive the plan. */
Plan *plan_new(Arena *a, const Graph *g, const Target *t,
               const PlanOptions *opt);

/* For prepare functions. The blob's bytes are copied by nobody: give arena
 * memory. Symbol is made from the step and `what`. Equal bytes are shared:
 * the result may be a blob of an earlier step. */
const Blob *plan_blob(Plan *p, Step *s, const char *what, const void *data,
                      int64_t bytes, int align);

/* The blob of a constant that a kernel reads as a plain operand (weights
 * that it packs don't need one): its bytes in the model's form, made at the
 * first call. b->place is PLACE_const. */
const Blob *plan_const_blob(Plan *p, Buffer *b);

/* Bytes of the inputs and outputs, which the caller has. */
int64_t plan_io_bytes(const Plan *p);
/* Kernel.overlap of op's own operands, what tail_overlap means for the
 * others. */
int64_t step_overlap(const Step *s, int input);
/* "conv2d", with its front and tail "depthwise_conv2d+conv2d+add" */
const char *step_op_name(Arena *a, const Step *s);
/* Of op and of the front's. */
int64_t step_macs(const Step *s);
int64_t step_weight_bytes(const Step *s);

/* The stored form of a value: its buffer's type. The bytes differ from the
 * model's by ^ 0x80 where this says so. */
bool buffer_flipped(const Buffer *b);

/* Sizes of code and stack, which come from the object (codegen). */
typedef struct FunctionSize {
  const char *symbol;
  int64_t code_bytes;
  int64_t stack_bytes; /* of its own frame, with what a call of it pushes */
  bool deepest;        /* on the chain of calls that makes the bound */
} FunctionSize;

/* Of a tier's functions and constants; what other tiers read, too, is among
 * them and counted apart. */
typedef struct TierSize {
  const Plan *plan;
  int64_t code_bytes, rodata_bytes, shared_bytes;
} TierSize;

typedef struct ObjectSizes {
  int64_t code_bytes, rodata_bytes, flash_bytes;
  int64_t data_bytes;           /* writable: where the tier is noted */
  int64_t stack_bytes;          /* of a run, an upper bound */
  int64_t parallel_stack_bytes; /* of run_parallel and what threads call,
                                    what parallel_for takes aside */
  ARRAY(FunctionSize) functions;
  ARRAY(TierSize) tiers; /* of an object with several */
} ObjectSizes;

/* The report (--report), and the table that `compile` prints; with limits
 * beside the figures that have any (plan/budget.h). */
typedef struct Budgets Budgets;
void report_json(Str *out, const Plan *p, const ObjectSizes *sizes,
                 const Budgets *limits);
void report_text(Str *out, const Plan *p, const ObjectSizes *sizes,
                 const Budgets *limits);

#endif
