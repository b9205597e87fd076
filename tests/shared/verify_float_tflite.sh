# Float TFLite models, dynamic-range quantized ones too, and quantized ones with
# operators made of several: every value of the host object against the
# interpreter, both against the recordings.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/verify.bash"
verify_models x86-64-v3 1 \
  mlperf-tiny/ad01_fp32 mlperf-tiny/pretrainedResnet mlperf-tiny/vww_96_float \
  mlperf-tiny/kws_ref_model_float32 imagenet/mobilenet_v1_0.25_224_float \
  mlp-and-text/hello_world_float mlp-and-text/planestrike_tf \
  mlp-and-text/movie_review transformer/kwt1 \
  frameworks/keras_dscnn_mnist_fp32 frameworks/keras_attention_mnist_fp32 \
  vision-other/movenet_single_pose_lightning_ptq || exit 1

# In each of these, one of sixteen recordings has an activation so close to a
# tie that float sums in another order quantize it to the next step
# (docs/numerics.md).
for model in keras_dscnn_mnist_dynamic keras_attention_mnist_dynamic; do
  "$KILN" verify "$SHARED/models/frameworks/$model.tflite" \
    --target=x86-64-v3 --samples=2 || exit 1
done
