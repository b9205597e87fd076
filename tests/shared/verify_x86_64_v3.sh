# Every value of every model, host object with AVX2.
# REQUIRES: shared, avx2
. "$SRC/tests/shared/inputs/verify.bash"
verify_models x86-64-v3 1
