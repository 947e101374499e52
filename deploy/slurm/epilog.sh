#!/bin/sh
# Slurm epilog (slurm.conf: Epilog=/etc/slurm/epilog.d/wattshed.sh): tells the agent on this node that the job ended.
# Never fails: a failing epilog would drain the node.

folder="${WATTSHED_JOB_FOLDER:-/run/wattshed/jobs}"

# As in prolog.sh: of several slurmd on a host each has its own file.
case "$SLURMD_NODENAME" in
  '' | *[!A-Za-z0-9._-]*) suffix='' ;;
  *) suffix=".$SLURMD_NODENAME" ;;
esac

case "$SLURM_JOB_ID" in
  '' | *[!0-9]*) ;;
  # The second is what a prolog without the node's name wrote.
  *) rm -f "$folder/slurm-$SLURM_JOB_ID$suffix.json" "$folder/slurm-$SLURM_JOB_ID.json" >/dev/null 2>&1 ;;
esac
exit 0
