# A network four fifths of whose weights are zero: on Cortex-M4 they take at
# most 45 % of their bytes in every mode that uses that, and every form
# computes the interpreter's bytes.
# REQUIRES: shared
model=$SHARED/models/frameworks/ort_resnet_unstructured80_qdq.onnx
[ -f "$model" ] || { echo "no $model"; exit 77; }
failed=0

# held TARGET OPTION ...
held() {
  "$KILN" verify "$model" --samples=1 --target="$@" >"$TMP/log" 2>&1 ||
    { cat "$TMP/log"; failed=1; }
}

for mode in "-O2" "-Os" "-O2 --sparse=size"; do
  # shellcheck disable=SC2086
  "$KILN" compile "$model" $mode --target=cortex-m4 -o "$TMP/net" \
    --report="$TMP/net.json" >/dev/null || failed=1
  python3 - "$TMP/net.json" "$mode" <<'END' || failed=1
import json, sys
report = json.load(open(sys.argv[1]))
held = sum(l["weights"]["bytes"] for l in report["layers"] if l["weights"])
part = held / report["weight_bytes"]
print(f"{sys.argv[2]}: {held} of {report['weight_bytes']} bytes, {part:.3f}")
sys.exit(part > 0.45)
END
  # shellcheck disable=SC2086
  held cortex-m4 $mode
done
for target in cortex-m0plus cortex-m55 aarch64 host; do
  held $target -Os
done
held cortex-m0plus --sparse=speed
exit $failed
