#!/usr/bin/env bash
# The example from model to figures: takes the network of floats, prunes and
# quantizes it with the images that it was trained with, compiles it for this
# machine and for a Cortex-M4, links each object into the same small C
# application, and lets both classify the test set. Fails when their answers
# differ, or when compression cost more than a point.
#
# KILN is the compiler (build/kiln), OUT the folder it works in (build/demo).
set -euo pipefail
cd "$(dirname "$0")"

expected=353 # right answers at least; the float model has 356 of 360
kiln=$(realpath "${KILN:-../../build/kiln}")
out=${OUT:-../../build/demo}
mkdir -p "$out"
cp ./*.[chS] ./*.ld ./*.bin test_labels.csv digits.onnx "$out"
cd "$out"

kiln() { "$kiln" "$@"; }

# Shows a command, then runs it.
run() {
  echo "\$ $*" | fold -s -w 79 | sed '2,$ s/^/  /'
  "$@"
}

# compile FOLDER [OPTION ...]: the model; shows and keeps the sizes.
compile() {
  mkdir -p "$1"
  run kiln compile digits.kiln --io-type=int8 -o "$1/digits" "${@:2}" |
    sed -n '/^\$/p; /^  -/p; /^MACs/,$p' | tee "$1/summary"
}

calibration='calibration_images.bin:i8[8,8,1]'
run kiln eval digits.onnx --data 'test_images.bin:i8[8,8,1]' \
  --labels test_labels.csv
run kiln prune digits.onnx --params=-30% --data "$calibration" \
  -o pruned.onnx | sed '/^name/,/^all/d; /^$/,$d'
run kiln quantize pruned.onnx --data "$calibration" -o digits.kiln
echo

compile host
run cc -O2 -Ihost host.c classify.c test_set.S host/digits.o -o host/demo
run host/demo | tee host/answer
echo

compile cortex-m4 --target=cortex-m4
run clang-19 --target=thumbv7em-none-eabihf -mcpu=cortex-m4 -O2 \
  -ffreestanding -nostdlib -fuse-ld=lld -T cortex_m4.ld -Icortex-m4 \
  cortex_m4.c classify.c test_set.S cortex-m4/digits.o -o cortex-m4/demo
cc -std=c11 -O2 -shared -fPIC count.c -o libcount.so
run qemu-system-arm -M mps2-an386 -nographic -semihosting \
  -plugin ./libcount.so,from=0x100000,to=0x200000 -kernel cortex-m4/demo \
  </dev/null 2>&1 | tee cortex-m4/answer
echo

# size FOLDER flash|arena|stack
size() { awk -v key="$2" '$1 == key { print $2 }' "$1/summary"; }
# The number of right answers.
right() { sed -n 's/^\([0-9]*\) of .*/\1/p' "$1/answer"; }
of=$(sed -n 's/^[0-9]* of \([0-9]*\) .*/\1/p' host/answer)
microseconds=$(sed -n 's/.*right, \(.*\) an inference/\1/p' host/answer)
instructions=$(sed -n 's/.* \([0-9]*\) a call$/\1/p' cortex-m4/answer)

# row FOLDER COST
row() {
  awk -v name="$1" -v n="$(right "$1")" -v of="$of" -v cost="$2" \
    -v flash="$(size "$1" flash)" -v arena="$(size "$1" arena)" \
    -v stack="$(size "$1" stack)" 'BEGIN {
      printf "%-10s %4s of %s = %5.2f %%  %7s  %6s  %6s  %s\n",
        name, n, of, 100 * n / of, flash, arena, stack, cost }'
}

printf '%-10s %-21s  %7s  %6s  %6s  %s\n' '' '   digits right' \
  flash arena stack 'one inference'
row host "$microseconds"
row cortex-m4 "$instructions instructions"

if [ "$(right host)" != "$(right cortex-m4)" ]; then
  echo "the targets differ" >&2
  exit 1
elif [ "$(right host)" -lt $expected ]; then
  echo "$(right host) digits right, expected $expected" >&2
  exit 1
fi
