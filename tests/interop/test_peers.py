"""Real phones, callers and proxies at one running site: test_phones.py, test_sipp.py, test_proxy.py,
test_queue.py, test_carrier.py, test_sessions.py; test_six.py at a second one, with an IPv6 address.

usage: test_peers.py [BIN_FOLDER] [NAME...]     NAME: a part of a test's name; without: all
"""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world             # noqa: E402

# At each site, in order: the site's traits, the files of tests.
SITES = (({}, ("test_phones", "test_sipp", "test_proxy", "test_queue", "test_carrier", "test_sessions")),
         ({"net_number": world.NET + 1, "site_address": "::1"}, ("test_six",)))


def run(bin_dir, traits, tests):
    """True when all of TESTS passed at a site with TRAITS, and the site did well."""
    good = False
    try:
        world.up(bin_dir, **traits)
        good = unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
        world.site.keep |= not good
    finally:
        faults = world.down()
    for fault in faults:
        print(f"# FAILED {fault}")
    return good and not faults


def main(arguments):
    bin_dir = arguments.pop(0) if arguments and os.path.isdir(arguments[0]) else None
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in arguments] or None
    chosen = [(traits, loader.loadTestsFromNames(files)) for traits, files in SITES]
    chosen = [(traits, tests) for traits, tests in chosen if tests.countTestCases()]
    if not chosen:
        sys.exit(f"no test's name has {' or '.join(arguments)} in it")
    return 0 if all([run(bin_dir, traits, tests) for traits, tests in chosen]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
