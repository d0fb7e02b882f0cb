"""tools/new_node: what it makes, and what it refuses. That the result builds and passes is a test of its own (e2e)."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import loading  # noqa: E402

new_node = loading.tool("new_node")


class NewNode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def test_a_folder_with_code_test_page_and_build_line_is_made(self):
        made = {str(path) for path in new_node.make(self.root, "noise_gate")}
        self.assertEqual(made, {f"nodes/noise_gate/{name}" for name in (
            "CMakeLists.txt", "README.md", "noise_gate.cpp", "noise_gate.hpp", "noise_gate_test.cpp")})

    def test_no_placeholder_is_left(self):
        for path in new_node.make(self.root, "noise_gate"):
            self.assertNotRegex((self.root / path).read_text(), "@[Nn]ame@")

    def test_an_existing_node_is_left_alone(self):
        new_node.make(self.root, "noise_gate")
        with self.assertRaisesRegex(ValueError, "already"):
            new_node.make(self.root, "noise_gate")

    def test_names_that_are_no_snake_case_are_refused(self):
        for name in ("NoiseGate", "1st", "noise-gate", "../x", "a__b", "", "x" * 41):
            with self.assertRaises(ValueError):
                new_node.make(self.root, name)


if __name__ == "__main__":
    unittest.main()
