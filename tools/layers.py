"""The layer table of ARCHITECTURE.md, and what it says about one #include."""

import dataclasses
import re

BEGIN, END = "<!-- layers: begin -->", "<!-- layers: end -->"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ANYTHING = "anything"


@dataclasses.dataclass
class Layer:
    name: str
    folder: str
    allowed: set
    allowed_in_tests: set


class TableError(Exception):
    """The table cannot be read; the text says which row and what was expected."""


def _names(cell):
    return set() if cell == "-" else {name.strip() for name in cell.split(",")}


def _layer_name(folder):
    """`millrace/base/` is base, `nodes/<name>/` is nodes, `apps/millrace/` is apps."""
    parts = folder.strip("/").split("/")
    return parts[1] if parts[0] == "millrace" else parts[0]


def read_table(text):
    if BEGIN not in text or END not in text:
        raise TableError(f"ARCHITECTURE.md: expected the layer table between '{BEGIN}' and '{END}'")
    rows = [line for line in text.split(BEGIN)[1].split(END)[0].splitlines() if line.startswith("| `")]
    layers = {}
    for row in rows:
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        if len(cells) != 4:
            raise TableError(f"expected four columns in: {row}")
        folder = cells[0].strip("`")
        name = _layer_name(folder)
        layers[name] = Layer(name, folder, _names(cells[2]), _names(cells[2]) | _names(cells[3]))
    for layer in layers.values():
        unknown = (layer.allowed | layer.allowed_in_tests) - set(layers) - {ANYTHING}
        if unknown:
            raise TableError(f"{layer.folder} may include {', '.join(sorted(unknown))}: no such row")
    _refuse_cycles(layers)
    return layers


def _refuse_cycles(layers):
    done = set()

    def visit(name, path):
        if name in path:
            raise TableError("the table has a cycle: " + " -> ".join([*path[path.index(name):], name]))
        if name not in done and ANYTHING not in layers[name].allowed:
            for other in sorted(layers[name].allowed):
                visit(other, [*path, name])
        done.add(name)

    for name in layers:
        visit(name, [])


def layer_of(path, layers):
    parts = path.split("/")
    name = parts[1] if parts[0] == "millrace" and len(parts) > 2 else parts[0]
    return layers.get(name)


def complaint(path, include, layers):
    """What is wrong with `include` in the file `path`; None when the table allows it."""
    source, target = layer_of(path, layers), layer_of(include, layers)
    if source is None:
        return "lies in no folder of the layer table"
    if target is None:
        return f'"{include}" is in no layer: write the path from the root, and <> for what is not ours'
    parts, own = include.split("/"), path.split("/")
    same_folder = parts[:2] == own[:2]
    if "detail" in parts[:-1] and not same_folder:
        return f'"{include}" is private to {"/".join(parts[:2])}/'
    if source.name == target.name and (same_folder or source.name != "nodes"):
        return None
    if source.name == target.name:
        return f'"{include}": nodes never include each other'
    allowed = source.allowed_in_tests if path.endswith(("_test.cpp", "_for_test.hpp")) else source.allowed
    if ANYTHING in allowed or target.name in allowed:
        return None
    return (f'"{include}": {source.folder} may include only '
            f'{", ".join(sorted(allowed)) or "itself"} (ARCHITECTURE.md, layers)')
