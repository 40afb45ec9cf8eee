"""docs/failure-matrix.md names only tests that exist.  usage: matrix.py SOURCE_FOLDER"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
tests = root / "tests"
names = {path.stem for path in tests.rglob("*.scn")} | {path.stem for path in tests.rglob("*.c")}
for path in tests.rglob("*"):
    if path.suffix in (".c", ".py"):
        text = path.read_text(encoding="utf-8", errors="replace")
        names |= set(re.findall(r"^[A-Z_a-z]*(?:Test|CASE|Case)[A-Za-z]*\(\s*\w+,\s*(\w+)", text, re.M))
        names |= set(re.findall(r"^\s*def (test_\w+)", text, re.M))
missing, rows, proven = [], 0, 0
for line in (root / "docs/failure-matrix.md").read_text(encoding="utf-8").splitlines():
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) < 4 or not re.fullmatch(r"[A-Z]+-?\d+[a-z]?", cells[1]):
        continue
    rows += 1
    proof = cells[-2]
    named = [name for name in re.findall(r"`([\w-]+)`", proof.split("open")[0])]
    proven += bool(named)
    missing += [f"{cells[1]}: there is no test {name}" for name in named if name not in names]
    if not named and not proof.startswith("open"):
        missing.append(f"{cells[1]}: neither a test nor the word open")
print(f"{rows} requirements, {proven} with a test")
for line in missing:
    print(line)
sys.exit(1 if missing or rows < 60 else 0)
