// The bundle loads where `vscode` is given, starts a client for the program that the settings name, and stops it.
import assert from "node:assert/strict";
import Module from "node:module";
import { createRequire } from "node:module";

const started = [];
const fake = new Proxy(
  {
    workspace: new Proxy({ getConfiguration: () => ({ get: () => "/opt/lagmap" }) }, { get: (own, name) => own[name] ?? anything }),
    window: new Proxy({ createOutputChannel: () => ({ dispose() {} }), showErrorMessage: (text) => started.push(text) }, { get: (own, name) => own[name] ?? anything }),
    commands: { registerCommand: (name) => started.push(name) },
    version: "1.90.0",
  },
  { get: (own, name) => own[name] ?? anything },
);
function anything() {
  return fake;
}
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? fake : load(name, ...rest));
const extension = createRequire(import.meta.url)("./dist/extension.js");
assert.equal(typeof extension.activate, "function");
assert.equal(typeof extension.deactivate, "function");
await extension.activate({ subscriptions: [] }).catch((error) => started.push(String(error)));
assert.ok(started.includes("lagmap.restart"), String(started));
process.exit(0);
