// Starts `lagmap lsp` for the open folder, and shows the path of a finding in a channel of its own.
"use strict";
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;
let channel;

async function start() {
  const command = vscode.workspace.getConfiguration("lagmap").get("path") || "lagmap";
  client = new LanguageClient(
    "lagmap",
    "lagmap",
    { command, args: ["lsp"] },
    {
      documentSelector: [{ scheme: "file", language: "python" }],
      middleware: {
        executeCommand: async (name, parameters, next) => {
          const text = await next(name, parameters);
          if (name === "lagmap.showTrace" && typeof text === "string") {
            channel.clear();
            channel.appendLine(text);
            channel.show(true);
          }
          return text;
        },
      },
    },
  );
  try {
    await client.start();
  } catch (error) {
    const message = `lagmap cannot be started (${command}): ${error.message}. Install it, or set "lagmap.path".`;
    void vscode.window.showErrorMessage(message);
  }
}

async function activate(context) {
  channel = vscode.window.createOutputChannel("lagmap: path");
  context.subscriptions.push(
    channel,
    vscode.commands.registerCommand("lagmap.restart", async () => {
      await client?.stop();
      await start();
    }),
  );
  await start();
}

const deactivate = () => client?.stop();

module.exports = { activate, deactivate };
