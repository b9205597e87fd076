#!/usr/bin/env bash
# The example from model to figures: compiles digits.tflite for this machine
# and for a Cortex-M4, links each object into the same small C application,
# and lets both classify the test set. Fails when their answers differ from
# each other's or from the reference kernels'.
#
# KILN is the compiler (build/kiln), OUT where results go (build/demo).
set -euo pipefail
cd "$(dirname "$0")/../.."

kiln=${KILN:-build/kiln}
out=${OUT:-build/demo}
source=examples/digits
expected=356 # right answers of the reference kernels, as train.py prints

# Shows a command, then runs it.
run() {
  echo
  echo "\$ $*" | fold -s -w 78 | sed '2,$ s/^/  /'
  "$@"
}

# compile FOLDER [OPTION ...]: the model; keeps the summary.
compile() {
  mkdir -p "$out/$1"
  run "$kiln" compile $source/digits.tflite -o "$out/$1/digits" "${@:2}" |
    tee "$out/$1/summary"
}

# size FOLDER flash|arena|stack
size() { awk -v key="$2" '$1 == key { print $2 }' "$out/$1/summary"; }

compile host
run cc -std=c99 -O2 -Wall -I"$out/host" -Wa,-I$source \
  $source/host.c $source/classify.c $source/test_set.S "$out/host/digits.o" \
  -o "$out/host/demo"
run "$out/host/demo" | tee "$out/host/answer"

compile cortex-m4 --target=cortex-m4
run clang-19 --target=thumbv7em-none-eabihf -mcpu=cortex-m4 -std=c11 -O2 \
  -Wall -ffreestanding -nostdlib -fuse-ld=lld -I"$out/cortex-m4" \
  -Wa,-I$source -T $source/cortex_m4.ld $source/cortex_m4.c \
  $source/classify.c $source/test_set.S "$out/cortex-m4/digits.o" \
  -o "$out/cortex-m4/demo.elf"
cc -std=c11 -O2 -shared -fPIC $source/count.c -o "$out/libcount.so"
run qemu-system-arm -M mps2-an386 -nographic \
  -semihosting-config enable=on,target=native \
  -plugin "$out/libcount.so,from=0x100000,to=0x200000" \
  -kernel "$out/cortex-m4/demo.elf" </dev/null 2>&1 |
  tee "$out/cortex-m4/answer"

# right FOLDER: the number of right answers; of: the size of the test set
right() { sed -n 's/^\([0-9]*\) of .*/\1/p' "$out/$1/answer"; }
of=$(sed -n 's/^[0-9]* of \([0-9]*\) .*/\1/p' "$out/host/answer")

# row FOLDER COST
row() {
  awk -v name="$1" -v n="$(right "$1")" -v of="$of" -v cost="$2" \
    -v flash="$(size "$1" flash)" -v arena="$(size "$1" arena)" \
    -v stack="$(size "$1" stack)" 'BEGIN {
      printf "%-10s %4s of %s = %5.2f %%  %7s  %6s  %6s  %s\n",
        name, n, of, 100 * n / of, flash, arena, stack, cost }'
}

printf '\n%-10s %-21s  %7s  %6s  %6s  %s\n' '' '   digits right' \
  flash arena stack 'one inference'
row host "$(sed -n 's/.*right, \(.*\) an inference/\1/p' "$out/host/answer")"
row cortex-m4 "$(sed -n 's/.* \([0-9]*\) a call$/\1/p' \
  "$out/cortex-m4/answer") instructions"

for target in host cortex-m4; do
  [ "$(right $target)" = $expected ] && continue
  echo "$target: $(right $target) right, the reference kernels get $expected" >&2
  exit 1
done
