"""What every test shares: how hypothesis searches.

Left out: fixtures. Each room's tests keep their own, where they are read.
"""

import os

from hypothesis import settings

# No deadline: the first call of a kernel compiles it. In CI the search repeats itself exactly, so that
# a red run can be looked at; elsewhere each run looks at new cases.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("house")
