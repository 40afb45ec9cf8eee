"use strict";
// The status page: one stream of events from the Stat Server keeps it up to date.  When the stream falls silent it
// says so, keeps the last values, dimmed, and connects again by itself.

const SILENT_AFTER_MS = 3500;   // the server sends a beat each second
const RETRY_MS = 1000;

const rows = { sites: new Map(), queues: new Map(), agents: new Map() };
let cluster = null;
let clusterAt = 0;              // when hamgr's view came
let self = null;
let clockAhead = 0;             // server's wall clock minus ours, in ms
let heardAt = 0;
let stream = null;
let dirty = false;              // drawn with the next frame

const by = (id) => document.getElementById(id);
const keyOf = { sites: (r) => r.site, queues: (r) => r.site + "/" + r.queue, agents: (r) => r.site + "/" + r.agent };

// el - an element with a class and children; texts are never read as HTML.
function el(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  for (const child of children) e.append(child);
  return e;
}

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60)
                  : Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
}

const serverNow = () => Date.now() + clockAhead;
const since = (ms) => (ms > 0 ? duration(serverNow() - ms) : "–");
const count = (n) => n.toLocaleString("en");
const words = (name) => name.replace(/_/g, " ");

const STATE_LOOK = { ready: "good", busy: "info", reserved: "info", after_call_work: "warn", not_ready: "warn", not_monitored: "bad" };
const MODE_LOOK = { peered: "good", standalone: "info", single: "warn" };
const JUDGEMENT_LOOK = { up: "good", self: "good", silent: "warn", cut: "warn", dead: "bad" };

function siteCard(s) {
  const card = el("article", "card");
  const judged = cluster && cluster.judgements.find((j) => j.site === s.site);
  const head = el("div", "", el("h3", "", s.site));
  if (s.monitored)
    head.append(el("span", "pill " + (MODE_LOOK[s.mode] || ""), words(s.mode)));
  else
    head.append(el("span", "pill bad", "not monitored"));
  if (judged && judged.judgement && judged.judgement !== "self")
    head.append(el("span", "pill " + (JUDGEMENT_LOOK[judged.judgement] || ""), "seen from here: " + judged.judgement));
  card.append(head);
  if (s.monitored && s.mode_reason) card.append(el("p", "small", s.mode_reason));
  card.append(el("p", "small muted", s.monitored ? "served by " + s.host
    : s.host ? "its SIP server is not heard; last values, from " + s.host : "its SIP server has not been heard yet"));
  if (judged && judged.evidence && judged.judgement !== "self")
    card.append(el("p", "small muted", judged.evidence));
  const list = el("dl", "");
  const figures = [["Calls now", s.calls], ["Phones", s.registrations], ["Started", s.started], ["Answered", s.answered],
                   ["Abandoned", s.abandoned], ["Failed", s.failed], ["Forwarded", s.forwarded], ["Drops", s.drops]];
  for (const [name, value] of figures)
    list.append(el("div", "", el("dt", "", name), el("dd", "", count(value))));
  card.append(list);
  return card;
}

function emptyRow(columns, text) {
  const cell = el("td", "", text);
  cell.colSpan = columns;
  return el("tr", "empty", cell);
}

function headCell(text) {
  const cell = el("th", "", text);
  cell.scope = "row";
  return cell;
}

// A write epoch is (ticket epoch, role epoch) in one number: shown as hamgr shows it, ticket.role.
function writeEpoch(n) {
  return Math.floor(n / 2 ** 32) + "." + (n % 2 ** 32);
}

function hostRow(h) {
  const role = h.arbiter ? ["info", "arbiter"] : !h.alive ? ["bad", "not heard"] : h.primary ? ["good", "primary"] : ["", "backup"];
  const roles = el("td", "", el("span", "pill " + role[0], role[1]));
  if (h.writer && h.alive) roles.append(" ", el("span", "pill info", "config writer"));
  return el("tr", h.alive ? "" : "unknown", headCell(h.host), roles, el("td", "n", h.arbiter ? "–" : count(h.epoch)),
            el("td", "", h.host === self?.host ? "this host" : (h.age_ms / 1000).toFixed(1) + " s ago"),
            el("td", "", h.arbiter ? "–" : "epoch " + writeEpoch(h.conf_epoch) + ", change " + h.conf_txid),
            el("td", "wide small", h.components || "–"));
}

function queueRow(q) {
  const waiting = q.waiting > 0 ? el("td", "n", el("span", "pill warn", count(q.waiting))) : el("td", "n", "0");
  return el("tr", q.monitored ? "" : "unknown", headCell(q.queue), el("td", "", q.site + (q.monitored ? "" : " (not monitored)")),
            waiting, el("td", "n", q.waiting > 0 ? since(q.oldest_since_ms) : "–"),
            el("td", "n", count(q.agents_ready) + " of " + count(q.agents_logged_in)), el("td", "n", count(q.entered)),
            el("td", "n", count(q.answered)), el("td", "n", count(q.abandoned)), el("td", "n", count(q.overflowed)),
            el("td", "n", duration(q.wait_average_ms)), el("td", "n", duration(q.wait_max_ms)));
}

function agentRow(a) {
  const state = el("td", "", el("span", "pill " + (STATE_LOOK[a.state] || ""), words(a.state)));
  if (a.reason && a.monitored) state.append(" ", el("span", "small muted", a.reason));
  return el("tr", a.monitored ? "" : "unknown", headCell(a.agent), el("td", "", a.site), state,
            el("td", "n", since(a.since_ms)), el("td", "", a.dn || "–"), el("td", "wide", a.queues.join(", ") || "–"),
            el("td", "n", count(a.calls)), el("td", "n", duration(a.talk_ms)));
}

function sorted(map) {
  return [...map.entries()].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([, row]) => row);
}

function fill(id, items, make, columns, none) {
  by(id).replaceChildren(...(items.length > 0 ? items.map(make) : [emptyRow(columns, none)]));
}

function draw() {
  dirty = false;
  if (self !== null) {
    by("cluster").textContent = self.cluster;
    by("asked").textContent = "answered by " + self.host + " (" + self.site + ", " + self.role + ")";
    document.title = "Standfast: " + self.cluster;
  }
  by("sites").replaceChildren(...sorted(rows.sites).map(siteCard));
  fill("queues", sorted(rows.queues), queueRow, 10, "No queue has been heard of yet.");
  fill("agents", sorted(rows.agents), agentRow, 8, "No agent has been heard of yet.");
  if (cluster !== null) {
    fill("hosts", cluster.hosts, hostRow, 6, "hamgr of this host has not told anything yet.");
    const c = cluster.config;
    const age = Date.now() - clusterAt;
    by("config").textContent = (cluster.hosts.length > 0 && age > SILENT_AFTER_MS
      ? "hamgr of " + (self ? self.host : "this host") + " has said nothing for " + duration(age) + "; what follows is what it last knew. " : "") +
      (c.writer_host ? "Configuration is written at " + c.writer_host + "."
      : "Nobody writes the configuration now; reading goes on everywhere.") +
      (c.ticket_site ? " The ticket is with " + c.ticket_site + " (epoch " + c.ticket_epoch + ")." : "");
  }
}

function setLink(look, text, banner) {
  by("link").className = "pill " + look;
  if (by("link").textContent !== text) by("link").textContent = text;
  by("lost").hidden = !banner;
  if (banner && by("lost").textContent !== banner) by("lost").textContent = banner;
  document.body.classList.toggle("stale", Boolean(banner));
}

function take(changed) {
  for (const kind of Object.keys(rows))
    for (const row of changed[kind] || []) rows[kind].set(keyOf[kind](row), row);
}

function heard(who) {
  heardAt = Date.now();
  if (who) {
    self = who;
    clockAhead = who.now_ms - heardAt;
  }
  setLink("good", "live", null);
  if (!dirty) requestAnimationFrame(draw);
  dirty = true;
}

function connect() {
  if (stream !== null) stream.close();
  stream = new EventSource("/events");
  const on = (name, fn) => stream.addEventListener(name, (e) => fn(JSON.parse(e.data)));
  on("state", (state) => {
    for (const map of Object.values(rows)) map.clear();
    take(state);
    cluster = state.cluster;
    clusterAt = Date.now() - Math.max(0, cluster.heard_ms);
    heard(state.self);
  });
  on("update", (changed) => { take(changed); heard(null); });
  on("cluster", (c) => { cluster = c; clusterAt = Date.now(); heard(c.self); });
  on("beat", heard);
}

function lost() {
  const when = heardAt ? "These are the last known values, from " + new Date(heardAt).toLocaleTimeString() + "." : "";
  setLink("bad", "lost, connecting again", "The Stat Server at " + location.host + " is not heard. " + when + " Connecting again by itself.");
}

let triedAt = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - Math.max(heardAt, triedAt) > SILENT_AFTER_MS || (stream.readyState === EventSource.CLOSED && now - triedAt > RETRY_MS)) {
    lost();
    triedAt = now;
    connect();
  } else if (heardAt && now - heardAt > SILENT_AFTER_MS) {
    lost();
  }
  if (now - heardAt < SILENT_AFTER_MS) draw(); // the ages go on
}, 1000);
connect();
