# SPDX-License-Identifier: GPL-3.0-or-later
"""The same tests in a Blender that is a program: blender -b --python run_in_blender.py -- ARGUMENTS"""

import os
import sys
from pathlib import Path

import pytest

os.chdir(Path(__file__).parent)
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[sys.argv.index("--") + 1 :]])
sys.stdout.flush()
sys.stderr.flush()
# Blender itself ends with 0 whatever its script says.
os._exit(int(code))
