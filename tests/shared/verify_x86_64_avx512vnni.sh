# Every value of every model, host object with AVX-512 VNNI.
# REQUIRES: shared, avx512vnni
. "$SRC/tests/shared/inputs/verify.bash"
verify_models x86-64-avx512vnni 1
