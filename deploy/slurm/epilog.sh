#!/bin/sh
# Slurm epilog (slurm.conf: Epilog=/etc/slurm/epilog.d/wattshed.sh): tells the agent on this node that the job ended.
# Never fails: a failing epilog would drain the node.

folder="${WATTSHED_JOB_FOLDER:-/run/wattshed/jobs}"

case "$SLURM_JOB_ID" in
  '' | *[!0-9]*) ;;
  *) rm -f "$folder/slurm-$SLURM_JOB_ID.json" >/dev/null 2>&1 ;;
esac
exit 0
