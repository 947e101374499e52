#!/bin/sh
# The agent in its image, as install.sh makes it on a host: Node is the image's, so that nothing has to be found out.
if [ "${1-}" = run ]; then
  # glibc's heap for each thread, and what it keeps of what was given back, would be up to two MiB more; so would V8's
  # optimizer, which a loop that is idle most of the time does not need.
  export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_TOP_PAD_=16384
  exec node --lite-mode /opt/wattshed/wattshed.mjs "$@"
fi
exec node /opt/wattshed/wattshed.mjs "$@"
