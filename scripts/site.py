#!/usr/bin/env python3
"""Makes the documentation site from the documents that there are: docs/, the rules' own documents, the changelog.

    pip install -r docs/requirements.txt && python3 scripts/site.py [--lagmap FILE] [--serve]

The pages are put together in target/site/pages and built into target/site/html; links that lead nowhere are errors. Rules are those that
`lagmap rules --format json` lists: one that lacks a document, or a document without a rule, is an error, too."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "target/site"
REPOSITORY = "https://github.com/lagmap/lagmap"
PARTS = {
    "Start": [("start", "Start"), ("concepts", "Concepts"), ("configuration", "Configuration"), ("services", "Services and wires")],
    "Where you work": [("pipelines", "Pipelines"), ("editors", "Editors"), ("agents", "Agents")],
    "How it knows": [
        ("estimates", "Estimates"), ("rule-impact", "What rules are worth"), ("recall", "Recall"), ("catalogue-check", "Catalogue check"),
        ("robustness", "Robustness"), ("benchmarks", "Benchmarks"), ("comparison", "Comparison"), ("dependencies", "Dependencies"),
    ],
}


def rewritten(text: str, source: Path, pages: dict[Path, str]) -> str:
    """The text with links to other pages of the site, and to the repository for all else that is a file of it."""

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match.group(2).partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return match.group(0)
        path = (source.parent / target).resolve()
        anchor = f"#{anchor}" if anchor else ""
        if path in pages:
            own = pages[source]
            return f"{match.group(1)}({os.path.relpath(pages[path], os.path.dirname(own) or '.')}{anchor})"
        if path.exists() and path.is_relative_to(ROOT) and path.suffix != ".png":
            return f"{match.group(1)}({REPOSITORY}/blob/main/{path.relative_to(ROOT)}{anchor})"
        return match.group(0)

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(part if part.startswith("```") else re.sub(r"(\])\(([^)\s]+)\)", link, part) for part in parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lagmap", type=Path, default=ROOT / "target/release/lagmap")
    parser.add_argument("--serve", action="store_true", help="show it on this machine instead of building it")
    arguments = parser.parse_args()
    listed = json.loads(subprocess.run([arguments.lagmap, "rules", "--format", "json"], capture_output=True, check=True, text=True).stdout)
    rules = {rule["name"]: rule for rule in listed}
    documents = {path.stem: path for path in sorted((ROOT / "rules").glob("*/*.md"))}
    if rules.keys() != documents.keys():
        print(f"rules and documents differ: {sorted(rules.keys() ^ documents.keys())}", file=sys.stderr)
        return 1

    pages: dict[Path, str] = {}
    navigation: list = [{"lagmap": "index.md"}]
    for part, names in PARTS.items():
        there = [(name, title) for name, title in names if (ROOT / f"docs/{name}.md").exists()]
        navigation.append({part: [{title: f"{name}.md"} for name, title in there]})
        pages |= {ROOT / f"docs/{name}.md": f"{name}.md" for name, _ in there}
    pages |= {path: f"rules/{name}.md" for name, path in documents.items()}
    pages[ROOT / "CHANGELOG.md"] = "changelog.md"
    pages[ROOT / "README.md"] = "index.md"
    families: dict[str, list] = {}
    for name, path in documents.items():
        families.setdefault(path.parent.name, []).append({name: f"rules/{name}.md"})
    navigation.append({"Rules": [{"All rules": "rules/index.md"}, *({family.capitalize(): entries} for family, entries in families.items())]})
    navigation.append({"Changelog": "changelog.md"})

    shutil.rmtree(SITE, ignore_errors=True)
    for source, target in pages.items():
        to = SITE / "pages" / target
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(rewritten(source.read_text(), source, pages))
    rows = [f"| [{name}]({name}.md) | {', '.join(rule['bullets'])} | {rule['section']} | {rule['summary']} |" for name, rule in sorted(rules.items())]
    table = "\n".join(["# Rules", "", "| rule | bullets of the brief | section | finds |", "|---|---|---|---|", *rows, ""])
    (SITE / "pages/rules/index.md").write_text(table)
    shutil.copytree(ROOT / "docs/images", SITE / "pages/docs/images", dirs_exist_ok=True)
    configuration = {
        "site_name": "lagmap", "repo_url": REPOSITORY, "docs_dir": "pages", "site_dir": "html", "use_directory_urls": False,
        "theme": {"name": "material", "font": False, "features": ["navigation.indexes", "content.code.copy"], "palette": [
            {"media": "(prefers-color-scheme: light)", "scheme": "default"}, {"media": "(prefers-color-scheme: dark)", "scheme": "slate"}]},
        "plugins": ["search"], "markdown_extensions": ["tables", "pymdownx.superfences", "pymdownx.highlight"],
        "validation": {"links": {"not_found": "warn", "anchors": "warn", "unrecognized_links": "warn"}, "nav": {"omitted_files": "warn"}},
        "nav": navigation,
    }
    # YAML holds JSON.
    (SITE / "mkdocs.yml").write_text(json.dumps(configuration, indent=1))
    what = ["serve"] if arguments.serve else ["build", "--strict", "--quiet"]
    done = subprocess.run([sys.executable, "-m", "mkdocs", *what, "--config-file", str(SITE / "mkdocs.yml")], check=False,
                          env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    if done.returncode == 0 and not arguments.serve:
        html = list((SITE / "html").rglob("*.html"))
        print(f"site: {len(html)} pages in {SITE.relative_to(ROOT) / 'html'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
