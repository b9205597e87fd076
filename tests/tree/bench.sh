#!/usr/bin/env bash
# bench/*.py: each finds what it imports of the others, and what Python has;
# those that need a peer's package are left out, and said so.
set -euo pipefail
cd "$SRC/bench"
status=0
for file in *.py; do
  why=$(python3 -B -c "import ${file%.py}" 2>&1) && continue
  case $why in
  *"No module named"* | skipped:*) echo "left out: $file, $(tail -1 <<<"$why")" ;;
  *)
    echo "$file: $why"
    status=1
    ;;
  esac
done
exit $status
