#!/bin/sh
# Lets a suspended Kubernetes Job go at the greenest start: green-start JOB [OPTIONS of wattshed when-green]
#
# Waits, whatever the server does no longer than the deadline allows, and clears spec.suspend with kubectl. A Job that is
# not suspended is left alone, so that a restart of this script after it has done its work does nothing.

if [ $# -eq 0 ]; then
  echo 'green-start: green-start JOB [OPTIONS of wattshed when-green]' >&2
  exit 2
fi
job="$1"
shift

suspended="$(kubectl get job "$job" -o 'jsonpath={.spec.suspend}')" || exit 1
if [ "$suspended" != true ]; then
  echo "green-start: job $job is not suspended; there is nothing to do" >&2
  exit 0
fi
exec wattshed when-green "$@" -- kubectl patch job "$job" --type=merge -p '{"spec":{"suspend":false}}'
