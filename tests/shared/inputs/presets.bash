# Sourced by presets_*.sh: compiles every model for the given targets; kiln
# checks each object itself and fails when it has an undefined symbol, a
# writable section or a global too many.
. "$SRC/tests/shared/inputs/verify.bash"

# compile_models TARGET ...
compile_models() {
  local target model failed=0
  for target in "$@"; do
    for model in $MODELS; do
      "$KILN" compile "$SHARED/models/$model.tflite" --target="$target" \
        -o "$TMP/model" >"$TMP/log" 2>&1 && continue
      echo "$model for $target:"
      cat "$TMP/log"
      failed=1
    done
    echo "$target: done"
  done
  return $failed
}
