# REQUIRES: shared
#
# Damaged copies of small models through `kiln compile`: cut off at every 64th
# byte, and with words overwritten. Each must be refused with an error (exit 2
# or 3), leave no file behind, and not touch what was there before; what a
# changed word leaves intact may compile.

set -u
out=$TMP/out
mkdir "$out"
failures=0

fail() {
  echo "$1"
  failures=$((failures + 1))
}

# refused NAME STATUS: what holds after every refusal
refused() {
  [ "$2" = 2 ] || [ "$2" = 3 ] || fail "$1: exit status $2"
  grep -q 'error E0' "$TMP/log" || fail "$1: no error was reported"
  [ -z "$(ls -A "$out")" ] || {
    fail "$1: left $(ls "$out") behind"
    rm -f "$out"/*
  }
}

compile() {
  "$KILN" compile "$1" -o "$out/m" > "$TMP/log" 2>&1
}

# cut_off MODEL STEP
cut_off() {
  local bytes status
  bytes=$(stat -c %s "$1")
  for ((n = 0; n < bytes; n += $2)); do
    head -c "$n" "$1" > "$TMP/m.tflite"
    compile "$TMP/m.tflite"
    status=$?
    refused "${1##*/} cut off at $n" $status
  done
}

# Four bytes of 0xff at every STEP-th word: offsets that lead nowhere.
overwrite() {
  local bytes status
  bytes=$(stat -c %s "$1")
  for ((n = 0; n + 4 <= bytes; n += $2)); do
    cp "$1" "$TMP/m.tflite"
    printf '\377\377\377\377' |
      dd of="$TMP/m.tflite" bs=1 seek="$n" conv=notrunc status=none
    compile "$TMP/m.tflite"
    status=$?
    [ $status = 0 ] && rm -f "$out"/* && continue
    refused "${1##*/} overwritten at $n" $status
  done
}

models=$SHARED/models
cut_off "$models/mlp-and-text/hello_world_int8.tflite" 64
cut_off "$models/mlperf-tiny/kws_ref_model.tflite" 64
cut_off "$models/audio-and-recurrent/micro_speech_quantized.tflite" 512
overwrite "$models/mlp-and-text/hello_world_int8.tflite" 16

# A refusal leaves the last good object as it was.
echo precious > "$out/m.o"
head -c 1000 "$models/mlperf-tiny/kws_ref_model.tflite" > "$TMP/m.tflite"
compile "$TMP/m.tflite" && fail "a cut off model was compiled"
[ "$(cat "$out/m.o")" = precious ] || fail "an error replaced the old object"

[ $failures = 0 ]
