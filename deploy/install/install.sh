#!/bin/sh
# Puts the Wattshed agent on this host: checks what it needs, shows its plan, copies files whose checksums are pinned in
# this very script, and lets `wattshed install` make it a service. Take it away again: wattshed uninstall.
# Everything is inside main(), so that a download that was cut off runs nothing.
set -eu

VERSION='@VERSION@'
SERVER='@SERVER@'
SHA256_AGENT='@SHA256_AGENT@'
SHA256_KOFFI_X64='@SHA256_KOFFI_X64@'
SHA256_KOFFI_ARM64='@SHA256_KOFFI_ARM64@'
SHA256_ARCHIVE_X64='@SHA256_ARCHIVE_X64@'
SHA256_ARCHIVE_ARM64='@SHA256_ARCHIVE_ARM64@'

usage() {
  cat <<END
install.sh [options]   puts the Wattshed agent $VERSION on this host and starts it as a service

  --url URL        the server (default ${SERVER:-none})
  --key-file FILE  a file that holds the enrolment key; without it WATTSHED_ENROLMENT_KEY
  --archive FILE   an archive of npm run package, as a file or an https URL: for hosts without
                   Node 20 or newer, and for hosts without a way out
  --sha256 HEX     its checksum, where this script has none for it
  --root DIR       into the folder of an image, instead of this host
  --no-service     only the files
  --dry-run        shows the plan and stops
  --help           shows this
END
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

main() {
  url=$SERVER key_file='' archive='' archive_sha='' root='' service=yes dry_run=no
  while [ $# -gt 0 ]; do
    case $1 in
      --url) url=${2:?--url needs a URL}; shift ;;
      --key-file) key_file=${2:?--key-file needs a file}; shift ;;
      --archive) archive=${2:?--archive needs a file or a URL}; shift ;;
      --sha256) archive_sha=${2:?--sha256 needs a checksum}; shift ;;
      --root) root=${2:?--root needs a folder}; shift ;;
      --no-service) service=no ;;
      --dry-run) dry_run=yes ;;
      --help) usage; exit 0 ;;
      *) fail "there is no option $1; --help lists them" ;;
    esac
    shift
  done

  [ "$(uname -s)" = Linux ] || fail "the agent runs on Linux, this is $(uname -s)"
  case $(uname -m) in
    x86_64) arch=x64 koffi_sha=$SHA256_KOFFI_X64 pinned=$SHA256_ARCHIVE_X64 ;;
    aarch64) arch=arm64 koffi_sha=$SHA256_KOFFI_ARM64 pinned=$SHA256_ARCHIVE_ARM64 ;;
    *) fail "there is no agent for $(uname -m), only for x86_64 and aarch64" ;;
  esac

  # An unpacked archive has all of it beside its own install.sh, which knows no server. That of a server, run through a pipe,
  # must not take what happens to lie in the working folder.
  here=$(dirname -- "$0")
  if [ -z "$SERVER$archive" ] && [ -f "$here/wattshed.mjs" ] && [ -x "$here/bin/node" ]; then
    from="the unpacked archive in $here"
    node_text='the Node that the archive brings'
  elif [ -n "$archive" ]; then
    from=$archive
    node_text='the Node that the archive brings'
    archive_sha=${archive_sha:-$pinned}
    [ -n "$archive_sha" ] || fail "no checksum is known for $archive: give --sha256 (npm run package printed it)"
  else
    [ -n "$SERVER" ] || fail 'no server to get the agent from: use --archive FILE'
    from=$SERVER
    node=$(find_node) || fail "this host has no Node 20 or newer that a service can run: install one, or use --archive with an archive of npm run package, which brings its own"
    node_text=$node
    [ -n "$koffi_sha" ] || printf 'install.sh: this server has no koffi for %s: without Node 26.1 NVML cannot be called, nvidia-smi stands in\n' "$arch" >&2
  fi

  target=$root/opt/wattshed/$VERSION
  cat <<END
Wattshed agent $VERSION for linux-$arch, from $from

  1. $target: the agent, checked against its checksums; it runs with $node_text
  2. $root/usr/local/bin/wattshed: a link to it
END
  [ $service = no ] || cat <<END
  3. enrol at ${url:-(no server: give --url)} where a key is given, and start the service wattshed (wattshed install --dry-run tells each step)
END
  [ $dry_run = no ] || exit 0
  [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'run it as root (sudo), or into a folder with --root DIR'

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT INT TERM
  collect
  place
  printf '\nInstalled %s\n' "$("$target/bin/wattshed" --version)"
  [ $service = yes ] || exit 0
  set -- install --root "${root:-/}"
  [ -z "$url" ] || set -- "$@" --url "$url"
  [ -z "$key_file" ] || set -- "$@" --key-file "$key_file"
  # Standard input is this script where it came through a pipe: a key never comes that way.
  "$target/bin/wattshed" "$@" </dev/null
}

# The first Node that is new enough, by its absolute path; one in a home folder is hidden from services.
find_node() {
  for candidate in "$(command -v node || true)" /usr/bin/node /usr/local/bin/node; do
    [ -n "$candidate" ] && [ -x "$candidate" ] || continue
    # What it calls itself: the file may be a launcher of another name.
    path=$("$candidate" -p process.execPath 2>/dev/null) || continue
    case $path in /home/* | /root/*) continue ;; esac
    major=$("$path" -p 'process.versions.node.split(".")[0]' 2>/dev/null) || continue
    [ "$major" -ge 20 ] && printf '%s\n' "$path" && return 0
  done
  return 1
}

# Fills $work with wattshed.mjs and, where there are any, koffi.node and bin/node, all checked.
collect() {
  case $from in
    'the unpacked archive'*)
      (cd "$here" && sha256sum -c --quiet SHA256SUMS) || fail 'the unpacked archive is damaged'
      mkdir "$work/bin"
      cp "$here/bin/node" "$work/bin/node"
      cp "$here/wattshed.mjs" "$here/koffi.node" "$work/"
      ;;
    "$SERVER")
      download "$SERVER/agent/wattshed.mjs" "$work/wattshed.mjs"
      verify "$work/wattshed.mjs" "$SHA256_AGENT"
      if [ -n "$koffi_sha" ]; then
        download "$SERVER/agent/koffi-linux-$arch.node" "$work/koffi.node"
        verify "$work/koffi.node" "$koffi_sha"
      fi
      ;;
    *)
      case $archive in
        https://*) download "$archive" "$work/archive.tar.gz"; archive=$work/archive.tar.gz ;;
        *://*) fail 'an archive comes from a file or by https' ;;
      esac
      verify "$archive" "$archive_sha"
      tar -xzf "$archive" -C "$work" --strip-components=1 --no-same-owner
      ;;
  esac
}

download() {
  case $1 in
    https://*) protocol='=https' ;;
    *) protocol='=http' ;;
  esac
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto "$protocol" --proto-redir "$protocol" --retry 3 --output "$2" "$1" || fail "cannot get $1"
  elif command -v wget >/dev/null; then
    wget --quiet --max-redirect=0 --output-document="$2" "$1" || fail "cannot get $1"
  else
    fail 'neither curl nor wget is here to get the agent with: use --archive FILE'
  fi
}

verify() {
  printf '%s  %s\n' "$2" "$1" | sha256sum -c --quiet - >/dev/null 2>&1 ||
    fail "$1 is not what was built (its checksum differs): nothing is installed"
}

# Version beside version, so that a running agent is never half replaced; the link moves last.
place() {
  rm -rf "$target.new"
  mkdir -p "$target.new/bin" "$root/usr/local/bin"
  cp "$work/wattshed.mjs" "$target.new/wattshed.mjs"
  [ ! -f "$work/koffi.node" ] || cp "$work/koffi.node" "$target.new/koffi.node"
  if [ -f "$work/bin/node" ]; then
    cp "$work/bin/node" "$target.new/bin/node"
    binary=$target.new/bin/node
    runs='"$here/bin/node"'
  else
    binary=$node
    runs="'$node'"
  fi
  # The service is idle most of the time: without V8's optimizer it takes some MiB less and no more time.
  lite=''
  ! "$binary" --lite-mode -e 0 2>/dev/null || lite=' --lite-mode'
  cat >"$target.new/bin/wattshed" <<END
#!/bin/sh
here=\$(dirname -- "\$(dirname -- "\$(readlink -f -- "\$0")")")
if [ "\${1-}" = run ]; then
  # glibc's heap for each thread, and what it keeps of what was given back, would be up to two MiB more.
  export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_TOP_PAD_=16384
  exec $runs$lite "\$here/wattshed.mjs" "\$@"
fi
exec $runs "\$here/wattshed.mjs" "\$@"
END
  chmod -R u=rwX,go=rX "$target.new"
  chmod 755 "$target.new/bin/"*
  previous=$(readlink "$root/opt/wattshed/current" || true)
  rm -rf "$target"
  mv "$target.new" "$target"
  ln -sfn "$VERSION" "$root/opt/wattshed/current"
  ln -sfn ../../../opt/wattshed/current/bin/wattshed "$root/usr/local/bin/wattshed"
  [ "$previous" = "$VERSION" ] || forget_old
}

# Of earlier versions the last one stays, to go back to.
forget_old() {
  for old in "$root/opt/wattshed"/*; do
    case ${old##*/} in "$VERSION" | "$previous" | current) continue ;; esac
    [ ! -f "$old/wattshed.mjs" ] || rm -rf "$old"
  done
}

# In braces: cut off behind "main" it would run without its options.
{ main "$@"; }
