"""The language server with a real client: diagnostics with paths, hovers, lenses, actions, edits that are not saved."""

import asyncio
import os
import statistics
import time

import pytest
import pytest_asyncio
from conftest import LAGMAP, STORE
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

FIXED = STORE.replace('requests.get("http://prices.example", timeout=5).json()', '{"tea": 3}')


async def start(root, editor="visual-studio-code"):
    """An initialized client with the folder open."""
    os.environ["XDG_CACHE_HOME"] = str(root.parent / "cache")
    config = ClientServerConfig(server_command=[LAGMAP, "lsp"])
    client = await config.start()
    client.registered = []

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(parameters: types.RegistrationParams):
        client.registered.extend(registration.method for registration in parameters.registrations)

    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities(editor),
            workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name="shop")],
            root_uri=root.as_uri(),
        )
    )
    return client


@pytest_asyncio.fixture
async def client(system):
    client = await start(system)
    yield client
    await client.shutdown_session()


async def until(client: LanguageClient, uri: str, condition, seconds=20.0):
    """Waits until the diagnostics of a file are as wanted; how long that took."""
    begin = time.perf_counter()
    while not (uri in client.diagnostics and condition(client.diagnostics[uri])):
        if time.perf_counter() - begin > seconds:
            raise AssertionError(f"{uri}: {client.diagnostics}")
        await asyncio.sleep(0.002)
    return time.perf_counter() - begin


def open_file(client, path, text=None):
    text = path.read_text() if text is None else text
    document = types.TextDocumentItem(uri=path.as_uri(), language_id="python", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))


def replace(client, path, version, text):
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=path.as_uri(), version=version),
            content_changes=[types.TextDocumentContentChangeWholeDocument(text=text)],
        )
    )


def insert(client, path, version, line, character, text):
    at = types.Position(line=line, character=character)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=path.as_uri(), version=version),
            content_changes=[types.TextDocumentContentChangePartial(range=types.Range(start=at, end=at), text=text)],
        )
    )


@pytest.mark.asyncio
async def test_files_that_are_not_open_have_diagnostics_with_the_path(client, system):
    api = (system / "shop/api.py").as_uri()
    await until(client, api, lambda found: len(found) > 0)
    blocking = next(one for one in client.diagnostics[api] if one.code == "blocking-call-on-event-loop")
    assert blocking.source == "lagmap"
    assert client.registered == ["workspace/didChangeWatchedFiles"]
    assert blocking.range.start.line == 9
    assert any(step.location.uri.endswith("shop/store.py") for step in blocking.related_information)


@pytest.mark.asyncio
async def test_an_edit_that_is_not_saved_changes_what_another_file_shows(client, system):
    api, store = system / "shop/api.py", system / "shop/store.py"
    await until(client, api.as_uri(), lambda found: len(found) > 0)
    open_file(client, store)
    replace(client, store, 2, FIXED)
    await until(client, api.as_uri(), lambda found: not found)
    assert "requests.get" in store.read_text(), "nothing was saved"
    replace(client, store, 3, STORE)
    await until(client, api.as_uri(), lambda found: len(found) > 0)
    # Closed without saving: what is on the disk counts.
    replace(client, store, 4, FIXED)
    await until(client, api.as_uri(), lambda found: not found)
    client.text_document_did_close(
        types.DidCloseTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=store.as_uri()))
    )
    await until(client, api.as_uri(), lambda found: len(found) > 0)


@pytest.mark.asyncio
async def test_code_in_the_middle_of_an_edit_keeps_its_other_findings(client, system):
    api = system / "shop/api.py"
    open_file(client, api)
    await until(client, api.as_uri(), lambda found: len(found) > 0)
    insert(client, api, 2, 2, 0, "# 'ä𝄞'\n")
    await until(client, api.as_uri(), lambda found: any(one.range.start.line == 10 for one in found))
    insert(client, api, 3, 11, 0, "\n\ndef later(:\n    value = (\n")
    await asyncio.sleep(1)
    assert any(one.code == "blocking-call-on-event-loop" for one in client.diagnostics[api.as_uri()])


@pytest.mark.asyncio
async def test_hovers_lenses_and_actions(client, system):
    api = system / "shop/api.py"
    open_file(client, api)
    await until(client, api.as_uri(), lambda found: len(found) > 0)
    document = types.TextDocumentIdentifier(uri=api.as_uri())

    async def hover(line):
        where = types.HoverParams(text_document=document, position=types.Position(line=line, character=12))
        found = await client.text_document_hover_async(where)
        return found.contents.value if found else ""

    # The first audit began before the file was open, and knows nothing of its functions.
    for _ in range(200):
        if await hover(8):
            break
        await asyncio.sleep(0.02)
    runs = await hover(8)
    assert "on the event loop" in runs and "per-request" in runs and "requests.get" in runs, runs
    finding = await hover(9)
    assert "blocking-call-on-event-loop" in finding and "Mend:" in finding and "Cost:" in finding, finding
    assert await hover(3) == ""

    lenses = await client.text_document_code_lens_async(types.CodeLensParams(text_document=document))
    (lens,) = lenses
    assert lens.range.start.line == 8 and "network" in lens.command.title and "per-request" in lens.command.title, lens

    line = types.Range(start=types.Position(line=9, character=0), end=types.Position(line=9, character=0))
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(text_document=document, range=line, context=types.CodeActionContext(diagnostics=[]))
    )
    suppress = next(action for action in actions if action.title == "Suppress blocking-call-on-event-loop here")
    (edit,) = suppress.edit.changes[api.as_uri()]
    assert edit.new_text == "    # lagmap: ignore[blocking-call-on-event-loop]\n"
    show = next(action for action in actions if action.title.startswith("Show how"))
    text = await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command=show.command, arguments=show.arguments)
    )
    assert "shop/store.py:5" in text, text

    insert(client, api, 2, 9, 0, edit.new_text)
    await until(client, api.as_uri(), lambda found: all(one.code != "blocking-call-on-event-loop" for one in found))


@pytest.mark.asyncio
async def test_editors_that_count_in_utf_16(system):
    (system / "shop/api.py").write_text((system / "shop/api.py").read_text().replace("return prices()", 'return "𝄞" and prices()'))
    columns = {}
    for editor in ("visual-studio-code", "neovim"):
        client = await start(system, editor)
        uri = (system / "shop/api.py").as_uri()
        await until(client, uri, lambda found: len(found) > 0)
        encoding = client.init_result.capabilities.position_encoding if hasattr(client, "init_result") else None
        columns[editor] = (encoding, client.diagnostics[uri][0].range.start.character)
        await client.shutdown_session()
    before = '    return "𝄞" and '
    for encoding, column in columns.values():
        wanted = {len(before.encode("utf-16-le")) // 2, len(before.encode())}
        assert column in wanted, columns


@pytest.mark.asyncio
async def test_what_changes_beside_the_editor_is_seen(client, system):
    api, store = system / "shop/api.py", system / "shop/store.py"
    await until(client, api.as_uri(), lambda found: len(found) > 0)
    store.write_text(FIXED)
    change = types.FileEvent(uri=store.as_uri(), type=types.FileChangeType.Changed)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[change]))
    await until(client, api.as_uri(), lambda found: not found)


@pytest.mark.asyncio
async def test_a_thousand_files_are_refreshed_at_once(system):
    folder = system / "shop"
    body = "".join(
        f"\n\nclass Part{n}:\n    def __init__(self, store):\n        self.store = store\n        self.seen = {{}}\n\n"
        f"    def value(self, key):\n        if key not in self.seen:\n            self.seen[key] = self.store.get(key)\n        return self.seen[key]\n"
        for n in range(8)
    )
    for number in range(1000):
        (folder / f"module_{number}.py").write_text(f"import json\nimport os\nfrom shop.module_{max(number - 1, 0)} import Part0 as Before\n{body}")
    client = await start(system)
    api, store = system / "shop/api.py", system / "shop/store.py"
    await until(client, api.as_uri(), lambda found: len(found) > 0, 60)
    open_file(client, store)
    times = []
    for turn in range(10):
        replace(client, store, 2 * turn + 2, FIXED)
        times.append(await until(client, api.as_uri(), lambda found: not found))
        replace(client, store, 2 * turn + 3, STORE)
        times.append(await until(client, api.as_uri(), lambda found: len(found) > 0))
    await client.shutdown_session()
    times.sort()
    print(f"\nrefresh after an edit, 1,002 files: median {statistics.median(times) * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms")
    # 300 ms are the aim; a busy machine may take longer.
    assert statistics.median(times) < 0.9, times
