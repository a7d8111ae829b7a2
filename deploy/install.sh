#!/bin/sh
# install.sh TARGET LOCK…: roomsplat and the locked libraries in the virtual environment TARGET.
# The container files and deploy/check run this same script, from the root of the source tree: there is no second list
# of steps that could differ. Needs Python 3.11 or newer with its venv module, and nothing else: no compiler.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: deploy/install.sh TARGET LOCK…, such as: deploy/install.sh /opt/roomsplat server" >&2
  exit 2
fi
target=$1
shift
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
python3 -m venv "$target"
for lock; do
  "$target/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r "requirements/$lock.lock"
done
"$target/bin/python" -m pip install --quiet --no-deps --no-build-isolation .
# What only the installation needed.
"$target/bin/python" -m pip uninstall --quiet --yes hatchling editables pathspec pluggy trove-classifiers pip
