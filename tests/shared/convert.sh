# Models as text: the same object, byte for byte.
# REQUIRES: shared
failed=0
mkdir "$TMP/model" "$TMP/text"
for model in mlperf-tiny/kws_ref_model.tflite mlperf-tiny/ad01_int8.tflite \
  mlp-and-text/hello_world_float.tflite mnist/mnist_cnn_cntk.onnx \
  audio-and-recurrent/micro_speech_quantized.tflite \
  onnx-quantised/ic_cifar10_qdq_s8s8_perchannel.onnx \
  onnx-quantised/mnist_cnn_qoperator_u8s8.onnx \
  frameworks/torch_resnet_cifar10_fp32.onnx \
  frameworks/ort_vgg_dynamic_u8.onnx transformer/dummy_transformer.onnx; do
  case $model in
  transformer/*) open="--dim batch=1 --dim tokens=8" ;;
  *) open= ;;
  esac
  # shellcheck disable=SC2086
  "$KILN" convert "$SHARED/models/$model" $open -o "$TMP/m.kiln" 2>/dev/null &&
    "$KILN" compile "$SHARED/models/$model" $open -o "$TMP/model/m" \
      >/dev/null 2>&1 &&
    "$KILN" compile "$TMP/m.kiln" -o "$TMP/text/m" >/dev/null &&
    cmp "$TMP/model/m.o" "$TMP/text/m.o" &&
    cmp "$TMP/model/m.h" "$TMP/text/m.h" && echo "same: $model" || {
    echo "failed: $model"
    failed=1
  }
done
exit $failed
