import ast
import os
import re
import sys
import unittest

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What ESXi 6.5 to 9.x is known to ship and to have working.
ALLOWED = {
    "binascii", "collections", "copy", "errno", "fcntl", "hashlib", "hmac", "json", "os", "re", "select", "signal",
    "socket", "struct", "subprocess", "sys", "threading", "time",
}


def sources():
    """The files that are brought to a host."""
    paths = [os.path.join(FOLDER, "__main__.py")]
    for folder, _, names in os.walk(os.path.join(FOLDER, "vscsi_agent")):
        paths += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    return sorted(paths)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def is_for_checkers_only(node):
    """`if TYPE_CHECKING:`, whose body no interpreter runs."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(node):
    """The names of the modules of the standard library that a piece of source imports when it runs."""
    found = set()
    for child in ast.iter_child_nodes(node):
        if is_for_checkers_only(child):
            continue
        if isinstance(child, ast.Import):
            found.update(alias.name.split(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            found.add(child.module.split(".")[0])
        found.update(imports(child))
    return found


class Sources(unittest.TestCase):
    @unittest.skipIf(sys.version_info < (3, 8), "this interpreter reads no grammar but its own")
    def test_every_file_is_of_the_grammar_of_python_3_5(self):
        for path in sources():
            ast.parse(read(path), path, feature_version=(3, 5))

    def test_only_modules_that_a_host_has_are_imported(self):
        found = set()
        for path in sources():
            found |= imports(ast.parse(read(path), path))
        self.assertEqual(found - {"vscsi_agent"}, ALLOWED)

    def test_no_file_is_longer_than_a_reader_holds(self):
        for path in sources():
            self.assertLessEqual(read(path).count(b"\n"), 600, path)

    def test_every_file_says_what_it_is_for(self):
        for path in sources():
            self.assertTrue(ast.get_docstring(ast.parse(read(path), path)), path)

    def test_the_version_is_that_of_the_product(self):
        manifest = os.path.join(FOLDER, "..", "..", "Cargo.toml")
        wanted = re.search(rb'^version = "([^"]+)"', read(manifest), re.MULTILINE).group(1)
        package = os.path.join(FOLDER, "vscsi_agent", "__init__.py")
        found = re.search(rb'^VERSION = "([^"]+)"', read(package), re.MULTILINE)
        self.assertEqual(found.group(1), wanted)
