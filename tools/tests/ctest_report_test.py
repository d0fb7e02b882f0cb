"""tools/ctest_report: a retried test is named, and ctest's closing lines stay last."""

import subprocess
import unittest

import loading

RUN = """\
1/2 Test #1: Good.One .........................   Passed    0.00 sec
2/2 Test #2: Ring.Refuses .....................***Failed    0.01 sec
    Start 2: Ring.Refuses
    Test #2: Ring.Refuses .....................{second}    0.00 sec

{percent}% tests passed, {failed} tests failed out of 2

Total Test time (real) =   0.02 sec
"""


def report(text):
    return subprocess.run([loading.TOOLS / "ctest_report"], input=text, capture_output=True, text=True,
                          check=True).stdout


class Report(unittest.TestCase):
    def test_a_test_that_passed_at_the_second_try_is_named_before_the_closing_lines(self):
        text = report(RUN.format(second="   Passed", percent=100, failed=0))
        self.assertIn("Passed only at the second try (1):\n  Ring.Refuses\n", text)
        self.assertTrue(text.endswith("Total Test time (real) =   0.02 sec\n"))
        self.assertLess(text.index("second try"), text.index("100% tests passed"))

    def test_a_test_that_failed_twice_is_not_called_retried(self):
        self.assertNotIn("second try", report(RUN.format(second="***Failed", percent=50, failed=1)))

    def test_without_retries_nothing_is_added(self):
        text = "1/1 Test #1: A ...   Passed    0.00 sec\n\n100% tests passed, 0 tests failed out of 1\n"
        self.assertEqual(report(text), text)


if __name__ == "__main__":
    unittest.main()
