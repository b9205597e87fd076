# What `kiln quantize` makes, written as ONNX, is in ONNX Runtime without graph
# optimizations what Kiln's object is, element by element of every quantized
# tensor. Needs Python with onnx and onnxruntime.
# REQUIRES: shared
OUT=$TMP python3 "$(dirname "$0")/../../bench/export.py" 4 "ic (ONNX)" ResNet \
  DS-CNN "ic (TFLite)"
