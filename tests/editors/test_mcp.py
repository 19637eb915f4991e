"""The tools for agents with the official client: questions, pages, errors that help, changes that are seen."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

from conftest import API, LAGMAP, STORE
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

MEMORY = """\
import requests
from fastapi import FastAPI

app = FastAPI()


class Book:
    def __init__(self):
        self.entries = []
        self.recent = {}

    def note(self, text):
        self.entries.append(text)
        self.recent[text] = 1
        if len(self.recent) > 9:
            self.recent.clear()


book = Book()


@app.post("/note")
async def note(text: str):
    book.note(text)
    return requests.get("http://x.example", timeout=3).text


def unused():
    pass
"""


@asynccontextmanager
async def session(root):
    environment = {**os.environ, "XDG_CACHE_HOME": str(root.parent / "cache")}
    parameters = StdioServerParameters(command=LAGMAP, args=["mcp", str(root)], env=environment)
    async with stdio_client(parameters) as (reading, writing):
        async with ClientSession(reading, writing) as client:
            await client.initialize()
            yield client


def structured(result):
    return getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)


def failed(result):
    return getattr(result, "is_error", None) or getattr(result, "isError", None)


async def ask(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not failed(result), result
    return structured(result)


async def complaint(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert failed(result), result
    return str(result.content)


async def test_an_agent_finds_its_way(system):
    async with session(system) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {
            "audit", "list_findings", "explain_finding", "trace_function", "list_services", "describe_service", "check_claim",
        }
        overview = await ask(client, "audit")
        assert overview["summary"]["findings"]["high"] >= 1
        page = await ask(client, "list_findings", rule="blocking-call-on-event-loop")
        (finding,) = page["findings"]
        assert page["total"] == 1 and page["next_offset"] is None
        told = await ask(client, "explain_finding", fingerprint=finding["fingerprint"][:10])
        assert "return prices()" in told["code"]
        assert any("requests.get" in step["code"] for step in told["trace"])
        assert "## How to mend it" in told["rule"]["document"]
        trace = await ask(client, "trace_function", function="store.prices")
        assert any("event loop" in context for context in trace["contexts"])
        services = await ask(client, "list_services")
        assert services["total"] == len(services["services"])
        if services["services"]:
            name = services["services"][0]["name"]
            assert (await ask(client, "describe_service", name=name))["service"]["name"] == name


async def test_claims_are_checked_with_evidence(system):
    (system / "shop/memory.py").write_text(MEMORY)
    async with session(system) as client:
        called = await ask(client, "check_claim", claim="called_per_request", subject="Book.note")
        assert called["holds"] and any("per-request" in context for context in called["contexts"])
        loop = await ask(client, "check_claim", claim="runs_on_event_loop", subject="memory.note")
        assert loop["holds"]
        grows = await ask(client, "check_claim", claim="grows", subject="Book.entries")
        assert grows["holds"] and [(event["how"], event["line"]) for event in grows["evidence"]] == [("append", 13)]
        shrunk = await ask(client, "check_claim", claim="is_shrunk", subject="Book.entries")
        assert not shrunk["holds"] and shrunk["other_events_in_all"] >= 2
        cleared = await ask(client, "check_claim", claim="is_shrunk", subject="shop.memory.Book.recent")
        assert cleared["holds"] and cleared["evidence"][0]["how"] == "clear"
        replaced = await ask(client, "check_claim", claim="is_replaced", subject="Book.entries")
        assert not replaced["holds"]


async def test_lists_come_in_pages(system):
    routes = "".join(
        f"\n\n@app.get('/r{n}')\nasync def route_{n}():\n    time.sleep({n % 7 + 1})\n    return {n}\n" for n in range(130)
    )
    (system / "shop/many.py").write_text(f"import time\nfrom fastapi import FastAPI\n\napp = FastAPI()\n{routes}")
    async with session(system) as client:
        seen, offset = [], 0
        while offset is not None:
            page = await ask(client, "list_findings", path="many.py", offset=offset, limit=1000)
            assert len(page["findings"]) <= 100
            seen += [finding["fingerprint"] for finding in page["findings"]]
            offset = page["next_offset"]
        assert len(seen) == len(set(seen)) == page["total"] >= 130
        assert len((await ask(client, "list_findings"))["findings"]) == 20


async def test_mistakes_are_told_with_what_was_meant(system):
    async with session(system) as client:
        assert "did you mean" in await complaint(client, "trace_function", function="pricess")
        assert "blocking-call-on-event-loop" in await complaint(client, "list_findings", rule="blocking-call-on-event-lop")
        assert "critical, high, medium or low" in await complaint(client, "list_findings", severity="terrible")
        assert "list_findings" in await complaint(client, "explain_finding", fingerprint="zzz")
        assert "Class.attribute" in await complaint(client, "check_claim", claim="grows", subject="entries")
        assert "list_services" in await complaint(client, "describe_service", name="no such service at all")
        # It goes on after all that.
        assert (await ask(client, "audit"))["summary"]["files"] == 3


async def test_changes_are_seen(system):
    async with session(system) as client:
        before = await ask(client, "list_findings", rule="blocking-call-on-event-loop")
        assert before["total"] == 1
        (system / "shop/store.py").write_text(STORE.replace('requests.get("http://prices.example", timeout=5).json()', "{}"))
        for _ in range(100):
            now = await ask(client, "list_findings", rule="blocking-call-on-event-loop")
            if now["total"] == 0:
                break
            await asyncio.sleep(0.05)
        assert now["total"] == 0
        # What did not change is answered from memory.
        begin = time.perf_counter()
        for _ in range(20):
            await ask(client, "audit")
        assert time.perf_counter() - begin < 5
        assert API
