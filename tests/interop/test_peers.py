"""Real phones, callers and proxies at one running site: test_phones.py, test_sipp.py, test_proxy.py,
test_sessions.py.

usage: test_peers.py [BIN_FOLDER] [NAME...]     NAME: a part of a test's name; without: all
"""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world             # noqa: E402

MODULES = ("test_phones", "test_sipp", "test_proxy", "test_sessions")


def main(arguments):
    bin_dir = arguments.pop(0) if arguments and os.path.isdir(arguments[0]) else None
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in arguments] or None
    tests = loader.loadTestsFromNames(MODULES)
    if not tests.countTestCases():
        sys.exit(f"no test's name has {' or '.join(arguments)} in it")
    try:
        world.up(bin_dir)
        result = unittest.TextTestRunner(verbosity=2).run(tests)
        world.site.keep |= not result.wasSuccessful()
    finally:
        faults = world.down()
    for fault in faults:
        print(f"# FAILED {fault}")
    return 0 if result.wasSuccessful() and not faults else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
