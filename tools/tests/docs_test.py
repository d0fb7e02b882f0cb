"""tools/check_docs: a broken link, an unknown command and bad YAML are found; right ones are not."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import loading  # noqa: E402

try:
    docs = loading.tool("check_docs")
except SystemExit as missing:
    raise unittest.SkipTest(str(missing))


class Docs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def links(self, text):
        (self.root / "page.md").write_text(text)
        return [*docs.broken_links(self.root, "page.md", text)]

    def test_a_link_to_a_missing_file_is_named(self):
        self.assertIn("gone.md leads nowhere", self.links("[x](gone.md)")[0])

    def test_a_link_to_a_missing_heading_is_named(self):
        self.assertIn("#absent", self.links("# Here\n[x](#absent)")[0])

    def test_good_links_and_foreign_ones_pass(self):
        self.assertEqual(self.links("# What `it` is\n[x](#what-it-is) [y](page.md) [z](https://a.b/c)"), [])

    def test_a_link_inside_a_code_block_is_no_link(self):
        self.assertEqual(self.links("```cpp\na[0](gone)\n```\n"), [])

    def test_an_unknown_command_is_named_wherever_it_stands(self):
        for text in ("`./dev tset`", "```sh\n./dev tset\n```\n"):
            self.assertIn("./dev tset", [*docs.unknown_commands("p", text, {"test"}, set())][0])

    def test_a_known_command_and_prose_pass(self):
        text = "`./dev test unit` and `millrace run x.yaml`; the millrace engine"
        self.assertEqual([*docs.unknown_commands("p", text, {"test"}, {"run"})], [])

    def test_commands_are_read_from_dev_itself(self):
        commands = docs.commands_of_dev(loading.TOOLS.parent)
        self.assertLessEqual({"demo", "test", "check", "new-node"}, commands)

    def test_yaml_that_does_not_parse_is_reported(self):
        self.assertEqual(len([*docs.bad_yaml("p", "```yaml\na: [1\n```\n")]), 1)
        self.assertEqual([*docs.bad_yaml("p", "```yaml\na: [1]\n```\n")], [])


if __name__ == "__main__":
    unittest.main()
