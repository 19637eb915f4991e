// The report's behaviour. Everything from the audited code gets into the page as text, never as markup; what the highlighter
// makes of code is escaped by it.
"use strict";
(() => {
  const { Graph, layout, hierarchy, treemap, highlighter } = globalThis.libraries;
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
  /** Text whose names between backticks are set as code. */
  const prose = (text) => {
    const parts = text.split("`");
    const unpaired = parts.length % 2 === 0 ? `\`${parts.pop()}` : "";
    return [...parts.map((part, place) => (place % 2 === 1 ? make("code", {}, part) : part)), unpaired];
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
  };
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
        make("span", { class: "message" }, ...prose(finding.message)),
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
      if (value) facts.append(make("dt", {}, name), make("dd", {}, ...(typeof value === "string" ? prose(value) : [value])));
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
        make("li", {}, ...prose(step.note), make("div", { class: "at" }, `${step.path}:${step.line} in ${step.function}`), code(step.path, step.line, 0)),
      );
      parts.push(make("h3", {}, "How the code gets there"), make("ol", { class: "steps" }, ...steps));
    }
    parts.push(make("h3", {}, "Mend"), make("p", {}, ...prose(finding.suggestion)));
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

  // The first three folders of a path.
  const folderOf = (path) => path.split("/").slice(0, -1).slice(0, 3).join("/") || ".";
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
        (!folder || finding.path === folder || folderOf(finding.path) === folder) &&
        words.every((word) => haystacks[index].includes(word))
      ) {
        shown.push(index);
      }
    });
    drawn = 0;
    $("list").replaceChildren();
    $("count").textContent = `${shown.length} of ${findings.length} findings${folder ? ` in ${folder}` : ""}`;
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
    const button = event.target.closest("[data-section], [data-service], [data-folder]");
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

  // The map of the services: those that many wait for, the others with their wires, those without any.
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MANY_WIRES = 600;
  const draw2d = (tag, attributes, ...children) => {
    const element = document.createElementNS(NAMESPACE, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
  };
  const ruler = document.createElement("canvas").getContext("2d");
  const widthOf = (text, size) => {
    ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  };
  const drawMap = () => {
    const box = $("map");
    if (!box) return;
    const services = data.services.map((service, id) => ({ ...service, id, out: [], into: [] }));
    for (const wire of data.wires) {
      services[wire.from].out.push(wire);
      services[wire.to].into.push(wire);
    }
    const isHub = (service) => service.into.length > Math.max(8, services.length / 3);
    const hubs = services.filter(isHub).sort((a, b) => b.into.length - a.into.length);
    const all = data.wires.filter((wire) => wire.from !== wire.to && !isHub(services[wire.from]) && !isHub(services[wire.to]));
    const wires = all.sort((a, b) => b.ms - a.ms).slice(0, MANY_WIRES);
    const joined = new Set(wires.flatMap((wire) => [wire.from, wire.to]));
    const apart = services.filter((service) => !isHub(service) && !joined.has(service.id));
    const about = (service) => {
      const to = (wire) => `${services[wire.to].name}${wire.cost ? ` (${wire.cost})` : ""}`;
      const waits = service.out.filter((wire) => wire.waits).map(to);
      return [
        `${service.name}: ${service.findings} ${service.findings === 1 ? "finding" : "findings"}`,
        service.severity && `worst ${service.severity}`,
        !service.starts && "cannot start",
        service.slowest && `slowest request ${service.slowest}`,
        waits.length > 0 && `waits for ${waits.join(", ")}`,
        service.into.length > 0 && `${service.into.length} send to it`,
      ].filter(Boolean).join("; ");
    };
    const kind = (service) => `service ${service.severity || ""} ${service.starts ? "" : "stopped"}`;
    const chip = (service, note) =>
      make("button", { type: "button", class: kind(service), "data-service": service.name, "data-id": service.id }, `${service.name} ${note}`);
    const group = (title, members, note) => members.length > 0 && box.append(
      make("h3", {}, title),
      make("div", { class: "chips" }, ...members.map((service) => chip(service, note(service)))),
    );
    group("Many send to these; their wires are not drawn", hubs, (service) => `← ${service.into.length}`);
    if (wires.length > 0) {
      const left = all.length - wires.length;
      box.append(
        make("h3", {}, `Who waits for whom, with what a request costs${left > 0 ? `; ${left} cheaper wires are left out` : ""}`),
        make("div", { class: "graph", tabindex: "0", role: "region", "aria-label": "Services with their wires" }, graph(services, joined, wires, kind)),
      );
    }
    group(hubs.length > 0 ? "Without other wires" : "Without wires", apart, (service) => String(service.findings));
    const idle = $("map-text").textContent;
    const point = (event) => {
      const target = event.target.closest("[data-id]");
      for (const element of box.querySelectorAll(".near")) element.classList.remove("near");
      box.classList.toggle("pointing", Boolean(target && target.closest("svg")));
      $("map-text").textContent = target ? about(services[target.dataset.id]) : idle;
      if (!target) return;
      const near = new Set([target.dataset.id]);
      for (const wire of box.querySelectorAll(`[data-from="${target.dataset.id}"], [data-to="${target.dataset.id}"]`)) {
        wire.classList.add("near");
        near.add(wire.dataset.from).add(wire.dataset.to);
      }
      for (const id of near) box.querySelector(`svg [data-id="${id}"]`)?.classList.add("near");
    };
    box.addEventListener("mouseover", point);
    box.addEventListener("focusin", point);
    box.addEventListener("mouseleave", point);
    box.addEventListener("keydown", (event) => {
      const node = event.target.closest("g[data-service]");
      if (!node || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      only({ service: node.dataset.service, jump: true });
    });
    // For tests and the curious.
    box.dataset.drawn = `${services.length} ${wires.length}`;
  };
  // The high end of a cost; all of it is said of the service that is pointed to.
  const brief = (cost) => cost.replace(/^.* to |^[\d.]+-/, "≤ ");
  const label = (service) => (service.name.length > 34 ? `${service.name.slice(0, 33)}…` : service.name) + ` ${service.findings}`;
  const graph = (services, joined, wires, kind) => {
    const plan = new Graph();
    const ranker = wires.length > 300 ? "longest-path" : "network-simplex";
    plan.setGraph({ rankdir: "LR", nodesep: 8, edgesep: 4, ranksep: 12, marginx: 4, marginy: 4, ranker });
    for (const id of joined) plan.setNode(String(id), { width: widthOf(label(services[id]), 12) + 18, height: 24 });
    for (const wire of wires) {
      const width = wire.cost ? widthOf(brief(wire.cost), 10) + 8 : 1;
      plan.setEdge(String(wire.from), String(wire.to), { wire, width, height: wire.cost ? 13 : 1, labelpos: "c" });
    }
    layout(plan);
    const heat = (wire) => (wire.ms >= 1000 ? "over-second" : wire.ms >= 100 ? "over-tenth" : "");
    const lines = plan.edges().map((edge) => {
      const { wire, points, x, y } = plan.edge(edge);
      const [first, ...rest] = points;
      let path = `M${first.x},${first.y}`;
      rest.forEach((point, place) => {
        const next = rest[place + 1];
        if (!next) path += `L${point.x},${point.y}`;
        else path += `Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`;
      });
      const drawn = draw2d("g", { class: `wire ${heat(wire)} ${wire.waits ? "" : "sends"}`, "data-from": wire.from, "data-to": wire.to });
      drawn.append(draw2d("path", { d: path, "marker-end": "url(#arrow)", "stroke-width": 1 + Math.min(2, Math.log10(1 + wire.ms) / 2) }));
      if (wire.cost) {
        const wide = widthOf(brief(wire.cost), 10) + 4;
        drawn.append(
          draw2d("rect", { x: x - wide / 2, y: y - 6, width: wide, height: 12 }),
          draw2d("text", { x, y: y + 3.5 }, brief(wire.cost)),
        );
      }
      return drawn;
    });
    const nodes = plan.nodes().map((id) => {
      const { x, y, width, height } = plan.node(id);
      const service = services[id];
      const findings = `Findings of ${service.name}: ${service.findings}${service.starts ? "" : "; it cannot start"}`;
      return draw2d(
        "g",
        { class: kind(service), role: "button", tabindex: 0, "aria-label": findings, "data-service": service.name, "data-id": id },
        draw2d("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 5 }),
        draw2d("text", { x, y: y + 4 }, label(service)),
      );
    });
    const { width, height } = plan.graph();
    const room = $("map").clientWidth - 24;
    // Wider ones are made smaller while they can be read; then they are scrolled.
    const scale = Math.min(1, Math.max(0.75, room / width));
    const arrow = draw2d("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" });
    arrow.append(draw2d("path", { d: "M0,0L8,4L0,8z", fill: "context-stroke" }));
    return draw2d("svg", { viewBox: `0 0 ${width} ${height}`, width: width * scale, height: height * scale }, arrow, ...lines, ...nodes);
  };

  // Folders and their files by their findings, grave ones counting more.
  const FILES = 14;
  const WEIGHTS = [8, 4, 2, 1];
  const drawTree = () => {
    const box = $("tree");
    if (findings.length === 0) {
      $("packages").hidden = true;
      return;
    }
    const count = (into, name, finding) => {
      const entry = into.get(name) || { name, value: 0, count: 0, worst: 3, files: new Map() };
      const severity = SEVERITIES.indexOf(finding.severity);
      entry.value += WEIGHTS[severity];
      entry.count += 1;
      entry.worst = Math.min(entry.worst, severity);
      into.set(name, entry);
      return entry;
    };
    const folders = new Map();
    for (const finding of findings) {
      count(count(folders, folderOf(finding.path), finding).files, finding.path, finding);
    }
    const heaviest = (entries) => [...entries].sort((a, b) => b.value - a.value);
    const children = heaviest(folders.values()).map((folder) => {
      const files = heaviest(folder.files.values());
      const rest = files.slice(FILES);
      const more = rest.length > 0 && {
        name: folder.name,
        label: `${rest.length} more files`,
        value: rest.reduce((sum, file) => sum + file.value, 0),
        count: rest.reduce((sum, file) => sum + file.count, 0),
        worst: Math.min(...rest.map((file) => file.worst)),
      };
      return { ...folder, value: 0, label: folder.name, children: [...files.slice(0, FILES), more].filter(Boolean) };
    });
    const button = ({ data: entry, x0, y0, x1, y1, depth }) => {
      const [width, height] = [x1 - x0, y1 - y0];
      const short = entry.label || entry.name.slice(entry.name.lastIndexOf("/") + 1);
      const about = `${entry.label || entry.name}: ${entry.count} ${entry.count === 1 ? "finding" : "findings"}, worst ${SEVERITIES[entry.worst]}`;
      const text = width > 46 && height > 15 ? `${short} ${entry.count}` : "";
      const attributes = { type: "button", class: depth === 1 ? "folder" : SEVERITIES[entry.worst], title: about, "aria-label": about, "data-folder": entry.name };
      const element = make("button", attributes, make("span", {}, text));
      Object.assign(element.style, { left: `${x0}px`, top: `${y0}px`, width: `${width}px`, height: `${height}px` });
      return element;
    };
    const draw = () => {
      const top = hierarchy({ children }).sum((entry) => entry.value || 0).sort((a, b) => b.value - a.value);
      treemap().size([box.clientWidth, box.clientHeight]).paddingInner(2).paddingOuter(2).paddingTop((node) => (node.depth === 1 ? 20 : 2))(top);
      box.replaceChildren(...top.descendants().filter((node) => node.depth > 0).map(button));
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
