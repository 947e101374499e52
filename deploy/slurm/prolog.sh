#!/bin/sh
# Slurm prolog (slurm.conf: Prolog=/etc/slurm/prolog.d/wattshed.sh): tells the agent on this node which GPUs and CPUs
# the job was given. Runs as root on every node of the job. Never fails it: whatever happens, the exit code is 0, and
# the file appears whole or not at all.

folder="${WATTSHED_JOB_FOLDER:-/run/wattshed/jobs}"

# A text within JSON: backslashes and quotes escaped, control characters gone.
text() {
  printf '%s' "$1" | LC_ALL=C tr -d '\000-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'
}

# A whole number, or nothing.
number() {
  case "$1" in
    '' | *[!0-9]*) ;;
    *) printf '%s' "$1" ;;
  esac
}

# Several slurmd on a host run this for one job: each has a name of its own, and a file. Also in epilog.sh.
suffix() {
  case "$SLURMD_NODENAME" in
    '' | *[!A-Za-z0-9._-]*) ;;
    *) printf '.%s' "$SLURMD_NODENAME" ;;
  esac
}

write_file() {
  case "$SLURM_JOB_ID" in
    '' | *[!0-9]*) return 0 ;;
  esac
  umask 022
  [ -d "$folder" ] || { mkdir -p "$folder" && chmod 755 "$folder"; } || return 0
  # UUIDs name the slices of a partitioned GPU, which numbers do not.
  case "$CUDA_VISIBLE_DEVICES" in
    MIG-* | GPU-*) gpus="$CUDA_VISIBLE_DEVICES" ;;
    *) gpus="$SLURM_JOB_GPUS" ;;
  esac
  restart="$(number "$SLURM_RESTART_COUNT")"
  [ "$restart" = 0 ] && restart=''
  name="slurm-$SLURM_JOB_ID$(suffix)"
  file="$folder/$name.json"
  part="$folder/.$name.$$"
  {
    printf '{"scheduler":"slurm","job":"%s"' "$SLURM_JOB_ID"
    printf ',"cluster":"%s"' "$(text "$SLURM_CLUSTER_NAME")"
    printf ',"restart":"%s"' "$restart"
    printf ',"user":"%s"' "$(text "$SLURM_JOB_USER")"
    printf ',"project":"%s"' "$(text "$SLURM_JOB_ACCOUNT")"
    printf ',"gpus":"%s"' "$(text "$gpus")"
    printf ',"cores":"%s"' "$(number "$SLURM_CPUS_ON_NODE")"
    printf ',"until":"%s"}\n' "$(number "$SLURM_JOB_END_TIME")"
  } >"$part" && mv -f "$part" "$file"
  rm -f "$part"
}

write_file >/dev/null 2>&1
exit 0
