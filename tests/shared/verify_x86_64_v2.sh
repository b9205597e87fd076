# Every value of every model, host object with SSE4.2.
# REQUIRES: shared, x86-64
. "$SRC/tests/shared/inputs/verify.bash"
verify_models x86-64-v2 1
