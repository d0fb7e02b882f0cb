"""tools/fetch_deps without a network: what is there and right is believed, everything else is refused with a remedy."""

import hashlib
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
import loading  # noqa: E402

fetch = loading.tool("fetch_deps")
CATALOGUE = json.loads((loading.TOOLS / "models.json").read_text())


def row_for(data):
    return {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_a_file_with_the_right_hash_is_present(self):
        (self.folder / "m").write_bytes(b"model")
        self.assertTrue(fetch.is_present(self.folder / "m", row_for(b"model")))

    def test_a_changed_or_cut_or_absent_file_is_not(self):
        for data in (b"modem", b"mode"):
            (self.folder / "m").write_bytes(data)
            self.assertFalse(fetch.is_present(self.folder / "m", row_for(b"model")))
        self.assertFalse(fetch.is_present(self.folder / "absent", row_for(b"model")))

    def test_data_with_another_hash_is_not_installed(self):
        with self.assertRaisesRegex(fetch.FetchError, "not installed"):
            fetch.put_file(b"evil", self.folder / "m", row_for(b"good"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_unusable_ort_root_is_refused_and_a_usable_one_taken(self):
        with mock.patch.dict(os.environ, {"ORT_ROOT": str(self.folder)}):
            with self.assertRaisesRegex(fetch.FetchError, "ORT_ROOT"):
                fetch.own_runtime()
            for name in ("include/onnxruntime_cxx_api.h", "lib/libonnxruntime.so"):
                (self.folder / name).parent.mkdir()
                (self.folder / name).touch()
            self.assertTrue(fetch.own_runtime())


class Catalogue(unittest.TestCase):
    def test_every_package_has_a_hash_in_the_lock(self):
        packages = {row["package"] for row in CATALOGUE["models"]} | {CATALOGUE["library"]["package"]}
        for line in fetch.locked_lines(packages).splitlines():
            self.assertRegex(line, r"^[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}$")

    def test_a_package_without_a_line_is_refused(self):
        with self.assertRaises(fetch.FetchError):
            fetch.locked_lines({"no-such-package"})

    def test_the_program_believes_the_same_hashes(self):
        source = (loading.TOOLS.parent / "millrace" / "inference" / "models.cpp").read_text()
        for row in CATALOGUE["models"]:
            self.assertIn(row["sha256"], source, f"{row['name']} in millrace/inference/models.cpp")
            self.assertIn(f'"{row["file"]}"', source)


if __name__ == "__main__":
    unittest.main()
