# Every value of every model, in each tier of the host that it can run.
# REQUIRES: shared, x86-64
. "$SRC/tests/shared/inputs/verify.bash"
verify_models x86-64 1
