"""The rooms of the house: who may import whom, and what each room may know."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from dashboard.concepts import concepts, in_readme, readme_table

ROOT = Path(__file__).resolve().parents[1]
SHARED = {"checks", "states", "device", "metrics", "nn", "data", "store"}  # what all models stand on
USERS = {"recipes", "train"}  # what stands on the models


def test_the_contracts_hold():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_imports_go_in_a_circle():
    graph = grimp.build_graph("dashboard", "genmodels", exclude_type_checking_imports=True, cache_dir=None)
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    packages = {m for m in graph.modules if graph.find_children(m)}  # a package's __init__ gathers its own modules
    order = {m: {other for other in found if other not in packages} for m, found in imports.items()}
    graphlib.TopologicalSorter(order).prepare()


def models() -> dict[str, list[Path]]:
    """Files of each model: a file of ``genmodels``, or a folder."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "genmodels").rglob("*.py")):
        room = path.relative_to(ROOT / "genmodels").parts[0].removesuffix(".py")
        if room not in SHARED | USERS | {"__init__"}:
            found.setdefault(room, []).append(path)
    return found


def imported(path: Path) -> set[str]:
    """Rooms of ``genmodels`` that a file imports, at its top or within functions."""
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("genmodels.")}


def test_a_model_imports_another_only_where_its_docstring_says_so():
    for model, paths in models().items():
        texts = [ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in paths]
        others = {other for path in paths for other in imported(path)} & models().keys() - {model}
        unsaid = {other for other in others if not any(f"genmodels.{other}`" in text for text in texts)}
        assert not unsaid, f"{model} imports {unsaid}: let its docstring say why, as :mod:`genmodels.{{name}}`"


def test_what_models_share_knows_no_model():
    for path in (ROOT / "genmodels").rglob("*.py"):
        room = path.relative_to(ROOT / "genmodels").parts[0].removesuffix(".py")
        if room in SHARED:
            assert not imported(path) & (models().keys() | USERS), path


def test_no_file_in_dashboard_bears_the_name_of_another_module(tmp_path):
    """Both folders are on the path, so that a second module of that name would come before the right one."""
    names = {p.stem for p in (ROOT / "dashboard").iterdir() if p.suffix == ".py" or p.is_dir()} - {"__pycache__"}
    names -= {"__init__"}
    assert not names & set(sys.stdlib_module_names)
    code = f"import importlib.util as u; print([n for n in {sorted(names)!r} if u.find_spec(n)])"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_page_is_one_concept():
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert pages == {concept.page for concept in concepts()}
    assert len({concept.order for concept in concepts()}) == len(pages), "each has a place of its own"


def test_the_readme_lists_every_page():
    text = (ROOT / "README.md").read_text("utf-8")
    assert in_readme(text) == text, "run `python -m dashboard.concepts`"
    assert readme_table() in text


@pytest.mark.parametrize("path", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_what_the_documents_name_exists(path):
    """Every `name.py` or `folder/` in back quotes is in the repository; so is every `file.py:function`."""
    for name in found_names((ROOT / path).read_text("utf-8")):
        file, _, function = name.partition(":")
        matches = list(ROOT.glob(file)) or list(ROOT.glob(f"**/{file}"))
        assert matches, f"{path} names {name}"
        if function:
            assert any(
                f"{word} {function}" in matches[0].read_text("utf-8") for word in ("def", "class", "function")
            ) or (f"{function}(" in matches[0].read_text("utf-8")), f"{path} names {name}"


def found_names(text: str) -> list[str]:
    """What stands in back quotes and looks like a file or a folder of ours, placeholders in capitals left out."""
    quoted = [part for k, part in enumerate(text.replace("```", "").split("`")) if k % 2]
    names = [q for q in quoted if " " not in q and (q.endswith("/") or ".py" in q or ".js" in q)]
    return [q for q in names if "NAME" not in q and "CUE" not in q]
