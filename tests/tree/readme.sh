#!/usr/bin/env bash
# README.md: its table of operators is what `kiln ops` prints, its links lead
# somewhere, and its programs and commands work, in order, in a folder that
# has build/kiln and examples/. A command whose program is not installed is
# left out, and said so.
set -euo pipefail
readme=$SRC/README.md
status=0

"$KILN" ops --markdown | grep '^|' >"$TMP/ops"
sed -n '/^| op | from |/,/^$/p' "$readme" | grep '^|' >"$TMP/shown" || true
diff "$TMP/ops" "$TMP/shown" || {
  echo "the table of operators is not that of kiln ops --markdown"
  status=1
}

for link in $(grep -o '](\([^)#]*\))' "$readme" | tr -d '()]'); do
  [ -e "$SRC/$link" ] || {
    echo "the link to $link leads nowhere"
    status=1
  }
done

cd "$TMP"
mkdir build
cp "$KILN" build/kiln
ln -s "$SRC/examples" examples
# What the reader brings along: an image of zeros.
{
  printf '\x93NUMPY\x01\x00\x46\x00%-69s\n' \
    "{'descr': '|i1', 'fortran_order': False, 'shape': (1, 8, 8, 1)}"
  head -c 64 /dev/zero
} >image.npy

# Programs are the code blocks that begin with their file's name.
awk '/^```/ { file = ""; next_is_first = /^```(c|cpp)$/; next }
  next_is_first { file = $2; next_is_first = 0 }
  file { print >file }' "$readme"

while read -r command; do
  program=${command%% *}
  command -v "$program" >/dev/null || [ -x "$program" ] ||
    [ "$program" = ./app ] || {
      echo "left out: $program is not there"
      continue
    }
  bash -c "$command" >log 2>&1 || {
    echo "failed: $command"
    cat log
    status=1
  }
done < <(awk '/^```/ { inside = /^```console/ }
  inside && /^\$ / { print substr($0, 3) }' "$readme")
exit $status
