#!/bin/sh
# build.sh cpu|cuda [--push]: build the image for linux/amd64 from this source tree; its last build step is
# `roomsplat doctor --strict` inside the image. IMAGE=registry/name chooses the name (default: roomsplat).
set -eu
cd "$(dirname "$0")/.."
kind=${1:-}
case "$kind" in
  cpu | cuda) ;;
  *) echo "usage: deploy/build.sh cpu|cuda [--push]" >&2; exit 2 ;;
esac
push=${2:-}
case "$push" in
  "" | --push) ;;
  *) echo "deploy/build.sh: $push is not --push" >&2; exit 2 ;;
esac
for program in docker podman none; do
  if command -v "$program" >/dev/null 2>&1; then break; fi
done
if [ "$program" = none ]; then
  echo "deploy/build.sh needs docker or podman; install one of them." >&2
  exit 1
fi
tag=${IMAGE:-roomsplat}:$kind
"$program" build --platform linux/amd64 --file "deploy/Containerfile.$kind" --tag "$tag" .
if [ "$push" = --push ]; then "$program" push "$tag"; fi
