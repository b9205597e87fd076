# Every value of every model on an emulated Cortex-M board.
# REQUIRES: shared, qemu-system-arm
. "$SRC/tests/shared/inputs/verify.bash"
verify_models cortex-m0plus 0
