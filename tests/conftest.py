"""What every test may use."""

import os

from hypothesis import settings

pytest_plugins = ("tests.support.browser", "tests.support.stack_logs", "tests.support.stack")

# As on Lambda, it is there before anything is imported: loggers are named after it.
os.environ["POWERTOOLS_SERVICE_NAME"] = "gateway-credits"

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
