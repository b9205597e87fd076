#!/usr/bin/env bash
# The text-test runner itself: what it accepts, refuses and substitutes.
set -eu
cd "$TMP"

# expect STATUS TEXT-OF-OUTPUT < test file; its @ stand for #, lest they be
# taken for this file's own.
expect() {
  sed 's/^@/#/' >case.test
  got=0
  "$SRC/tests/run" case.test >out 2>&1 || got=$?
  if [ $got != "$1" ] || { [ -n "$2" ] && ! grep -qF -- "$2" out; }; then
    echo "exit status $got, expected $1 and '$2'; test and output:"
    cat case.test out
    exit 1
  fi
}

expect 0 '' <<'END'
// RUN: echo one > %t
// RUN: echo two >> %t && FileCheck %s < %t
// CHECK: one
// CHECK-NEXT: two
END
expect 0 '' <<'END'
# RUN: test %S/case.test = %s && test -d . && test -e README.md \
# RUN:   || test -e CMakeLists.txt
# RUN: test ! -e %t
# RUN: not false
# RUN: exits 3 bash -c 'exit 3'
END
expect 1 'exit status 2, expected 3' <<'END'
# RUN: exits 3 bash -c 'exit 2'
END
expect 1 'CHECK: absent' <<'END'
# RUN: echo present | FileCheck %s
# CHECK: absent
END
expect 1 'failed with 1: ' <<'END'
# RUN: false | cat
# RUN: true
END
expect 1 'failed with' <<'END'
# RUN: not bash -c 'kill -SEGV $$'
END
expect 1 'no RUN line' <<'END'
text
END
expect 1 'unknown feature' <<'END'
@ REQUIRES: warp-drive
# RUN: true
END
KILN_SHARED=$TMP/nowhere expect 77 'nowhere is not there' <<'END'
@ REQUIRES: shared
# RUN: true
END
KILN_SHARED=$TMP expect 0 '' <<'END'
@ REQUIRES: shared
# RUN: test -e %shared/case.test
END
