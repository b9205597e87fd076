# ONNX models in every quantized form (QDQ, QOperator, dynamic) against the
# recordings of ONNX Runtime; their convolutions and dense layers run on
# integer kernels; top-1 as ONNX Runtime's.
# REQUIRES: shared
failed=0
models=$SHARED/models

# check FOLDER/NAME GOLDEN
check() {
  local model=$models/$1.onnx report=$TMP/report.json
  "$KILN" verify "$model" --samples=1 --golden="$models/$2" >"$TMP/out" 2>&1 || {
    cat "$TMP/out"
    failed=1
  }
  "$KILN" compile "$model" -o "$TMP/net" --report="$report" >/dev/null 2>&1
  python3 - "$report" <<'PY' || failed=1
import json, sys
layers = json.load(open(sys.argv[1]))["layers"]
heavy = ("conv2d", "depthwise_conv2d", "fully_connected", "matmul")
floats = [l["name"] for l in layers if l["op"] in heavy and "f32" in l["variant"]]
if floats:
    sys.exit("in float: " + ", ".join(floats))
PY
  echo "$1"
}

for name in ic_cifar10_qdq_s8s8_perchannel mnist_cnn_qoperator_u8s8 \
  vww_96_qdq_s8s8_perchannel vww_96_qoperator_u8u8; do
  check onnx-quantised/$name onnx-quantised/golden/$name.onnx.npz
done
for name in ort_resnet_qdq_s8s8_perchannel ort_resnet_qdq_u8s8_perchannel \
  ort_resnet_unstructured80_qdq ort_vgg_dynamic_u8 ort_vgg_qoperator_u8s8; do
  check frameworks/$name frameworks/golden/$name.npz
done

# The test images of CIFAR-10, normalized, channels first, as .npy.
python3 - "$SHARED/data/cifar10-test1000/cifar10_test1000.bin" \
  "$TMP/cifar.npy" <<'PY'
import array, sys
mean, std = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
table = [array.array("f", ((v / 255 - m) / s for v in range(256)))
         for m, s in zip(mean, std)]
pixels = open(sys.argv[1], "rb").read()
count = len(pixels) // 3072
header = ("{'descr': '<f4', 'fortran_order': False, "
          "'shape': (%d, 3, 32, 32)}" % count).ljust(117) + "\n"
with open(sys.argv[2], "wb") as out:
    out.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little"))
    out.write(header.encode())
    for i in range(count):
        for c in range(3):
            t = table[c]
            array.array("f", (t[v] for v in pixels[i * 3072 + c:(i + 1) * 3072:3])
                        ).tofile(out)
PY

# top1 FOLDER/NAME HITS
top1() {
  local got
  got=$("$KILN" eval "$models/$1.onnx" --data "$TMP/cifar.npy" --labels \
    "$SHARED/data/cifar10-test1000/y_labels.csv:2" 2>/dev/null | head -1)
  case $got in
  *"($2 of "*) echo "$1: $got" ;;
  *)
    echo "$1: $got, expected $2"
    failed=1
    ;;
  esac
}

top1 onnx-quantised/ic_cifar10_qdq_s8s8_perchannel 841
top1 frameworks/ort_resnet_qdq_s8s8_perchannel 713
top1 frameworks/ort_resnet_qdq_u8s8_perchannel 713
top1 frameworks/ort_resnet_unstructured80_qdq 704
top1 frameworks/ort_vgg_dynamic_u8 764
top1 frameworks/ort_vgg_qoperator_u8s8 763
exit $failed
