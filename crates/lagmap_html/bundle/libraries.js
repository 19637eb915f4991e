// What the report takes from others; report.js finds it as `libraries`.
import cytoscape from "cytoscape";
import { hierarchy, treemap } from "d3-hierarchy";
import highlighter from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";

highlighter.registerLanguage("python", python);
globalThis.libraries = { cytoscape, hierarchy, treemap, highlighter };
