#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python, the pinned packages, closed folders.
set -euo pipefail
version="@PYTHON@"  # what students are told that the grader has
torch_index="${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}"  # without CUDA, which would add gigabytes
source="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
place="${AUTOGRADER_PLACE:-/opt/autograder}"
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
if ! "python$version" -c 'import ensurepip, venv' 2>/dev/null; then
  if ! apt-get install -y -qq "python$version" "python$version-venv"; then
    # Ubuntu's archive of other versions of Python
    apt-get install -y -qq software-properties-common
    add-apt-repository -y ppa:deadsnakes/ppa
    apt-get update -qq
    apt-get install -y -qq "python$version" "python$version-venv"
  fi
fi
# One more layer where the kernel lets a container use it; without it students' code is still confined (docs/gradescope.md).
apt-get install -y -qq bubblewrap || echo "bubblewrap is not to be had: Landlock, seccomp and another user confine"

"python$version" -m venv "$place"
"$place/bin/pip" install --quiet --no-cache-dir --index-url "$torch_index" "$(grep '^torch==' "$source/requirements.txt")"
"$place/bin/pip" install --quiet --no-cache-dir -r "$source/requirements.txt"

# Students' code runs as another user: it may read Python, engine, kit and the released library, and nothing else.
chmod -R go-rwx "$source"
chmod go+x "$source" "$source/course"
chmod -R go+rX "$source/engine" "$source/course/release" "$place"
"$place/bin/python" -c 'import torch; print("torch", torch.__version__)'
