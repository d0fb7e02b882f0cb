"""tools/layers.py: what the table allows, and how a broken table is refused."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import layers as table  # noqa: E402


def page(*rows):
    return "\n".join([table.BEGIN, "| folder | purpose | may include | its tests also |", *rows, table.END])


ROWS = (
    "| `millrace/base/` | errors | - | - |",
    "| `millrace/media/` | packets | base | - |",
    "| `millrace/testing/` | harness | base, media | - |",
    "| `nodes/<name>/` | one each | base, media | testing |",
    "| `tests/` | the rest | anything | anything |",
)


class Includes(unittest.TestCase):
    def setUp(self):
        self.layers = table.read_table(page(*ROWS))

    def complaint(self, path, include):
        return table.complaint(path, include, self.layers)

    def test_a_layer_includes_itself_and_what_its_row_names(self):
        self.assertIsNone(self.complaint("millrace/media/wav.cpp", "millrace/media/wav.hpp"))
        self.assertIsNone(self.complaint("millrace/media/wav.cpp", "millrace/base/result.hpp"))

    def test_an_edge_against_the_table_is_named(self):
        self.assertIn("millrace/base/ may include only itself",
                      self.complaint("millrace/base/clock.cpp", "millrace/media/wav.hpp"))

    def test_only_the_tests_of_a_node_see_the_harness(self):
        self.assertIsNone(self.complaint("nodes/gate/gate_test.cpp", "millrace/testing/harness.hpp"))
        self.assertIsNotNone(self.complaint("nodes/gate/gate.cpp", "millrace/testing/harness.hpp"))

    def test_nodes_never_include_each_other(self):
        self.assertIsNone(self.complaint("nodes/gate/gate.cpp", "nodes/gate/gate.hpp"))
        self.assertIn("never include each other", self.complaint("nodes/gate/gate.cpp", "nodes/vad/vad.hpp"))

    def test_detail_is_private_even_where_everything_else_is_open(self):
        self.assertIsNone(self.complaint("millrace/media/wav.cpp", "millrace/media/detail/riff.hpp"))
        self.assertIn("private", self.complaint("tests/x_test.cpp", "millrace/media/detail/riff.hpp"))

    def test_a_path_that_is_not_from_the_root_is_refused(self):
        self.assertIn("in no layer", self.complaint("millrace/media/wav.cpp", "wav.hpp"))

    def test_a_file_outside_every_row_is_reported(self):
        self.assertIn("no folder", self.complaint("spare/x.cpp", "millrace/base/result.hpp"))


class Table(unittest.TestCase):
    def test_a_name_without_a_row_is_refused(self):
        with self.assertRaisesRegex(table.TableError, "wire: no such row"):
            table.read_table(page("| `millrace/base/` | errors | wire | - |"))

    def test_a_cycle_is_named(self):
        with self.assertRaisesRegex(table.TableError, "a -> b -> a"):
            table.read_table(page("| `millrace/a/` | x | b | - |", "| `millrace/b/` | y | a | - |"))

    def test_a_page_without_the_table_is_refused(self):
        with self.assertRaises(table.TableError):
            table.read_table("# Architecture")


if __name__ == "__main__":
    unittest.main()
