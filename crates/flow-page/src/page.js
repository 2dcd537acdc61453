// Policies as rows, of which only the open ones are drawn.

const byId = (id) => document.getElementById(id);
const refresh = Number(document.body.dataset.refresh);
const rows = new Map();
const chosen = new Set();
let page = null;

const idOf = ({ namespace, name }) => (namespace ? `${namespace}/${name}` : name);
const hashOf = (policy) => `#${encodeURIComponent(idOf(policy)).replaceAll("%2F", "/")}`;

function timeOf({ objectives, targets }) {
  const series = [...objectives.map((it) => it.values), ...targets.flatMap((it) => [it.limit, it.sent])];
  const some = series.filter((it) => it.values.length);
  const from = least(some.map((it) => it.start), Infinity);
  return some.length ? { from, to: Math.max(most(some.map(endOf), from), from + 1) } : null;
}

function figures(row, width) {
  const { policy } = row;
  const time = timeOf(policy);
  if (!time) return [nothing()];
  const all = [];
  const point = (at) => all.forEach((it) => it.point(at));
  const marks = policy.decisions.filter(({ at }) => at >= time.from && at <= time.to);
  all.push(...policy.objectives.map((it) => objectiveFigure(it, time, width)));
  if (marks.length) all.push(decisionsFigure(row, marks, time, width, point));
  all.push(...policy.targets.map((it) => targetFigure(it, time, width)));
  for (const { node, chart } of all.filter((it) => it.chart)) followPointer(chart.node, node, time, width, point);
  return all.map((it) => it.node);
}

function followPointer(drawing, node, { from, to }, width, point) {
  const span = width - MARGIN.left - MARGIN.right;
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * width - MARGIN.left) / span;
    point(share >= 0 && share <= 1 ? from + share * (to - from) : null);
  });
  node.addEventListener("pointerleave", () => point(null));
}

/** Draws an open policy anew where something changed; focus and what is open in it stay. */
function draw(row) {
  const { node, body, policy } = row;
  const width = node.open ? body.clientWidth : 0;
  const drawn = width ? `${width} ${JSON.stringify(policy)}` : "";
  if (drawn === row.drawn || (node.open && !width)) return;
  row.drawn = drawn;
  const isListed = body.querySelector(".decisions")?.open ?? false;
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const list = policy.decisions.length ? [decisionList(policy.decisions, isListed)] : [];
  const link = el("a", { href: hashOf(policy), "data-key": "link" }, "Link to this policy");
  body.replaceChildren(...(width ? [...figures(row, width), ...list, link] : []));
  const again = [...body.querySelectorAll("[data-key]")].find((it) => focused && it.dataset.key === focused);
  again?.focus({ preventScroll: true });
}

function newRow() {
  const part = (name) => el("span", { class: name });
  const row = { node: el("details", { class: "policy" }), body: el("div", { class: "body" }), drawn: "", mark: null };
  Object.assign(row, { state: part("state"), name: part("name"), why: part("why"), mode: part("mode") });
  row.node.append(el("summary", {}, row.state, row.name, row.mode, row.why), row.body);
  row.node.addEventListener("toggle", () => draw(row));
  return row;
}

function renew(row, policy) {
  if (row.policy?.state !== policy.state) {
    row.node.className = `policy ${policy.state}`;
    row.state.className = `state ${policy.state}`;
    row.state.replaceChildren(...stateOf(policy.state));
  }
  row.policy = policy;
  setText(row.name, idOf(policy));
  const why = policy.holding ? `${policy.why}; limits stay: ${policy.holding}` : policy.why;
  setText(row.why, why);
  setText(row.mode, policy.mode);
  row.text = `${idOf(policy)} ${policy.mode} ${why}`.toLowerCase();
}

/** The rows in the order of the page, those that are in place already untouched. */
function arrange(list) {
  const ids = new Set(page.policies.map(idOf));
  for (const [id, { node }] of rows) if (!ids.has(id)) { node.remove(); rows.delete(id); }
  let place = list.firstElementChild;
  for (const policy of page.policies) {
    const row = rows.get(idOf(policy)) ?? newRow();
    rows.set(idOf(policy), row);
    renew(row, policy);
    if (row.node === place) place = place.nextElementSibling;
    else list.insertBefore(row.node, place);
  }
}

/** Changes the list under a reader who has scrolled or has the focus in it, and leaves both where they were. */
function keepingPlace(list, change) {
  const focused = document.activeElement;
  const seen = window.scrollY > 0 ? [...list.children].find((it) => it.getBoundingClientRect().bottom > 0) : undefined;
  const before = seen?.getBoundingClientRect().top;
  change();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  if (seen?.isConnected) window.scrollBy({ top: seen.getBoundingClientRect().top - before, behavior: "instant" });
}

function goToHash() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* It stays as it is written. */ }
  const row = rows.get(id);
  if (!row) return false;
  row.node.hidden = false;
  row.node.open = true;
  row.node.scrollIntoView();
  return true;
}

// The tools above the list.

function makeTools() {
  for (const [state, [, meaning]] of Object.entries(STATES)) {
    const count = el("span", { class: "count" });
    const button = el("button", { type: "button", class: `state ${state}`, "aria-pressed": "false" }, ...stateOf(state), count);
    button.title = meaning;
    button.dataset.state = state;
    button.addEventListener("click", () => {
      if (!chosen.delete(state)) chosen.add(state);
      button.setAttribute("aria-pressed", String(chosen.has(state)));
      filter();
    });
    byId("states").append(button);
  }
  byId("filter").addEventListener("input", filter);
}

function countStates() {
  byId("tools").hidden = page.policies.length < 2;
  for (const button of byId("states").children) {
    const number = page.policies.filter(({ state }) => state === button.dataset.state).length;
    setText(button.querySelector(".count"), String(number));
    button.classList.toggle("none", number === 0);
  }
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const row of rows.values()) {
    const isShown = (!chosen.size || chosen.has(row.policy.state)) && words.every((word) => row.text.includes(word));
    row.node.hidden = !isShown;
    shown += Number(isShown);
    if (isShown && row.node.open) draw(row);
  }
  setText(byId("shown"), shown === rows.size ? "" : `${shown} of ${rows.size} shown`);
  const why = rows.size ? "No policy is like that." : "There are no FlowPolicies.";
  byId("empty").hidden = shown > 0;
  setText(byId("empty"), why);
}

// The page as a whole.

function tableOf({ title, columns, rows }) {
  const line = (name, cells) => el("tr", {}, ...cells.map((text) => el(name, name === "th" ? { scope: "col" } : {}, text)));
  const table = el("table", {}, el("thead", {}, line("th", columns)), el("tbody", {}, ...rows.map((it) => line("td", it))));
  return el("section", {}, el("h2", {}, title), scrolling(title, table));
}

function update(next) {
  const isFirst = page === null;
  page = next;
  document.title = page.title;
  setText(document.querySelector("h1"), page.title);
  byId("note").hidden = !page.note;
  setText(byId("note"), page.note ?? "");
  const list = byId("policies");
  keepingPlace(list, () => { arrange(list); countStates(); filter(); });
  byId("tables").replaceChildren(...(page.tables ?? []).map(tableOf));
  if (isFirst && !goToHash() && page.policies.length) rows.get(idOf(page.policies[0])).node.open = true;
}

// Live: the operator is asked again and again; where it does not answer, what it told last stays.

let heard = null;
let silent = null;

function tellLink() {
  const asOf = heard && clock(heard);
  const lost = asOf ? `What is shown is from ${asOf},` : "Nothing is known yet.";
  setText(byId("link-state"), silent ? `✘ ${silent.why} since ${clock(silent.since)}. ${lost}` : asOf ? `✔ Live, ${asOf},` : "Asking …");
  setText(byId("age"), heard ? `${Math.round((Date.now() - heard) / 1000)} s ago` : "");
  document.body.classList.toggle("silent", silent !== null);
}

async function ask() {
  const answer = await fetch("page.json", { cache: "no-store", signal: AbortSignal.timeout(Math.max(refresh, 5000)) })
    .catch(() => { throw new Error("The operator has not answered"); });
  if (!answer.ok) throw new Error(`The operator has answered ${answer.status}`);
  return answer.json().catch(() => { throw new Error("The operator has not answered in full"); });
}

async function follow() {
  if (document.hidden) return document.addEventListener("visibilitychange", follow, { once: true });
  const answer = await ask().catch((error) => error);
  if (answer instanceof Error) silent = { since: silent?.since ?? Date.now(), why: answer.message };
  else { [heard, silent] = [Date.now(), null]; update(answer); }
  tellLink();
  return setTimeout(follow, refresh);
}

makeTools();
window.addEventListener("hashchange", goToHash);
window.addEventListener("resize", () => requestAnimationFrame(() => rows.forEach(draw)));
if (refresh) {
  tellLink();
  setInterval(tellLink, 1000);
  follow();
} else {
  update(JSON.parse(byId("page").textContent));
  setText(byId("link-state"), moment(page.at));
}
