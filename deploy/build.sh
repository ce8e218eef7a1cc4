#!/bin/sh
# Makes a virtual environment that holds the bot and the packages of requirements.lock, by their hashes:
#   deploy/build.sh /opt/stampbot [python3]
set -eu
target=${1:?the folder to make, such as /opt/stampbot}
python=${2:-python3}
case $target in /*) ;; *) target=$PWD/$target ;; esac
cd "$(dirname "$0")/.."

"$python" -m venv "$target"
pip() { "$target/bin/python" -m pip --disable-pip-version-check --no-cache-dir "$@"; }
pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
PYTHONWARNINGS=ignore pip install --quiet --no-deps --no-build-isolation --no-index .
"$target/bin/python" -m compileall -q "$target/lib" >/dev/null || true
"$target/bin/stampbot" --version
