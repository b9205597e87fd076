# Every value of every model under qemu's AArch64.
# REQUIRES: shared, qemu-aarch64
. "$SRC/tests/shared/inputs/verify.bash"
verify_models aarch64 1
