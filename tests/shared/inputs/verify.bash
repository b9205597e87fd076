# Sourced by verify_*.sh: holds the objects of one target to the interpreter
# and to the recordings, model by model.

MODELS="
mlperf-tiny/kws_ref_model mlperf-tiny/vww_96_int8
mlperf-tiny/pretrainedResnet_quant mlperf-tiny/ad01_int8
mlperf-tiny/str_ww_ref_model audio-and-recurrent/micro_speech_quantized
imagenet/mobilenet_v1_0.25_128_quant imagenet/mobilenet_v1_0.5_160_quant
imagenet/mobilenet_v2_1.0_224_quant imagenet/tf2_mobilenet_v2_1.0_224_ptq
mlp-and-text/hello_world_int8 frameworks/keras_dscnn_mnist_int8
frameworks/keras_dscnn_mnist_int16x8
frameworks/tensorflow_mlp_mnist_int8 frameworks/jax_cnn_mnist_int8"

# The recordings that exist of a model, as options.
recordings() {
  local dir=${1%/*} name=${1##*/} file
  for file in $dir/golden/$name.npz $dir/golden/$name.tflite.npz; do
    [ ! -f "$SHARED/models/$file" ] || echo "--golden=$SHARED/models/$file"
  done
  file=layers/$name.tflite.npz
  [ ! -f "$SHARED/models/$file" ] || echo "--layers=$SHARED/models/$file"
}

# verify_models TARGET SAMPLES [MODEL ...]: all models when none is named.
verify_models() {
  local target=$1 samples=$2 model failed=0
  shift 2
  for model in ${*:-$MODELS}; do
    "$KILN" verify "$SHARED/models/$model.tflite" --target="$target" \
      --samples="$samples" $(recordings "$model") || failed=1
  done
  return $failed
}
