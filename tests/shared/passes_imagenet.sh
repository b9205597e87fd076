# Every pass held to its class on the networks for large images.
# REQUIRES: shared
. "$SRC/tests/shared/inputs/passes.bash"
hold_passes 1 imagenet
