// The report's behaviour. Everything from the audited code gets into the page as text, never as markup; what the highlighter
// makes of code is escaped by it.
"use strict";
(() => {
  const { cytoscape, hierarchy, treemap, highlighter } = globalThis.libraries;
  const data = JSON.parse(document.getElementById("data").textContent);
  const findings = data.findings;
  const byPrint = new Map(findings.map((finding, index) => [finding.fingerprint, index]));
  const $ = (id) => document.getElementById(id);
  const SEVERITIES = ["critical", "high", "medium", "low"];
  const PAGE = 60;

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  // Theme: as the system has it, until somebody chooses.
  const root = document.documentElement;
  const wanted = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const paint = () => {
    const dark = chosen === null ? wanted.matches : chosen === "dark";
    root.dataset.theme = dark ? "dark" : "light";
    $("theme").textContent = dark ? "Light" : "Dark";
    $("theme").setAttribute("aria-label", dark ? "Use light colours" : "Use dark colours");
    if (map) map.style(mapStyle());
  };
  let map = null;
  wanted.addEventListener("change", paint);
  $("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    paint();
  });

  // Code, a row a line.
  const code = (path, line, around) => {
    const lines = data.code[path];
    if (!lines) return null;
    const rows = [];
    for (let number = line - around; number <= line + around; number += 1) {
      if (Object.hasOwn(lines, number)) rows.push(row(lines[number], number, number === line && around > 0 ? "here" : ""));
    }
    return rows.length > 0 ? make("pre", { tabindex: "0", role: "group", "aria-label": `${path}, line ${line}` }, ...rows) : null;
  };
  const row = (text, number, kind) => {
    const element = make("span", { class: `row ${kind}`, "data-line": String(number) });
    element.innerHTML = highlighter.highlight(text, { language: "python", ignoreIllegals: true }).value;
    return element;
  };

  const card = (index) => {
    const finding = findings[index];
    const details = make(
      "details",
      { class: "finding", id: `finding-${finding.fingerprint}`, "data-index": String(index) },
      make(
        "summary",
        {},
        make("span", { class: `severity ${finding.severity}` }, finding.severity),
        make("span", { class: "message" }, finding.message),
        make("span", { class: "cost" }, finding.cost || ""),
        make("span", { class: "where" }, `${finding.path}:${finding.line} in ${finding.function} · ${finding.rule}`),
      ),
    );
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(body(finding));
      if (details.open) remember({ finding: finding.fingerprint });
    });
    return details;
  };

  const body = (finding) => {
    const facts = make("dl");
    const fact = (name, value) => {
      if (value) facts.append(make("dt", {}, name), make("dd", {}, value));
    };
    fact("Impact", finding.cost && `${finding.cost} (${finding.basis})`);
    fact("Basis", finding.source);
    fact("Measured", finding.measured);
    fact("Confidence", finding.confidence);
    fact("Services", finding.services.join(", "));
    fact("Waiting behind them", finding.waits_behind.join(", "));
    fact("Link", make("a", { href: `#finding=${finding.fingerprint}` }, finding.fingerprint));
    const parts = [facts, code(finding.path, finding.line, 4)];
    if (finding.trace.length > 0) {
      const steps = finding.trace.map((step) =>
        make("li", {}, step.note, make("div", { class: "at" }, `${step.path}:${step.line} in ${step.function}`), code(step.path, step.line, 0)),
      );
      parts.push(make("h3", {}, "How the code gets there"), make("ol", { class: "steps" }, ...steps));
    }
    parts.push(make("h3", {}, "Mend"), make("p", {}, finding.suggestion));
    const cure = finding.cure ? { code: finding.cure } : data.rules[finding.rule];
    const own = data.code[finding.path];
    if (cure && cure.code) {
      const removed = own && Object.hasOwn(own, finding.line) ? [row(own[finding.line], "-", "removed")] : [];
      const added = cure.code.split("\n").map((line) => row(line, "+", "added"));
      if (cure.text) parts.push(make("p", {}, cure.text));
      parts.push(make("pre", { tabindex: "0", role: "group", "aria-label": "The mend as a change, by example" }, ...removed, ...added));
    }
    const box = make("div", { class: "body" });
    box.append(...parts.filter(Boolean));
    return box;
  };

  // Filters.
  const haystacks = findings.map((finding) =>
    [finding.message, finding.path, finding.function, finding.rule, finding.title, finding.services.join(" ")].join("\n").toLowerCase(),
  );
  const fill = (select, values) => {
    for (const [value, count] of values) select.append(make("option", { value }, `${value} (${count})`));
  };
  const counted = (lists) => {
    const counts = new Map();
    for (const list of lists) for (const value of list) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort((a, b) => a[0].localeCompare(b[0]));
  };
  fill($("rule"), counted(findings.map((finding) => [finding.rule])));
  fill($("service"), counted(findings.map((finding) => finding.services)));

  let folder = "";
  let shown = [];
  let drawn = 0;
  const state = () => ({
    text: $("text").value.trim().toLowerCase(),
    severities: new Set([...document.querySelectorAll("input[name=severity]:checked")].map((box) => box.value)),
    section: $("section").value,
    rule: $("rule").value,
    service: $("service").value,
  });
  const apply = () => {
    const wants = state();
    const words = wants.text.split(/\s+/).filter(Boolean);
    shown = [];
    findings.forEach((finding, index) => {
      if (
        wants.severities.has(finding.severity) &&
        (!wants.section || finding.section === wants.section) &&
        (!wants.rule || finding.rule === wants.rule) &&
        (!wants.service || finding.services.includes(wants.service)) &&
        (!folder || finding.path === folder || finding.path.startsWith(`${folder}/`)) &&
        words.every((word) => haystacks[index].includes(word))
      ) {
        shown.push(index);
      }
    });
    drawn = 0;
    $("list").replaceChildren();
    $("count").textContent = `${shown.length} of ${findings.length} findings${folder ? ` below ${folder}` : ""}`;
    draw(PAGE);
  };
  const draw = (many) => {
    const next = shown.slice(drawn, drawn + many).map(card);
    $("list").append(...next);
    drawn += next.length;
    $("more").hidden = drawn >= shown.length;
    $("more").textContent = `Show more (${shown.length - drawn} left)`;
  };
  $("more").addEventListener("click", () => draw(PAGE));
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && drawn > 0 && drawn < shown.length) draw(PAGE);
  }).observe($("more"));

  const remember = (more = {}) => {
    const wants = state();
    const hash = new URLSearchParams();
    if (wants.text) hash.set("text", wants.text);
    if (wants.severities.size < SEVERITIES.length) hash.set("severity", [...wants.severities].join(","));
    for (const name of ["section", "rule", "service"]) if (wants[name]) hash.set(name, wants[name]);
    if (folder) hash.set("folder", folder);
    for (const [name, value] of Object.entries(more)) hash.set(name, value);
    history.replaceState(null, "", `#${hash}`);
  };
  const changed = () => {
    apply();
    remember();
  };
  $("filters").addEventListener("input", changed);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => {
    folder = "";
    setTimeout(changed);
  });
  const only = (choice) => {
    $("filters").reset();
    folder = choice.folder || "";
    if (choice.section) $("section").value = choice.section;
    if (choice.rule) $("rule").value = choice.rule;
    if (choice.service) {
      if (![...$("service").options].some((option) => option.value === choice.service)) {
        $("service").append(make("option", { value: choice.service }, `${choice.service} (0)`));
      }
      $("service").value = choice.service;
    }
    if (choice.text) $("text").value = choice.text;
    if (choice.severity) {
      const wanted = choice.severity.split(",");
      for (const box of document.querySelectorAll("input[name=severity]")) box.checked = wanted.includes(box.value);
    }
    // After the form's own reset event.
    setTimeout(() => {
      folder = choice.folder || "";
      changed();
      if (choice.finding) open(choice.finding);
      else if (choice.jump) $("findings").scrollIntoView();
    }, 1);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-section], button[data-service], button[data-folder]");
    if (button) only({ ...button.dataset, jump: true });
  });

  // Deep links: #finding=... , or the filters by name.
  const open = (print) => {
    const index = byPrint.get(print);
    if (index === undefined) return;
    let place = shown.indexOf(index);
    if (place < 0) {
      $("filters").reset();
      folder = "";
      apply();
      place = shown.indexOf(index);
    }
    if (place >= drawn) draw(place - drawn + 1);
    const element = $(`finding-${print}`);
    element.open = true;
    element.scrollIntoView();
    element.querySelector("summary").focus({ preventScroll: true });
  };
  const follow = () => {
    const hash = new URLSearchParams(location.hash.slice(1));
    const names = ["finding", "text", "severity", "section", "rule", "service", "folder"];
    const choice = Object.fromEntries(names.filter((name) => hash.has(name)).map((name) => [name, hash.get(name)]));
    if (Object.keys(choice).length > 0) only(choice);
  };
  addEventListener("hashchange", follow);

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
    if (event.key === "/") {
      event.preventDefault();
      $("text").focus();
    } else if (event.key === "Escape" && typing) {
      event.target.blur();
    } else if (event.key === "j" || event.key === "k") {
      const cards = [...$("list").children];
      const at = cards.indexOf(document.activeElement.closest(".finding"));
      const next = cards[at < 0 ? 0 : Math.max(0, at + (event.key === "j" ? 1 : -1))];
      if (next) {
        next.querySelector("summary").focus();
        next.scrollIntoView({ block: "nearest" });
      }
    }
  });
  addEventListener("beforeprint", () => draw(shown.length));

  // The map of the services.
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  // Sizes are as they are seen when all of the map is.
  let scale = 1;
  const mapStyle = () => [
    {
      selector: "node",
      style: {
        label: "data(name)",
        color: colour("ink"),
        "font-size": 10 * scale,
        "text-valign": "bottom",
        "text-margin-y": 2 * scale,
        "background-color": (node) => colour(node.data("severity") || "soft"),
        shape: (node) => (node.data("starts") ? "ellipse" : "diamond"),
        width: (node) => scale * (8 + 2 * Math.sqrt(node.data("findings"))),
        height: (node) => scale * (8 + 2 * Math.sqrt(node.data("findings"))),
      },
    },
    {
      selector: "edge",
      style: {
        label: "data(cost)",
        color: colour("soft"),
        "font-size": 9 * scale,
        "text-background-color": colour("card"),
        "text-background-opacity": 0.85,
        "line-color": colour("line"),
        "target-arrow-color": colour("line"),
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.8 * scale,
        "curve-style": "bezier",
        "line-style": (edge) => (edge.data("waits") ? "solid" : "dashed"),
        width: (edge) => scale * (0.6 + Math.min(2.5, Math.log10(1 + edge.data("ms")) / 2)),
      },
    },
    { selector: ".dim", style: { opacity: 0.12 } },
    { selector: ".crowded", style: { label: "" } },
    { selector: ".near", style: { "font-size": 13 * scale, "z-index": 9 } },
    { selector: "edge.near", style: { label: "data(cost)", "line-color": colour("link"), "target-arrow-color": colour("link") } },
  ];
  const drawMap = () => {
    if (!$("map")) return;
    const nodes = data.services.map((service) => ({ data: { id: `s${service.id}`, ...service } }));
    nodes.forEach((node, index) => {
      node.data.id = `s${index}`;
    });
    const edges = data.wires.map((wire) => ({ data: { source: `s${wire.from}`, target: `s${wire.to}`, cost: wire.cost, ms: wire.ms, waits: wire.waits } }));
    const joined = new Set(edges.flatMap((edge) => [edge.data.source, edge.data.target]));
    map = cytoscape({
      container: $("map"),
      elements: [...nodes, ...edges],
      style: mapStyle(),
      minZoom: 0.1,
      maxZoom: 4,
      layout: {
        name: "cose",
        animate: false,
        randomize: false,
        padding: 12,
        nodeRepulsion: () => 40000,
        idealEdgeLength: () => 60,
        nodeDimensionsIncludeLabels: true,
        numIter: joined.size > 150 ? 300 : 800,
      },
    });
    // The layout is as high as it is wide; the box is not.
    const box = map.elements().boundingBox();
    const wide = $("map").clientWidth / $("map").clientHeight / (box.w / Math.max(box.h, 1));
    map.nodes().positions((node) => ({ x: node.position("x") * wide, y: node.position("y") }));
    map.fit(undefined, 40);
    scale = 1 / map.zoom();
    map.style(mapStyle());
    map.fit(undefined, 24);
    if (edges.length > 40) map.edges().addClass("crowded");
    map.userZoomingEnabled(false);
    $("map").addEventListener("dblclick", () => map.userZoomingEnabled(!map.userZoomingEnabled()));
    map.on("tap", "node", (event) => only({ service: event.target.data("name"), jump: true }));
    map.on("mouseover", "node", (event) => {
      map.elements().difference(event.target.closedNeighborhood()).addClass("dim");
      event.target.closedNeighborhood().addClass("near");
      const service = event.target.data();
      $("map-text").textContent = `${service.name}: ${service.findings} findings${service.starts ? "" : ", cannot start"}${service.slowest ? `, slowest request ${service.slowest}` : ""}`;
    });
    map.on("mouseout", "node", () => map.elements().removeClass("dim near"));
    // For tests and the curious.
    $("map").dataset.drawn = `${nodes.length} ${edges.length}`;
  };

  // Folders by their findings.
  const drawTree = () => {
    const weight = { critical: 8, high: 4, medium: 2, low: 1 };
    const folders = new Map();
    for (const finding of findings) {
      const parts = finding.path.split("/");
      const name = parts.slice(0, Math.min(parts.length - 1, 3)).join("/") || finding.path;
      const entry = folders.get(name) || { name, value: 0, count: 0, worst: 3 };
      entry.value += weight[finding.severity];
      entry.count += 1;
      entry.worst = Math.min(entry.worst, SEVERITIES.indexOf(finding.severity));
      folders.set(name, entry);
    }
    const box = $("tree");
    if (folders.size === 0) {
      $("packages").hidden = true;
      return;
    }
    const draw = () => {
      const { clientWidth: width, clientHeight: height } = box;
      const top = hierarchy({ children: [...folders.values()] })
        .sum((entry) => entry.value || 0)
        .sort((a, b) => b.value - a.value);
      treemap().size([width, height]).paddingInner(1)(top);
      box.replaceChildren(
        ...top.leaves().map((leaf) => {
          const { name, count, worst } = leaf.data;
          const label = `${name}: ${count} ${count === 1 ? "finding" : "findings"}, worst ${SEVERITIES[worst]}`;
          const button = make("button", { type: "button", class: SEVERITIES[worst], "data-folder": name, title: label, "aria-label": label }, `${name} ${count}`);
          Object.assign(button.style, {
            left: `${leaf.x0}px`, top: `${leaf.y0}px`, width: `${leaf.x1 - leaf.x0}px`, height: `${leaf.y1 - leaf.y0}px`,
          });
          return button;
        }),
      );
    };
    draw();
    new ResizeObserver(draw).observe(box);
  };

  paint();
  apply();
  drawTree();
  follow();
  root.dataset.ready = "true";
  // The map takes longest; the page can be used before it is there.
  requestAnimationFrame(() => setTimeout(drawMap));
})();
