"""Start-up configurations: which services a device runs.

PyYAML reads them where it is installed. Otherwise a small reader does, for the part of YAML that
these files use: nested mappings, lists, scalars, and `{...}` and `[...]` that may span lines.
"""

from dataclasses import dataclass, field
from pathlib import Path

try:
    import yaml
except ImportError:
    yaml = None


@dataclass(frozen=True)
class Entry:
    """One declared service."""

    name: str
    script: Path
    port: int
    health_port: int
    dependencies: tuple = field(default_factory=tuple)


def read_entries(root, config):
    """The services that a configuration declares, in its order."""
    text = Path(root, config).read_text(encoding="utf-8")
    document = yaml.safe_load(text) if yaml else parse_subset(text)
    entries = []
    for group in document.get("service_groups", {}).values():
        entries += [_entry(root, name, declared) for name, declared in group.items()]
    entries += [_entry(root, declared["name"], declared) for declared in document.get("edge_services", [])]
    return entries


def in_start_order(entries):
    """Each service behind those on which it depends."""
    by_name = {entry.name: entry for entry in entries}
    order = {}

    def visit(entry):
        if entry.name in order:
            return
        order[entry.name] = None
        for name in entry.dependencies:
            if name in by_name:
                visit(by_name[name])
        # A dict keeps the place of a key's first entry, and this one belongs behind its dependencies.
        del order[entry.name]
        order[entry.name] = entry

    for entry in entries:
        visit(entry)
    return list(order.values())


def _entry(root, name, declared):
    script = Path(root, declared["script_path"])
    dependencies = tuple(declared.get("dependencies") or ())
    return Entry(name, script, int(declared["port"]), int(declared["health_check_port"]), dependencies)


def parse_subset(text):
    """A document as dictionaries and lists."""
    value, rest = _block(_logical_lines(text), 0)
    if rest:
        raise ValueError(f"cannot read: {rest[0][1]}")
    return value


def _logical_lines(text):
    """(indentation, text) of each line, comments dropped, flow collections on one line."""
    lines = []
    open_brackets = 0
    for raw in text.splitlines():
        line = raw.split(" #")[0].rstrip() if not raw.lstrip().startswith("#") else ""
        if not line.strip():
            continue
        if open_brackets:
            indentation, begun = lines[-1]
            lines[-1] = (indentation, f"{begun} {line.strip()}")
        else:
            lines.append((len(line) - len(line.lstrip()), line.strip()))
        open_brackets += sum(map(line.count, "{[")) - sum(map(line.count, "}]"))
    return lines


def _block(lines, indentation):
    """The mapping or list that starts at `indentation`, and the lines behind it."""
    if lines and lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indentation and lines[0][1].startswith("- "):
            items.append(_scalar(lines[0][1][2:].strip()))
            lines = lines[1:]
        return items, lines
    mapping = {}
    while lines and lines[0][0] == indentation:
        key, _colon, value = lines[0][1].partition(":")
        lines = lines[1:]
        if value.strip():
            mapping[key] = _scalar(value.strip())
        elif lines and (lines[0][0] > indentation or lines[0][1].startswith("- ")):
            mapping[key], lines = _block(lines, lines[0][0])
        else:
            mapping[key] = None
    return mapping, lines


def _scalar(text):
    if text.startswith("{"):
        parts = [part.partition(":") for part in _split(text)]
        return {key.strip(): _scalar(value.strip()) for key, _colon, value in parts}
    if text.startswith("["):
        return [_scalar(part) for part in _split(text)]
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text.strip("\"'")


def _split(collection):
    """The parts of `{...}` or `[...]` between its outer commas."""
    parts, part, depth = [], [], 0
    for character in collection[1:-1]:
        depth += (character in "{[") - (character in "}]")
        if character == "," and depth == 0:
            parts.append("".join(part))
            part = []
        else:
            part.append(character)
    parts.append("".join(part))
    return [part.strip() for part in parts if part.strip()]
