# Small models on the targets whose kernels the other scripts cover.
# REQUIRES: shared, qemu-arm, qemu-aarch64, qemu-riscv64, qemu-system-arm
. "$SRC/tests/shared/inputs/verify.bash"
failed=0
for target in cortex-a72 cortex-a76 armv7-neon riscv64 cortex-m3 cortex-m7 \
  cortex-m33; do
  verify_models $target 0 mlperf-tiny/kws_ref_model \
    mlp-and-text/hello_world_int8 frameworks/tensorflow_mlp_mnist_int8 ||
    failed=1
done
exit $failed
