// The fleet, live. Everything shown comes from /v1/live: a snapshot first, then
// one event for each change. Text from devices is set as text, never as HTML.
"use strict";

const shown = {
  devices: new Map(),  // "site/device" → device
  rollouts: new Map(), // id → rollout
  events: [],          // newest first
};
const eventsKept = 30;
const rolloutsShown = 4;

// element makes an element with a class and children; a string child is text.
function element(tag, cls, ...children) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const goodPhases = ["committed"];
const badPhases = ["failed", "refused", "rolled_back"];

function phaseClass(phase) {
  if (goodPhases.includes(phase)) return "good";
  if (badPhases.includes(phase)) return "bad";
  return phase === "idle" ? "quiet" : "busy";
}

function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour12: false });
}

function milliseconds(v) {
  return v === undefined || v === 0 ? "–" : (v < 10 ? v.toFixed(2) : v.toFixed(0)) + " ms";
}

function hottest(telemetry) {
  const all = Object.entries(telemetry?.temperature_celsius ?? {});
  if (all.length === 0) return element("td", "n quiet", "–");
  const [name, celsius] = all.reduce((a, b) => (b[1] > a[1] ? b : a));
  const cell = element("td", "n", celsius.toFixed(0) + " °C");
  cell.title = name;
  return cell;
}

// deviceRows is one row a model, or one for a device without any.
function deviceRows(device) {
  const models = device.state?.models?.length ? device.state.models : [null];
  return models.map((model, i) => {
    const counts = device.telemetry?.models?.find((m) => m.name === model?.name);
    const wanted = model && model.wanted !== model.running ? model.wanted : "";
    const engine = element("td", "", model?.engine ?? "");
    engine.title = model?.engine_why ?? "";
    const name = element("td", "name");
    if (i === 0) {
      const dot = element("span", "dot " + (device.online ? "on" : "off"));
      dot.title = device.online ? "online" : "offline";
      name.append(dot, device.site + "/" + device.device, device.online ? "" : element("span", "bad", " offline"));
      if (device.contested) {
        const twice = element("span", "bad", " two devices of this name");
        twice.title = device.contested;
        name.append(twice);
      }
      if (device.withheld) {
        const withheld = element("span", "bad", " given no order");
        withheld.title = "It " + device.withheld;
        name.append(withheld);
      }
    }
    const running = element("td", "v", model?.running ?? "");
    running.title = model?.digest ?? "";
    return element("tr", "",
      name,
      element("td", "v", model?.name ?? ""),
      running,
      element("td", "v", wanted ?? ""),
      element("td", phaseClass(model?.phase ?? "idle"), (model?.phase ?? "").replaceAll("_", " ")),
      engine,
      element("td", "n", milliseconds(counts?.p95_ms)),
      element("td", "n", counts ? String(counts.inferences) : "–"),
      element("td", counts?.errors ? "n bad" : "n", counts ? String(counts.errors) : "–"),
      hottest(device.telemetry),
      element("td", "why", model?.why ?? device.state?.why ?? "It has not said anything yet."));
  });
}

function rolloutCard(r) {
  const waves = element("div", "waves");
  r.waves.forEach((wave, i) => {
    let cls = "";
    if (i + 1 < r.wave || r.phase === "done") cls = "done";
    else if (i + 1 === r.wave) cls = r.phase === "running" ? "now" : "stop";
    const bar = element("i", cls);
    bar.title = "wave " + (i + 1) + ": " + wave;
    waves.append(bar);
  });
  const phaseText = { running: "busy", done: "good" }[r.phase] ?? "bad";
  const card = element("div", "rollout " + r.phase,
    element("b", "", r.removes ? "removal of " + r.model : r.model + " " + r.version),
    element("span", phaseText, r.phase),
    element("span", "quiet", "  wave " + r.wave + " of " + r.waves.length + " (" + r.waves.join(", ") + ")  "
      + r.healthy + " healthy, " + r.failed + " failed, " + r.total + " devices  started " + clock(r.started)),
    element("p", "", r.why),
    waves);
  card.title = "Each device's part: squadron rollout status " + r.id;
  return card;
}

function eventLine({ site, device, event }) {
  return element("li", "",
    element("time", "", clock(event.at)),
    element("span", "device", site + "/" + device),
    element("span", phaseClass(event.kind), event.kind.replaceAll("_", " ")),
    element("span", "", event.text));
}

function draw() {
  const devices = [...shown.devices.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }));
  const online = devices.filter((d) => d.online).length;
  document.getElementById("summary").textContent =
    devices.length + (devices.length === 1 ? " device, " : " devices, ") + online + " online";
  document.getElementById("devices").replaceChildren(...devices.flatMap(deviceRows));

  const rollouts = [...shown.rollouts.values()].sort((a, b) => b.started.localeCompare(a.started));
  if (rollouts.length > 0) {
    document.getElementById("rollouts").replaceChildren(...rollouts.slice(0, rolloutsShown).map(rolloutCard));
  }
  document.getElementById("events").replaceChildren(...shown.events.map(eventLine));
}

const nameOf = (d) => d.site + "/" + d.device;

// later draws once for all the events of one frame.
let drawing = false;
function later() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(); });
}

function keepEvent(e) {
  const known = (o) => nameOf(o) === nameOf(e) && o.event.seq === e.event.seq && o.event.at === e.event.at;
  if (shown.events.some(known)) return;
  shown.events.push(e);
  shown.events.sort((a, b) => b.event.at.localeCompare(a.event.at));
  shown.events.length = Math.min(shown.events.length, eventsKept);
}

// pastEvents asks for what happened before the page was opened.
async function pastEvents() {
  for (const d of [...shown.devices.values()].slice(0, 20)) {
    const answer = await fetch("/v1/devices/" + encodeURIComponent(d.site) + "/" + encodeURIComponent(d.device));
    if (!answer.ok) continue;
    for (const event of (await answer.json()).events ?? []) keepEvent({ site: d.site, device: d.device, event });
  }
  later();
}

const link = document.getElementById("link");
const live = new EventSource("/v1/live");
live.onopen = () => { link.textContent = "live"; link.className = "good"; };
live.onerror = () => { link.textContent = "the controller does not answer; trying again"; link.className = "bad"; };
live.addEventListener("snapshot", (m) => {
  const s = JSON.parse(m.data);
  shown.devices = new Map(s.devices.map((d) => [nameOf(d), d]));
  shown.rollouts = new Map(s.rollouts.map((r) => [r.id, r]));
  later();
  pastEvents().catch((e) => { link.textContent = "earlier events could not be read: " + e.message; link.className = "bad"; });
});
live.addEventListener("device", (m) => { const d = JSON.parse(m.data); shown.devices.set(nameOf(d), d); later(); });
live.addEventListener("gone", (m) => { shown.devices.delete(nameOf(JSON.parse(m.data))); later(); });
live.addEventListener("rollout", (m) => { const r = JSON.parse(m.data); shown.rollouts.set(r.id, r); later(); });
live.addEventListener("event", (m) => { keepEvent(JSON.parse(m.data)); later(); });
