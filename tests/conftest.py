"""What every test may use."""

from hypothesis import settings

pytest_plugins = ("tests.support.browser", "tests.support.stack")

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
