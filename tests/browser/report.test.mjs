// The HTML report in a real browser: filters, deep links, keys, themes, accessibility, hostile names, many findings.
// LAGMAP says which program makes the reports, CHROMIUM which browser shows them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const lagmap = resolve(process.env.LAGMAP ?? join(here, "../../target/release/lagmap"));
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const work = mkdtempSync(join(tmpdir(), "lagmap-browser-"));
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(async () => {
  await browser?.close();
  rmSync(work, { recursive: true, force: true });
});

const write = (root, files) => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
};
const report = (root, name) => {
  const file = join(work, `${name}.html`);
  execFileSync(lagmap, ["audit", root, "--no-cache", "--no-calibration", "--format", "html", "--output", file]);
  return pathToFileURL(file).href;
};
/** A page, with what it complains of and what it asks the network for. */
const open = async (url, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => request.url().startsWith("file:") || wrong.push(`request: ${request.url()}`));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  await page.waitForSelector("html[data-ready]");
  return { page, wrong, close: () => context.close() };
};
const count = async (page) => Number((await page.textContent("#count")).split(" ")[0]);
const example = () => report(resolve(here, "../../examples/voice-assistant"), "example");
const violations = async (page) => {
  await page.addScriptTag({ path: axe });
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join(", ")}`);
};

test("filters narrow what is shown, and their state is in the address", async () => {
  const { page, wrong, close } = await open(example());
  const all = await count(page);
  assert.ok(all > 20);
  await page.fill("#text", "sqlite");
  const some = await count(page);
  assert.ok(some > 0 && some < all, `${some} of ${all}`);
  assert.match(page.url(), /#text=sqlite/);
  await page.click("button[type=reset]");
  await page.waitForFunction((wanted) => document.getElementById("count").textContent.startsWith(`${wanted} `), all);
  for (const severity of ["high", "medium", "low"]) await page.uncheck(`input[value=${severity}]`);
  const critical = await count(page);
  assert.ok(critical > 0 && critical < all);
  assert.deepEqual(new Set(await page.locator("#list .severity").allTextContents()), new Set(["critical"]));
  await page.reload();
  await page.waitForFunction((wanted) => document.getElementById("count").textContent.startsWith(`${wanted} `), critical);
  await page.click("button[type=reset]");
  await page.selectOption("#rule", { index: 1 });
  const rule = await page.inputValue("#rule");
  for (const where of await page.locator("#list .where").allTextContents()) assert.ok(where.endsWith(rule), where);
  await page.click("#overview button");
  await page.waitForFunction(() => document.getElementById("section").value !== "");
  await page.click("#services tbody tr:nth-child(2) button");
  await page.waitForFunction(() => document.getElementById("service").value !== "");
  assert.deepEqual(wrong, []);
  await close();
});

test("a link to a finding opens it, with code, path and mend", async () => {
  const url = example();
  const { page, wrong, close } = await open(url);
  const id = await page.getAttribute("#list .finding:nth-child(3)", "id");
  const print = id.replace("finding-", "");
  await page.goto("about:blank");
  await page.goto(`${url}#finding=${print}`);
  await page.waitForSelector(`#${id}[open] .body pre .row.here`);
  assert.ok(await page.locator(`#${id}[open]`).isVisible());
  const text = await page.textContent(`#${id} .body`);
  for (const part of ["Mend", "Impact", "Services"]) assert.ok(text.includes(part), part);
  assert.ok((await page.locator(`#${id} .row.added`).count()) > 0, "the mend is shown as a change");
  // The first group leads to its finding, too.
  await page.click("#first a >> nth=0");
  await page.waitForFunction(() => document.querySelectorAll(".finding[open]").length >= 1);
  assert.deepEqual(wrong, []);
  await close();
});

test("the map shows each service and leads to its findings", async () => {
  const { page, wrong, close } = await open(example());
  await page.waitForSelector("#map[data-drawn]");
  const names = (locator) => locator.evaluateAll((all) => all.map((element) => element.dataset.service).sort());
  assert.deepEqual(await names(page.locator("#map [data-service]")), await names(page.locator("#services tbody [data-service]")));
  const wires = page.locator("#map .wire");
  assert.ok((await wires.count()) > 5);
  assert.ok((await page.locator("#map .wire text").allTextContents()).every((cost) => /\d (µs|ms|s|min)$/.test(cost)));
  // No two services are drawn upon each other.
  const boxes = await Promise.all((await page.locator("#map .service").all()).map((service) => service.boundingBox()));
  boxes.forEach((a, index) =>
    boxes.slice(index + 1).forEach((b) =>
      assert.ok(a.x + a.width <= b.x + 1 || b.x + b.width <= a.x + 1 || a.y + a.height <= b.y + 1 || b.y + b.height <= a.y + 1),
    ),
  );
  // One that is pointed to is told of; one that is chosen, by mouse or key, leads to its findings.
  const node = page.locator("#map svg [data-service]").first();
  const name = await node.getAttribute("data-service");
  await node.hover();
  assert.ok((await page.textContent("#map-text")).startsWith(`${name}: `));
  await node.click();
  await page.waitForFunction((wanted) => document.getElementById("service").value === wanted, name);
  const last = page.locator("#map svg [data-service]").last();
  await last.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction((wanted) => document.getElementById("service").value === wanted, await last.getAttribute("data-service"));
  assert.deepEqual(wrong, []);
  await close();
});

test("folders and files show their findings", async () => {
  const { page, wrong, close } = await open(example());
  const all = await count(page);
  const file = page.locator("#tree button:not(.folder)").first();
  const wanted = await file.getAttribute("data-folder");
  await file.click();
  await page.waitForFunction((before) => !document.getElementById("count").textContent.startsWith(`${before} `), all);
  const places = await page.locator("#list .where").allTextContents();
  assert.ok(places.length > 0 && places.every((place) => place.startsWith(wanted)), `${wanted}: ${places}`);
  assert.deepEqual(wrong, []);
  await close();
});

test("names in messages are set as code", async () => {
  const { page, close } = await open(example());
  for (const list of ["#first .message", "#list .message"]) {
    assert.ok((await page.locator(`${list} code`).count()) > 3, list);
    assert.ok((await page.locator(list).allTextContents()).every((text) => !text.includes("`")), list);
  }
  await close();
});

test("everything can be reached by keys", async () => {
  const { page, wrong, close } = await open(example());
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".finding:nth-child(2)[open]");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".finding:nth-child(1)[open]");
  assert.deepEqual(wrong, []);
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    test(`no accessibility violation: ${colorScheme}, ${width} pixels wide`, async () => {
      // The policy of the page keeps the checker out; it is lifted for the checker alone.
      const { page, wrong, close } = await open(example(), { colorScheme, bypassCSP: true, viewport: { width, height: 900 } });
      await page.waitForSelector("#map[data-drawn]");
      await page.click(".finding summary >> nth=0");
      await page.click(".finding summary >> nth=5");
      assert.deepEqual(await violations(page), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${overflow} pixels too wide`);
      const table = await page.locator("#services .scroll").evaluate((box) => box.scrollWidth - box.clientWidth);
      assert.ok(table <= 0, `the table of services is ${table} pixels too wide`);
      assert.deepEqual(wrong, []);
      await close();
    });
  }
}

test("the theme follows the system until one is chosen", async () => {
  const { page, close } = await open(example(), { colorScheme: "dark" });
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  await page.click("#theme");
  assert.equal(await page.getAttribute("html", "data-theme"), "light");
  await close();
});

test("markup in names and code stays text", async () => {
  const root = join(work, "hostile");
  const evil = "<img src=x onerror=alert(1)>";
  const body = (name) => `
import time
from fastapi import FastAPI

app = FastAPI()


@app.get("/${name}")
async def slow():
    time.sleep(3)  # </script><script>alert(2)</script> ${evil} {{ 7 * 7 }}
    text = "<b>\\u202e</b>"
`;
  write(root, {
    [`${evil}.py`]: body("a"),
    "a'\"&lt;b>/{{ 7*7 }}.py": body("b"),
    "startup_config.yaml": `services:\n  - name: "</script><script>alert(3)</script>"\n    script_path: "${evil}.py"\n    port: 7000\n  - name: "${evil}"\n    script_path: gone.py\n    port: 7001\n`,
  });
  const { page, wrong, close } = await open(report(root, "hostile"));
  await page.waitForSelector("#map[data-drawn]");
  for (const summary of await page.locator(".finding summary").all()) await summary.click();
  await page.waitForTimeout(300);
  assert.ok((await count(page)) >= 2);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 3);
  const text = await page.textContent("main");
  assert.ok(text.includes(evil) && text.includes("{{ 7"), "names are shown as they are");
  assert.ok(!text.includes("49"), "nothing is a template");
  assert.deepEqual(wrong, []);
  await close();
});

test("two thousand findings stay fluid", async () => {
  const root = join(work, "many");
  const files = {};
  for (let file = 0; file < 42; file += 1) {
    let text = "import time\nfrom fastapi import FastAPI\n\napp = FastAPI()\n";
    for (let route = 0; route < 50; route += 1) {
      text += `\n\n@app.get("/r${file}_${route}")\nasync def answer_${route}():\n    time.sleep(${1 + (route % 5)})\n    return {"route": ${route}}\n`;
    }
    files[`app/part_${file}.py`] = text;
  }
  write(root, files);
  const url = report(root, "many");
  const started = performance.now();
  const { page, wrong, close } = await open(url);
  const ready = performance.now() - started;
  const all = await count(page);
  assert.ok(all >= 2000, `${all} findings`);
  const times = await page.evaluate(() => {
    const input = document.getElementById("text");
    return ["p", "pa", "part_1", "part_12", ""].map((text) => {
      const begin = performance.now();
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      document.body.offsetHeight;
      return performance.now() - begin;
    });
  });
  console.log(`# ready after ${ready.toFixed(0)} ms, a keystroke in the filter takes ${Math.max(...times).toFixed(0)} ms at most`);
  assert.ok(ready < 10_000 && Math.max(...times) < 400, `${ready} ${times}`);
  await page.locator("#more").scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelectorAll(".finding").length > 100);
  assert.deepEqual(wrong, []);
  await close();
});

test("a system without findings says so", async () => {
  const root = join(work, "clean");
  write(root, { "main.py": "print('hello')\n" });
  const { page, wrong, close } = await open(report(root, "clean"));
  assert.ok((await page.textContent("#first")).includes("Nothing was found"));
  assert.deepEqual(wrong, []);
  await close();
});

test("on paper all that is filtered for is there", async () => {
  const { page, wrong, close } = await open(example());
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => globalThis.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator(".finding").count(), await count(page));
  assert.ok((await page.pdf()).length > 20_000);
  assert.deepEqual(wrong, []);
  await close();
});
