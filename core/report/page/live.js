// The whole of a snapshot, the filter, and going on from one snapshot to the next.

const EVERY_MS = 2000, HIDDEN_MS = 15000, SILENT_MS = 10000;

// --- numbers

const tile = (parent, title, to, wide) => {
  const e = make(to ? "a" : "div", wide ? "number wide" : "number", $(parent));
  if (to) e.href = to;
  const left = make("div", "", e);
  make("p", "title", left).textContent = title;
  return { e, big: make("p", "big", left), small: make("p", "small", left), chart: wide && chart(e) };
};
const tiles = {
  you: tile("summary", "Waiting for you", "#asks"), wrong: tile("summary", "Not well", "#alerts"),
  sessions: tile("summary", "Sessions", "#sessions"), hour: tile("summary", "Events in the last hour", "#activity", true),
  minute: tile("numbers", "Events in the last minute", "", true),
  writes: tile("numbers", "A write takes"), store: tile("numbers", "Store"),
};
const sum = list => list.reduce((a, b) => a + b, 0);
const numbers = d => {
  const m = d.metrics, c = d.counts, minute = sum(m.seconds), hour = sum(m.minutes), { mine, unread, wrong } = attention(d);
  put(tiles.you.big, count(mine + unread));
  put(tiles.you.small, facts(mine && some(mine, "question"), unread && (unread < 99 ? some(unread, "message") : "99 messages or more") + " unread") || "no questions, no messages");
  tiles.you.e.classList.toggle("yours", mine + unread > 0);
  attribute(tiles.you.e, "href", mine || !unread ? "#asks" : "#messages");
  put(tiles.wrong.big, count(wrong));
  put(tiles.wrong.small, wrong ? facts(c.late && count(c.late) + " late",
    c.sources_failing && some(c.sources_failing, "source") + " failing") || "see below" : "all is well");
  tiles.wrong.e.classList.toggle("wrong", wrong > 0);
  put(tiles.sessions.big, count(c.sessions));
  put(tiles.sessions.small, count(c.fresh) + " fresh, " + count(c.late) + " late, " + count(c.gone) + " gone");
  put(tiles.hour.big, count(hour));
  put(tiles.hour.small, count(c.events) + " ever");
  tiles.hour.chart(m.minutes, some(hour, "event") + " in the last hour, minute by minute");
  put(tiles.minute.big, count(minute));
  put(tiles.minute.small, "at most " + count(Math.max(...m.seconds)) + " a second");
  tiles.minute.chart(m.seconds, some(minute, "event") + " in the last minute, second by second");
  put(tiles.writes.big, micros(m.write_p50_us));
  put(tiles.writes.small, m.write_p50_us < 0 ? "nothing was written yet" : "99 of 100 up to " + micros(m.write_p99_us));
  put(tiles.store.big, m.room_bytes < 0 ? "–" : bytes(m.store_bytes));
  put(tiles.store.small, m.room_bytes < 0 ? "" : bytes(m.room_bytes) + " free");
};

// --- what is not well; a sync that fails is both a check and an alert

const wrongs = d => {
  const syncs = d.health.checks.some(k => k.name === "syncs");
  return [...d.health.checks.map(k => ({ ...k, id: "check " + k.name, alert: k.name, since_ms: d.health.since_ms })),
    ...d.alerts.filter(a => !syncs || a.alert !== "sync.failed")];
};

// --- the head, and what is said aloud

const healths = { ok: "all is well", degraded: "degraded", failing: "failing" };
const attention = d => ({
  mine: d.asks.filter(a => a.for_you).length, unread: d.you ? d.you.unread : 0, wrong: wrongs(d).length,
});
const head = d => {
  const { mine, unread, wrong } = attention(d), waiting = mine + unread + wrong;

  const calm = d.health.status === "ok" && wrong > 0;
  state($("health"), stale ? "stale" : calm ? "late" : d.health.status,
    stale ? "not fresh" : calm ? some(wrong, "alert") : healths[d.health.status] || d.health.status);
  const title = (stale ? "not fresh – " : waiting ? "(" + waiting + ") " : "") + "leitlfs – " + some(d.counts.sessions, "session");
  if (document.title !== title) document.title = title;
};
// For who hears the page: only what wants somebody, and once.
let heard = new Set(), health_heard = "";
const say = d => {
  const news = [], keys = new Set();
  for (const a of d.asks.filter(a => a.for_you)) {
    keys.add(a.id);
    if (!heard.has(a.id)) news.push((a.from || "Somebody") + " asks you: " + (a.text || ""));
  }
  for (const a of d.alerts.filter(a => kinds[a.alert])) {
    keys.add(a.id);
    if (!heard.has(a.id)) news.push(kinds[a.alert](a));
  }
  if (d.health.status !== health_heard) news.push("leitlfs: " + (healths[d.health.status] || d.health.status));
  if (news.length && !first) put($("news"), [...news.slice(0, 3), news.length > 3 && "And " + (news.length - 3) + " more"].filter(Boolean).join(" — "));
  heard = keys;
  health_heard = d.health.status;
};

// --- where there is nobody yet: what to do next

const start = () => {
  let at = location.pathname.replace(/\/[^/]*$/, "");
  try { at = decodeURIComponent(at); } catch { /* as it is */ }
  const quoted = /^[\w@%+=:,./-]+$/.test(at) ? at : "'" + at.replace(/'/g, "'\\''") + "'";
  put($("start-enter"), "cd " + quoted + "\necho 'NAME: what you are doing' > sessions/new");
  put($("start-agent"), "Read " + at + "/README.md. Join the loop there, say what you are doing, and read self/brief.md before each step.");
};

const parts = ["asks", "tasks", "collaborations", "claims", "sources"];
const told = { asks: "questions" };
const empty = c => {
  const none = parts.filter(id => !c[id]).map(id => told[id] || id);
  put($("none"), none.length ? "No " + none.join(", ").replace(/, ([^,]*)$/, " or $1") + " just now." : "");
  hide($("none"), !none.length);
  for (const id of parts) hide($(id), !c[id]);
  const calm = $("alerts").hidden && !c.asks;
  hide($("wants"), calm);
  hide($("shares"), !c.collaborations && !c.claims && !c.sources);
  $("columns").classList.toggle("two", calm && $("shares").hidden);
};

const total = (id, text) => put($(id).querySelector(".count"), text);
const draw = d => {
  const c = d.counts, busy = d.sessions.some(s => !s.person || s.task);
  const wrong = wrongs(d), bad = c.alerts - d.alerts.length + wrong.length;
  shown = d;
  offset = d.time_ms - performance.now();
  meet(d);
  head(d);
  numbers(d);
  list("alerts", wrong, bad, a => a.id, entry("state"), alert_);
  hide($("alerts"), !bad);
  list("sessions", busy ? d.sessions : [], c.sessions + c.gone, s => s.id + " " + s.started_ms, entry("state"), session);
  hide($("sessions"), !busy);
  hide($("start"), busy);
  list("asks", d.asks, c.asks, a => a.id, entry("pill"), ask);
  list("tasks", d.tasks, c.tasks, t => t.id, entry(), task);
  list("collaborations", d.collaborations, c.collaborations, x => x.id + " " + x.since_ms, entry(), collaboration);
  list("claims", d.claims, c.claims, x => x.id + " " + x.since_ms, entry(), claim);
  list("sources", d.sources, c.sources, s => s.id, entry("state"), source);
  list("messages", d.messages, 0, e => e.seq, happening, event(true));
  list("activity", d.activity, 0, e => e.seq, happening, event(false));
  empty(c);
  for (const id of [...parts, "messages"]) total(id, c[id] ? count(c[id]) : "");
  total("alerts", count(bad));
  total("sessions", count(c.sessions));
  total("activity", c.events ? count(c.events) : "");
  put($("version"), "leitlfs " + d.version + ", up " + age(d.time_ms - d.started_ms));
  put($("stamp"), "as of " + clock(d.time_ms));
  say(d);
  filter();
  first = false;
};

// --- the filter

const filter = () => {
  const wanted = $("filter").value.trim().toLowerCase();
  for (const ul of document.querySelectorAll("main ul")) {
    let left = 0;
    for (const row of ul.querySelectorAll("li.row")) {
      const is = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      hide(row, is);
      left += !is;
    }
    ul.parentNode.classList.toggle("nothing", wanted !== "" && !left);
  }
};
$("filter").addEventListener("input", filter);
document.addEventListener("keydown", e => {
  if (e.key === "/" && document.activeElement !== $("filter") && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    $("filter").focus();
  } else if (e.key === "Escape" && document.activeElement === $("filter")) {
    $("filter").value = "";
    filter();
    $("filter").blur();
  }
});

// --- going on: a script element brings what fetch() may not from a file: address

let script = null, asked = 0, number = Date.now(), timer = 0, answered = false;
const fresh = is => {
  stale = !is;
  document.body.classList.toggle("stale", stale);
  put($("live"), is ? "live" : "");
  if (is) hide($("gone"), true);
  head(shown);
};
const gone = why => {
  fresh(false);
  put($("gone"), "Not fresh since " + moment(shown.time_ms) + ": " + why);
  hide($("gone"), false);
  tick();
};
const again = () => {
  clearTimeout(timer);
  timer = setTimeout(ask_next, document.hidden ? HIDDEN_MS : EVERY_MS);
};
const finish = () => { if (script) { script.onload = script.onerror = null; script.remove(); script = null; } };
const ask_next = () => {
  if (script && performance.now() - asked < 6 * SILENT_MS) return again();
  finish();
  asked = performance.now();
  script = document.createElement("script");
  script.src = "dashboard.js?" + number++;
  script.onload = () => { finish(); again(); };
  script.onerror = () => {
    finish();
    gone(answered ? "the mount is gone. This page goes on by itself when it is back."
      : "there is no mount around this page, which may be a copy.");
    again();
  };
  document.head.append(script);
};
window.leitlfsDashboard = d => {
  answered = true;
  if (d.time_ms !== shown.time_ms || d.seq !== shown.seq) draw(d);
  fresh(true);
};
document.addEventListener("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); ask_next(); } });
setInterval(() => {
  tick();
  if (script && performance.now() - asked > SILENT_MS) gone("the mount does not answer.");
}, 1000);

start();
draw(JSON.parse($("snapshot").textContent));
ask_next();
