"use strict";
// The agent's page.  It follows the table of desktop/core/client.tbl.h: stays with its site through restarts and
// switchovers, and when the site is lost logs in at the other one by itself, with the last state (SF-5).

const conf = { silentAfter: 3000, siteLossAfter: 5000, outAfter: 15000, attempt: 2500, retry: 250,
               laterMin: 300, laterMax: 3000, spread: 500, operation: 660000 };   // milliseconds

const by = (id) => document.getElementById(id);
const words = (name) => name.replace(/_/g, " ").replace(/^./, (c) => c.toUpperCase());

// The password stays in this page's memory only: with it the page logs in again by itself.
let me = null;                  // {agent, password, dn}
let want = { state: "ready", reason: "" };
let sites = [{ site: "", url: location.origin }];
let at = 0;                     // index into sites
let state = "stopped";          // as the table names them, in lower case
let token = "";
let timer = 0;
let stream = null;
let attempt = 0;                // a number per request, so that an answer that comes too late is known as such
let lostSince = 0, laterSince = 0, laters = 0;
let desk = null;                // the last "agent" event
let clockAhead = 0;

// ---- what the agent sees ----

function log(text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  item.append(time, text);
  by("log").prepend(item);
  while (by("log").childElementCount > 50) by("log").lastChild.remove();
}

function pill(look, text) {
  by("link").className = "pill " + look;
  if (by("link").textContent !== text) by("link").textContent = text;
}

function notice(text, moved) {
  by("notice").hidden = !text;
  by("notice").className = "notice" + (moved ? " moved" : "");
  if (text && by("notice").textContent !== text) by("notice").textContent = text;
}

const siteName = (i) => sites[i].site || sites[i].url;

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  return Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
}

function draw() {
  by("login").hidden = me !== null;
  by("desk").hidden = me === null;
  if (me === null) return;
  const live = state === "connected";
  by("ready").disabled = by("not-ready").disabled = false;
  if (desk === null) return;
  by("state").textContent = words(desk.state);
  by("state").className = desk.state;
  by("since").textContent = desk.since_ms > 0 ? "for " + duration(Date.now() + clockAhead - desk.since_ms) : "";
  by("reason-shown").textContent = desk.state === "not_ready" && desk.reason ? desk.reason : "";
  by("who").textContent = desk.agent;
  by("phone").textContent = desk.dn + (desk.dn_in_service ? "" : " (out of service)");
  const call = desk.call;
  by("call").className = "big " + (call ? call.phase : "");
  by("call").textContent = !call ? "No call" : call.phase === "ringing" ? "Ringing: " + call.caller : other(call);
  by("call-more").textContent = !call ? "" : phases[call.phase] + (call.queue ? ", queue " + call.queue : "") +
    (live ? "" : "; the voice goes on while the desktop connects again");
  drawCalls(desk.calls || [], live);
}

// ---- calls ----

const phases = { ringing: "answer on your phone, or here where the phone can", established: "connected", held: "held",
                 dialing: "your phone is called", alerting: "it rings there", queued: "waits in the queue" };
const other = (call) => call.outbound ? call.called : call.caller;

// fill - the children of a list as they shall be, touched only when they change: a screen reader reads on.
function fill(id, items) {
  const text = JSON.stringify(items);
  if (by(id).dataset.shown === text) return;
  by(id).dataset.shown = text;
  by(id).replaceChildren(...items.map(([name, look, first, second]) => {
    const item = document.createElement(name), a = document.createElement(name === "li" ? "span" : "dt"),
          b = document.createElement(name === "li" ? "span" : "dd");
    item.className = look;
    a.textContent = first;
    b.textContent = second;
    item.append(a, b);
    return item;
  }));
}

function drawCalls(calls, live) {
  const is = (...names) => calls.some((c) => names.includes(c.phase));
  const talking = is("established"), held = is("held"), two = calls.length > 1;
  const possible = { dial: calls.length === 0, answer: is("ringing"), release: calls.length > 0, hold: talking, retrieve: held && !talking,
                     transfer: talking || held, consult: !two && (talking || held), complete: two && held,
                     alternate: two && held && talking, return: two && held };
  fill("calls", two ? calls.map((c) => ["li", c.phase, other(c), phases[c.phase]]) : []);
  for (const button of by("operations").children) button.disabled = !live || !possible[button.dataset.op];
  const data = desk.call ? Object.entries(desk.call.data) : [];
  fill("data", data.map(([key, value]) => ["div", "", key, value]));
  by("attach").hidden = calls.length === 0;
}

async function operate(op, more) {
  const body = { token, op, ...more };
  by("operate-error").textContent = "";
  if (["dial", "transfer", "consult"].includes(op)) body.number = by("number").value.trim();
  if (op === "release" && desk.call) body.call = desk.call.id;
  const { status, answer } = await ask("/api/call", body, conf.operation);
  if (status === 200) {
    if (body.number) by("number").value = "";
    return;
  }
  by("operate-error").textContent = words(op) + ": " + (answer.error || "the site did not answer; what came of it is shown above");
}

function show() {
  if (state === "connected") pill("good", "connected to " + siteName(at));
  else if (state === "stopped") pill("", "not logged in");
  else if (state === "waiting" || state === "logging_in") pill("warn", "logging in at " + siteName(at));
  else pill("bad", siteName(at) + " is not heard");
  draw();
}

// ---- the table's actions ----

function go(next) {
  state = next;
  show();
}

function due(ms, fn) {
  clearTimeout(timer);
  timer = setTimeout(fn, ms);
}

function closeAll() {
  attempt++;
  if (stream !== null) stream.close();
  stream = null;
}

// ask - one request of the API: {status, answer}; status 0: no answer.
async function ask(path, body, ms) {
  try {
    const response = await fetch(sites[at].url + path, {
      method: body ? "POST" : "GET", body: body && JSON.stringify(body), signal: AbortSignal.timeout(ms),
      headers: body ? { "Content-Type": "application/json" } : {}, cache: "no-store" });
    return { status: response.status, answer: await response.json().catch(() => ({})) };
  } catch {
    return { status: 0, answer: {} };
  }
}

const since = (moment, ms) => moment > 0 && Date.now() - moment >= ms;
const siteLost = () => sites.length > 1 && since(lostSince, conf.siteLossAfter);
const outLong = () => sites.length > 1 && since(laterSince, conf.outAfter);

function move() {
  closeAll();
  const from = siteName(at);
  at = (at + 1) % sites.length;
  lostSince = laterSince = laters = 0;
  log(from + " is lost; going on at " + siteName(at));
  notice("Site " + from + " is not reached. Logging you in at " + siteName(at) + " with your last state. A call you are on keeps its voice.", false);
  go("waiting");
  due(Math.random() * conf.spread, login);
}

function waitShort() {
  closeAll();
  go("waiting");
  due(conf.retry, login);
}

function waitJitter() {
  lostSince = 0;
  if (laterSince === 0) laterSince = Date.now();
  const high = Math.min(conf.laterMax, conf.laterMin * 2 ** ++laters);
  closeAll();
  go("waiting");
  due(conf.laterMin + Math.random() * (high - conf.laterMin), login);
}

function stop(text) {
  clearTimeout(timer);
  closeAll();
  me = null;
  desk = null;
  token = "";
  notice("");
  by("login-error").textContent = text || "";
  go("stopped");
  by("agent").focus();
}

async function login() {
  if (lostSince === 0) lostSince = Date.now();
  clearTimeout(timer);
  closeAll();
  const mine = attempt;
  go("logging_in");
  const { status, answer } = await ask("/api/login", { ...me, state: want.state, reason: want.reason }, conf.attempt);
  if (mine !== attempt || state !== "logging_in") return;
  if (status === 200) return connected(answer);
  if (status === 0) return siteLost() ? move() : waitShort();
  if (status >= 500 || answer.retriable) {
    notice(siteName(at) + ": " + answer.error + ". Trying again by itself.", false);
    return outLong() ? move() : waitJitter();
  }
  stop(answer.error);
}

function connected(answer) {
  token = answer.token;
  lostSince = laterSince = laters = 0;
  by("site").textContent = answer.site;
  by("host").textContent = answer.host;
  sites[at].site = answer.site;
  log("logged in at " + answer.site + " (" + answer.host + ") as " + words(answer.state).toLowerCase());
  notice("");
  go("connected");
  openStream(false);
  learnSites();
}

// seek - connect again to the same site: it may only have switched over.
function seek() {
  go("seeking");
  openStream(true);
}

function pause() {
  if (lostSince === 0) {
    lostSince = Date.now();
    log(siteName(at) + " is not heard; connecting again");
  }
  notice("Connecting again to " + siteName(at) + ". If it stays silent, you are logged in at the other site. A call you are on keeps its voice.", false);
  if (siteLost()) return move();
  closeAll();
  go("pausing");
  due(conf.retry, seek);
}

function silent() {
  if (lostSince === 0) {
    lostSince = Date.now();
    log(siteName(at) + " has fallen silent; connecting again");
  }
  seek();
}

function heard() {
  if (state === "seeking") {
    lostSince = 0;
    log(siteName(at) + " is heard again");
    notice("");
    go("connected");
  }
  if (state === "connected") due(conf.silentAfter, silent);
}

function openStream(seeking) {
  closeAll();
  const mine = attempt;
  const source = stream = new EventSource(sites[at].url + "/api/events?token=" + token);
  const on = (name, fn) => source.addEventListener(name, (e) => {
    if (mine !== attempt) return;
    fn(JSON.parse(e.data));
  });
  on("hello", heard);
  on("beat", (beat) => { clockAhead = beat.now_ms - Date.now(); heard(); draw(); });
  on("agent", (data) => { heard(); take(data); });
  on("call", (data) => { heard(); log(words(data.event) + ": " + other(data)); });
  on("ended", (data) => {
    log("the session ended: " + data.text);
    if (data.again) return waitJitter();
    stop(data.text);
  });
  source.onerror = async () => {
    if (mine !== attempt) return;
    source.close();
    // An event source does not tell why: ask whether the gateway is there and has forgotten us.
    const { status, answer } = await ask("/api/session?token=" + token, null, conf.attempt);
    if (mine !== attempt || (state !== "connected" && state !== "seeking")) return;
    if (status === 410) {
      log("the session ended: " + answer.error);
      return answer.retriable ? waitJitter() : stop(answer.error);
    }
    if (status === 401) {
      log("the gateway of " + siteName(at) + " does not know the session; logging in there again");
      lostSince = 0;
      return login();
    }
    pause();
  };
  due(seeking ? conf.attempt : conf.silentAfter, seeking ? pause : silent);
}

// take - Ready and Not ready are kept: with them the page logs in the next time.
function take(data) {
  if (data.state === "ready") want = { state: "ready", reason: "" };
  if (data.state === "not_ready") want = { state: "not_ready", reason: data.reason };
  if (desk === null || desk.state !== data.state) log(words(data.state).toLowerCase() + (data.reason ? ": " + data.reason : ""));
  desk = data;
  draw();
}

async function learnSites() {
  const { status, answer } = await ask("/api/sites", null, conf.attempt);
  if (status !== 200) return;
  const here = answer.sites.findIndex((s) => s.site === answer.site);
  if (here < 0) return;
  sites = answer.sites;
  at = here;
  show();
}

async function change(next, reason) {
  want = { state: next, reason: next === "not_ready" ? reason : "" };
  by("state-error").textContent = "";
  if (state !== "connected") {
    by("state-error").textContent = "Kept: you will be " + words(next).toLowerCase() + " when connected again.";
    return;
  }
  const { status, answer } = await ask("/api/state", { token, ...want }, conf.attempt);
  if (status !== 200) by("state-error").textContent = answer.error || "The site did not answer; trying again with the next login.";
}

// ---- what the agent does ----

by("login").addEventListener("submit", (e) => {
  e.preventDefault();
  by("login-error").textContent = "";
  me = { agent: by("agent").value.trim(), password: by("password").value, dn: by("dn").value.trim() };
  want = { state: document.querySelector("input[name=begin]:checked").value, reason: "" };
  by("password").value = "";
  login();
});
by("ready").addEventListener("click", () => change("ready", ""));
by("not-ready").addEventListener("click", () => change("not_ready", by("reason").value.trim()));
by("logout").addEventListener("click", async () => {
  clearTimeout(timer);
  if (token) await ask("/api/logout", { token }, conf.attempt);
  stop("");
});
by("operate").addEventListener("submit", (e) => {
  e.preventDefault();
  if (!document.querySelector("[data-op=dial]").disabled) operate("dial");
});
by("operations").addEventListener("click", (e) => {
  if (e.target.dataset.op && e.target.dataset.op !== "dial") operate(e.target.dataset.op);
});
by("attach").addEventListener("submit", (e) => {
  e.preventDefault();
  operate("set-data", { call: desk.call.id, data: { [by("key").value]: by("value").value } });
  by("key").value = by("value").value = "";
});
// Alt and a letter: the first button with it that can be pressed.
document.addEventListener("keydown", (e) => {
  if (!e.altKey || e.ctrlKey || e.metaKey || by("desk").hidden) return;
  for (const button of by("operations").children)
    if (button.title === "Alt+" + e.key.toUpperCase() && !button.disabled) {
      e.preventDefault();
      operate(button.dataset.op);
      return;
    }
});
setInterval(draw, 1000);
learnSites();
show();
