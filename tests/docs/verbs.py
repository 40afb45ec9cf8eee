"""Every `hamgr VERB` that README.md and docs/*.md write as code is in hamgr/cli/verbs.tbl.h.  usage: verbs.py SOURCE_FOLDER"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
table = (root / "hamgr/cli/verbs.tbl.h").read_text(encoding="utf-8")
verbs = set(re.findall(r'^VERB\( *"([a-z -]+)"', table, re.M)) | {"help"}
halves = {verb.split()[0] for verb in verbs if " " in verb}
seen, wrong = 0, []
for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
    text = path.read_text(encoding="utf-8")
    for code in re.finditer(r"```.*?```|`[^`]+`", text, re.S):
        if text[:code.start()].endswith("open: "):
            continue  # not there yet, and said so
        for said in re.finditer(r"(?:^`|^ *(?:\$ )?)hamgr ((?:--[a-z]+(?:[ =][^-\s]\S*)? )*)([a-z][a-z-]*[a-z])(?: ([a-z]+))?", code[0], re.M):
            first, second = said[2], said[3]
            seen += 1
            whole = first in verbs or (first in halves and (second is None or f"{first} {second}" in verbs))
            if not whole:
                line = text.count("\n", 0, code.start() + said.start(2)) + 1
                wrong.append(f"{path.relative_to(root)}:{line}: hamgr {first} {second or ''} is no verb")
print(f"{len(verbs)} verbs, written {seen} times")
for line in wrong:
    print(line)
sys.exit(1 if wrong or seen < 15 or len(verbs) < 10 else 0)
