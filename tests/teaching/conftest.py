"""Runs the tests of every_check.py over the lists of the module that imports them."""

LISTS = {"solution": "SOLUTIONS", "stub": "STUBS", "mistake": "WRONG"}


def pytest_generate_tests(metafunc):
    if metafunc.function.__module__ == "every_check":
        (argument,) = metafunc.fixturenames
        metafunc.parametrize(argument, getattr(metafunc.module, LISTS[argument]))
