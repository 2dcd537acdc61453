"use strict";

// The worst first. A sign and a word each, so that they read without colour.
const STATES = {
  Invalid: ["✘", "its spec cannot be used"],
  Violated: ["✘", "beyond a bound"],
  Unknown: ["?", "not measured"],
  Met: ["✔", "within its bounds"],
  Clear: ["✔", "well within its bounds"],
};
const UNITS = {
  seconds: [[1, "s"], [1e-3, "ms"], [1e-6, "us"]],
  bitsPerSecond: [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"], [1, "bit/s"]],
  ratio: [[0.01, "%"]],
  number: [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]],
};
const SHAPES = {
  Decrease: "M-5-4H5L0 5Z",
  Increase: "M-5 4H5L0-5Z",
  Release: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
  Pin: "M-4-4H4V4H-4Z",
};
const OTHER_SHAPE = "M0-5L5 0L0 5L-5 0Z";
const DAY = 86_400_000;
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]
  .map((seconds) => seconds * 1000)
  .concat([1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY));
const MARGIN = { left: 76, right: 10, top: 8, bottom: 20 };
const MARK_WIDTH = 11;
const LISTED = 200;
// A document tells of the past.
const NOW = document.body.dataset.refresh === "0" ? "last" : "now";

// Elements. Text becomes text nodes and never markup: names and messages are written by tenants.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Numbers and times.

function scaleOf(unit, size) {
  const scales = UNITS[unit] ?? UNITS.number;
  return scales.find(([factor]) => Math.abs(size) >= factor) ?? scales.at(-1);
}

function show(value, unit, [factor, name] = scaleOf(unit, value)) {
  const number = Number((value / factor).toPrecision(3));
  return name ? `${number} ${name}` : `${number}`;
}

const formatted = (options) => {
  const format = new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
  return (at) => format.format(at);
};
const clock = formatted({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hour = formatted({ hour: "2-digit", minute: "2-digit" });
const day = formatted({ day: "numeric", month: "short" });
const moment = formatted({ dateStyle: "medium", timeStyle: "medium" });
const when = (at) => (Date.now() - at > DAY ? `${day(at)} ${clock(at)}` : clock(at));

function tickLabel(at, step) {
  if (step >= DAY) return day(at);
  if (step < 60_000) return clock(at);
  return hour(at) === "00:00" ? day(at) : hour(at);
}

function timeTicks({ from, to }, most) {
  const step = TICKS.find((step) => (to - from) / step <= most) ?? TICKS.at(-1);
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) ticks.push(at);
  return ticks.map((at) => [at, tickLabel(at, step)]);
}

function valueTicks({ low, high, unit }) {
  const scale = scaleOf(unit, high);
  const rough = (high - low) / 3.5 / scale[0];
  const tenfold = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((part) => part * tenfold >= rough) * tenfold * scale[0];
  const ticks = [];
  for (let count = Math.ceil(low / step); count * step <= high; count += 1) ticks.push(count * step);
  return ticks.map((value) => [value, show(value, unit, scale)]);
}

// Series.

const known = (series) => series.values.filter((value) => value !== null);
const most = (values, first) => values.reduce((one, other) => Math.max(one, other), first);
const least = (values, first) => values.reduce((one, other) => Math.min(one, other), first);
const endOf = ({ start, step, values }) => start + step * values.length;
const valueAt = ({ start, step, values }, at) => values[Math.floor((at - start) / step)] ?? null;

/** The stretches of steps of which `holds` is true. */
function stretches(values, holds) {
  const found = [];
  values.forEach((value, step) => {
    if (!holds(value)) return;
    if (found.at(-1)?.to === step) found.at(-1).to = step + 1;
    else found.push({ from: step, to: step + 1 });
  });
  return found;
}

/** A path through what is known; the rest stays a gap. `point` draws one step of it. */
function path(series, point) {
  const lines = stretches(series.values, (value) => value !== null).map(({ from, to }) => {
    const points = series.values.slice(from, to).map((value, i) => point(series.start + (from + i) * series.step, value));
    return `M${points.join("L")}`;
  });
  return lines.join("");
}
const curve = ({ x, y }, series) =>
  path(series, (at, value) => `${x(at + series.step / 2)} ${y(value)}h.01`);
const stairs = ({ x, y }, series) => path(series, (at, value) => `${x(at)} ${y(value)}H${x(at + series.step)}`);

// Charts.

function frame({ time, width, height, low, high, unit, label }) {
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const round = (number) => Math.round(number * 10) / 10;
  const x = (at) => round(MARGIN.left + ((at - time.from) / (time.to - time.from)) * (right - MARGIN.left));
  const within = (value) => Math.min(Math.max(value, low), high);
  const y = (value) => round(bottom - ((within(value) - low) / (high - low)) * (bottom - MARGIN.top));
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: unit ? "img" : "group", "aria-label": label });
  for (const [at, text] of timeTicks(time, width / 90)) {
    node.append(svg("path", { class: "grid", d: `M${x(at)} ${MARGIN.top}V${bottom + 3}` }));
    const anchor = x(at) < MARGIN.left + 15 ? "start" : x(at) > right - 20 ? "end" : "middle";
    node.append(svg("text", { class: "tick", x: x(at), y: height - 5, "text-anchor": anchor }, text));
  }
  for (const [value, text] of unit ? valueTicks({ low, high, unit }) : []) {
    node.append(svg("path", { class: "grid", d: `M${MARGIN.left} ${y(value)}H${right}` }));
    node.append(svg("text", { class: "tick", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  const cursor = svg("path", { class: "cursor", d: `M0 ${MARGIN.top}V${bottom}`, visibility: "hidden" });
  return { node, x, y, right, bottom, cursor };
}

/** Fills the time of each stretch with a pattern. */
function shade(chart, series, holds, kind) {
  for (const { from, to } of stretches(series.values, holds)) {
    const left = chart.x(series.start + from * series.step);
    const width = Math.max(chart.x(series.start + to * series.step) - left, 2);
    chart.node.append(
      svg("rect", { class: kind, x: left, y: MARGIN.top, width, height: chart.bottom - MARGIN.top }));
  }
}

function drawBound(chart, text, bound) {
  const y = chart.y(bound);
  chart.node.append(svg("path", { class: "bound", d: `M${MARGIN.left} ${y}H${chart.right}` }));
  const above = y - 5 > MARGIN.top + 8 ? y - 5 : y + 13;
  chart.node.append(svg("text", { class: "bound-label", x: MARGIN.left + 6, y: above }, text));
}

/** A chart with its heading; `tell` says what there was at a time. */
function figure(heading, chart, tell) {
  const readout = el("span", { class: "readout" });
  const node = el("figure", {}, el("figcaption", {}, ...heading, readout), chart?.node ?? nothing());
  if (chart) chart.node.append(chart.cursor);
  const point = (at) => {
    chart?.cursor.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at !== null) chart?.cursor.setAttribute("transform", `translate(${chart.x(at)} 0)`);
    setText(readout, at === null || !tell ? "" : `${when(at)}  ${tell(at)}`);
  };
  return { node, chart, point };
}

const nothing = () => el("p", { class: "empty" }, "Nothing has been measured yet.");
const fact = (...content) => el("span", { class: "fact" }, ...content);
const sample = (kind) => svg("svg", { class: "sample", viewBox: "0 0 26 8", "aria-hidden": "true" },
  svg("path", { class: kind, d: "M1 4H25" }));

function stateOf(state) {
  const [sign, meaning] = STATES[state] ?? ["?", ""];
  return [el("span", { class: "sign", "aria-hidden": "true" }, sign), el("span", { title: meaning }, state)];
}

/** What values may be at least and at most; null where that is not bounded. */
function sidesOf({ bound, otherBound = null, atLeast }) {
  return atLeast ? { min: bound, max: otherBound } : { min: otherBound, max: bound };
}

/** How far the axis goes: peaks beyond four bounds are cut off, or the bound would be lost at the bottom. */
function reach({ min, max }, values) {
  const bound = max ?? min;
  const peak = most(values, bound);
  const high = max === null || max <= 0 ? peak : Math.min(peak, 4 * max);
  const low = least(values, Math.min(0, min ?? max));
  const top = Math.max(high, bound * 1.2);
  return { low, high: top > low ? top + (top - low) * 0.06 : low + 1 };
}

function objectiveFigure(objective, time, width) {
  const { name, unit, values, state } = objective;
  const { min, max } = sidesOf(objective);
  const numbers = known(values);
  const last = values.values.at(-1) ?? null;
  const told = (value) => (value === null ? "not measured" : show(value, unit));
  const limit = min === null ? `at most ${show(max, unit)}` : max === null ? `at least ${show(min, unit)}`
    : `within ${show(min, unit)} to ${show(max, unit)}`;
  const heading = [el("span", { class: `state ${state}` }, ...stateOf(state)), el("b", {}, name),
    fact(`${NOW} ${told(last)}`), fact(limit)];
  if (!numbers.length) return figure(heading, null);
  if (min !== null) heading.push(fact(`lowest ${show(least(numbers, Infinity), unit)}`));
  if (max !== null) heading.push(fact(`highest ${show(most(numbers, -Infinity), unit)}`));
  const label = `${name}: ${NOW} ${told(last)}, bound ${limit}, ${state}`;
  const chart = frame({ time, width, height: 132, ...reach({ min, max }, numbers), unit, label });
  shade(chart, values, (value) => value === null, "gap");
  const isBeyond = (value) => (min !== null && value < min) || (max !== null && value > max);
  shade(chart, values, (value) => value !== null && isBeyond(value), "violation");
  chart.node.append(svg("path", { class: "value", d: curve(chart, values) }));
  for (const bound of [min, max]) if (bound !== null) drawBound(chart, `bound ${show(bound, unit)}`, bound);
  return figure(heading, chart, (at) => told(valueAt(values, at)));
}

function targetFigure({ name, pods, enforced, limitEachPod, limit, sent }, time, width) {
  const unit = "bitsPerSecond";
  const [each, all] = limitEachPod ? [" a pod", " in all"] : ["", ""];
  const limited = (value) => (value === null ? "no limit" : show(value, unit) + each);
  const told = (value) => (value === null ? "not known" : show(value, unit) + all);
  const [now, sends] = [limited(limit.values.at(-1) ?? null), told(sent.values.at(-1) ?? null)];
  // A replay has no pods.
  const inForce = pods ? [`in force on ${enforced} of ${pods} pods`] : [];
  const heading = [el("b", {}, name), fact(sample("limit"), `limit ${NOW}: ${now}`),
    fact(sample("sent"), `sent ${NOW}: ${sends}`), ...inForce.map((text) => fact(text))];
  const high = most([...known(limit), ...known(sent)], 0) * 1.08;
  if (!high) return figure(heading, null);
  const label = [`${name}: limit ${NOW} ${now}`, `sent ${sends}`, ...inForce].join(", ");
  const chart = frame({ time, width, height: 112, low: 0, high, unit, label });
  chart.node.append(svg("path", { class: "sent", d: curve(chart, sent) }));
  chart.node.append(svg("path", { class: "limit", d: stairs(chart, limit) }));
  return figure(heading, chart, (at) => `limit: ${limited(valueAt(limit, at))}, sent: ${told(valueAt(sent, at))}`);
}

// Decisions.

const telling = ({ at, decision, reason, message }) => `${when(at)} ${decision}, ${reason}: ${message}`;

/** Marks that would cover each other are one. */
function grouped(marks, x) {
  const groups = [];
  for (const mark of marks) {
    const group = groups.at(-1);
    if (group && x(mark.at) - x(group[0].at) < MARK_WIDTH) group.push(mark);
    else groups.push([mark]);
  }
  return groups;
}

function drawMark(chart, group) {
  const { at, decision } = group.at(-1);
  const label = group.map(telling).join(". ");
  const attributes = { class: "mark", role: "img", "aria-label": label, tabindex: "-1", "data-key": `mark ${group[0].at}` };
  const node = svg("g", { ...attributes, transform: `translate(${chart.x(at)} ${chart.bottom - 10})` },
    svg("rect", { x: -7, y: -9, width: 14, height: 18 }), svg("path", { d: SHAPES[decision] ?? OTHER_SHAPE }));
  chart.node.append(node);
  return node;
}

/** Marks on the axis of time. One of them is chosen, by pointer, focus or arrow keys, and told below. */
function decisionsFigure(row, marks, time, width, point) {
  const chart = frame({ time, width, height: 46, low: 0, high: 1, label: "Decisions; arrow keys go from one to the next" });
  const groups = grouped(marks, chart.x);
  const nodes = groups.map((group) => drawMark(chart, group));
  const reason = el("p", { class: "reason" });
  const choose = (chosen) => {
    nodes.forEach((node, i) => node.classList.toggle("chosen", i === chosen));
    nodes.forEach((node, i) => node.setAttribute("tabindex", i === chosen ? "0" : "-1"));
    const lines = groups[chosen].slice(-3).reverse().map((mark) => el("span", {}, telling(mark)));
    const more = groups[chosen].length - lines.length;
    reason.replaceChildren(...lines, ...(more > 0 ? [el("span", {}, `… and ${more} more just before`)] : []));
    row.mark = chosen === groups.length - 1 ? null : groups[chosen][0].at;
  };
  nodes.forEach((node, i) => {
    const chooseThis = () => { choose(i); point(groups[i].at(-1).at); };
    for (const event of ["pointerenter", "focus", "click"]) node.addEventListener(event, chooseThis);
    node.addEventListener("blur", () => point(null));
  });
  chart.node.addEventListener("keydown", (event) => {
    const from = nodes.indexOf(document.activeElement);
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    nodes[to]?.focus();
  });
  const kept = groups.findIndex((group) => group[0].at === row.mark);
  choose(kept < 0 ? groups.length - 1 : kept);
  const drawn = figure([el("b", {}, "Decisions")], chart);
  drawn.node.append(reason);
  return drawn;
}

function decisionList(marks, isOpen) {
  const newest = marks.slice(-LISTED).reverse();
  const items = newest.map(({ at, decision, reason, message }) =>
    el("tr", {}, ...[when(at), decision, reason, message].map((text) => el("td", {}, text))));
  const left = marks.length - newest.length;
  const more = left > 0 ? [el("p", {}, `… and ${left} older`)] : [];
  const count = marks.length === 1 ? "1 decision" : `${marks.length} decisions`;
  const list = el("details", { class: "decisions" }, el("summary", { "data-key": "decisions" }, `${count}, newest first`),
    scrolling("Decisions", el("table", {}, ...items)), ...more);
  list.open = isOpen;
  return list;
}

const scrolling = (label, ...children) =>
  el("div", { class: "scrolling", role: "region", tabindex: "0", "aria-label": label, "data-key": label }, ...children);
