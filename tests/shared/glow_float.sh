# The float operator tests of tflite-op-tests: every case against what is
# recorded of it; those of one custom operator are refused by its name.
# REQUIRES: shared
set -u
failed=0
tar xzf "$SHARED/models/tflite-op-tests/glow-float.tar.gz" -C "$TMP"

for model in "$TMP"/tfliteModels/*.tflite; do
  case=${model%.tflite}
  case ${case##*/} in
  *post_processing*)
    "$KILN" verify "$model" 2>&1 | grep -q "E0301: operator CUSTOM TFLite_De" ||
      { echo "${case##*/}: not refused"; failed=1; }
    continue
    ;;
  esac
  python3 "$SRC/tests/shared/inputs/glow.py" "$KILN" "$case" "$TMP/case.npz" &&
    "$KILN" verify "$model" --golden="$TMP/case.npz" --samples=1 || failed=1
done
exit $failed
