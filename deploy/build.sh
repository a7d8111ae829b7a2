#!/bin/sh
# build.sh cpu|cuda|runpod [--push] [--dirty]: build the image for linux/amd64 from this source tree, with docker or
# podman. The last build step is `roomsplat doctor --strict` inside the image. Tags: NAME:VERSION-KIND and NAME:KIND, with
# IMAGE=registry/name as the name (default: roomsplat). An image tells its commit, so changes that are not committed are
# refused unless --dirty says that this is meant. `runpod` is built on top of `cuda`, so build that one first.
set -eu
cd "$(dirname "$0")/.."
usage() { echo "usage: deploy/build.sh cpu|cuda|runpod [--push] [--dirty]" >&2; exit 2; }
kind=${1:-}
case "$kind" in
  cpu | cuda) file=deploy/Containerfile.$kind ;;
  runpod) file=deploy/runpod/Containerfile ;;
  *) usage ;;
esac
shift
push= dirty=
for word; do
  case "$word" in
    --push) push=1 ;;
    --dirty) dirty=1 ;;
    *) usage ;;
  esac
done
for program in docker podman none; do
  if command -v "$program" >/dev/null 2>&1; then break; fi
done
if [ "$program" = none ]; then
  echo "deploy/build.sh needs docker or podman; install one of them." >&2
  exit 1
fi
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain 2>/dev/null || echo unknown)" ]; then
  if [ -z "$dirty" ]; then
    echo "deploy/build.sh: the source tree has changes that are not committed; commit them, or say --dirty." >&2
    exit 1
  fi
  commit=$commit-dirty
fi
# git does not know the built page, and node is not in the images: it is built here.
if [ -d src/roomsplat/page ] && [ ! -e src/roomsplat/page/dist/index.html ]; then
  echo "deploy/build.sh: the page is not built, so the image would have none; run make web." >&2
  exit 1
fi
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/roomsplat/_version.py)
name=${IMAGE:-roomsplat}
labels=org.opencontainers.image
"$program" build --platform linux/amd64 --file "$file" --build-arg "BASE=$name:$version-cuda" \
  --label "$labels.title=roomsplat" --label "$labels.version=$version" --label "$labels.revision=$commit" \
  --label "$labels.created=$(date -u +%Y-%m-%dT%H:%M:%SZ)" --label "$labels.licenses=Apache-2.0" \
  --tag "$name:$version-$kind" --tag "$name:$kind" .
if [ -n "$push" ]; then
  "$program" push "$name:$version-$kind"
  "$program" push "$name:$kind"
fi
