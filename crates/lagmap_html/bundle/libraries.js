// What the report takes from others; report.js finds it as `libraries`.
import { Graph, layout } from "@dagrejs/dagre";
import { hierarchy, treemap } from "d3-hierarchy";
import highlighter from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";

highlighter.registerLanguage("python", python);
globalThis.libraries = { Graph, layout, hierarchy, treemap, highlighter };
