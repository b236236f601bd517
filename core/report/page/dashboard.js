// Draws the snapshot that the page holds, and then one after the other as dashboard.js brings them.
// What others wrote only ever becomes text (textContent). Rows are kept by key and changed where
// they differ, so that nothing flickers and what is scrolled stays where it is.
"use strict";
(() => {
  const EVERY_MS = 2000, HIDDEN_MS = 15000, SILENT_MS = 10000;
  const $ = id => document.getElementById(id);
  let shown = null;      // the snapshot that is drawn
  let offset = 0;        // of the loop's clock from performance.now(), in ms
  let first = true;

  // --- the document, changed where it differs

  const make = (tag, name, parent) => {
    const e = document.createElement(tag);
    if (name) e.className = name;
    if (parent) parent.append(e);
    return e;
  };
  const put = (e, text) => {
    text = text === undefined || text === null ? "" : String(text).replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
    if (e.textContent !== text) e.textContent = text;
  };
  const attribute = (e, name, value) => {
    if (e.getAttribute(name) !== value) e.setAttribute(name, value);
  };
  const hide = (e, is) => { if (e.hidden !== is) e.hidden = is; };
  const classes = (e, names) => { if (e.className !== names) e.className = names; };

  // --- for people

  const now = () => performance.now() + offset;
  const age = ms => {
    const s = Math.floor(ms / 1000);
    return s < 1 ? "now" : s < 60 ? s + "s" : s < 3600 ? Math.floor(s / 60) + "m"
      : s < 86400 ? Math.floor(s / 3600) + "h" : Math.floor(s / 86400) + "d";
  };
  const clock = ms => new Date(ms).toLocaleTimeString([], { hour12: false });
  const bytes = n => {
    let unit = -1;
    if (n < 0) return "unknown";
    while (n >= 1000 && unit < 4) { n /= 1000; unit++; }
    return unit < 0 ? n + " B" : (n < 10 ? n.toFixed(1) : Math.round(n)) + " " + "kMGTP"[unit] + "B";
  };
  const micros = us => us < 0 ? "–" : us < 1000 ? us + " µs" : us < 1e6 ? +(us / 1e3).toPrecision(3) + " ms"
    : +(us / 1e6).toPrecision(3) + " s";
  const count = n => n.toLocaleString("en");
  const some = (n, one, many) => count(n) + " " + (n === 1 ? one : many || one + "s");
  const names = (list, all) => list.join(", ") + (all > list.length ? " and " + (all - list.length) + " more" : "");

  // A time that is told as an age, or as what is left; kept true by tick().
  const when = (e, ms, words) => {
    if (!ms) { put(e, ""); e.tell = null; return; }
    attribute(e, "datetime", new Date(ms).toISOString());
    attribute(e, "title", new Date(ms).toLocaleString());
    e.tell = () => put(e, words ? words(ms) : age(now() - ms));
    e.tell();
  };
  const tick = () => { for (const e of document.querySelectorAll("time")) if (e.tell) e.tell(); };

  // --- lists by key

  const anchor = ul => {
    if (ul.scrollTop <= 0) return null;
    for (const row of ul.children) {
      const top = row.offsetTop - ul.offsetTop - ul.scrollTop;
      if (top + row.offsetHeight > 0) return { row, top };
    }
    return null;
  };
  const list = (id, items, all, key, build, fill) => {
    const section = $(id), ul = section.querySelector("ul"), held = anchor(ul);
    const rows = ul.rows || (ul.rows = new Map()), kept = new Set();
    let at = ul.firstElementChild;
    for (const item of items) {
      const k = String(key(item));
      if (kept.has(k)) continue;
      let row = rows.get(k);
      kept.add(k);
      if (!row) {
        row = make("li", first ? "row" : "row new");
        build(row);
        rows.set(k, row);
      }
      fill(row, item);
      if (row !== at) ul.insertBefore(row, at);
      else at = at.nextElementSibling;
    }
    for (const [k, row] of rows) if (!kept.has(k)) { row.remove(); rows.delete(k); }
    let more = ul.more;
    if (all > items.length && items.length) {
      if (!more) more = ul.more = make("li", "more");
      put(more, "and " + some(all - items.length, "more", "more"));
      if (ul.lastElementChild !== more) ul.append(more);
    } else if (more) { more.remove(); }
    if (held && held.row.parentNode === ul) {
      const moved = held.row.offsetTop - ul.offsetTop - ul.scrollTop - held.top;
      if (moved) ul.scrollTop += moved;
    }
  };

  // Every row: a line with a name, an id, a state and a time; words below it.
  const build = (...parts) => row => {
    const top = make("div", "top", row);
    row.of = {};
    for (const part of parts) {
      if (part === "state") row.of.state = make("span", "state", top);
      else if (part === "type") row.of.type = make("span", "type", top);
      else if (part === "name") row.of.name = make("span", "name", top);
      else if (part === "id") row.of.id = make("span", "id", top);
    }
    row.of.when = make("time", "when", top);
    row.of.words = make("p", "words said", row);
    row.of.less = make("p", "words less", row);
  };
  const state = (e, name, words) => { classes(e, "state " + name.replace(/[^a-z]/g, "-")); put(e, words || name); };
  const words = (row, said, less) => {
    put(row.of.words, said);
    put(row.of.less, less);
    hide(row.of.less, !less);
  };

  // --- the parts

  const session = (row, s) => {
    put(row.of.name, s.agent || s.id);
    put(row.of.id, s.agent === s.id ? "" : s.id);
    state(row.of.state, s.health);
    row.classList.toggle("gone", s.health === "gone");
    if (s.ended_ms) when(row.of.when, s.ended_ms, ms => "left " + age(now() - ms) + " ago");
    else when(row.of.when, s.started_ms);
    const facts = [];
    if (s.type && s.type !== "assistant") facts.push(s.type);
    if (s.status && s.status !== "active" && !s.ended_ms) facts.push("says it is " + s.status);
    if (s.asking) facts.push("waits for an answer");
    if (s.reason) facts.push(s.reason.replace(/_/g, " "));
    words(row, s.task, facts.join(", "));
  };
  const ask = (row, a) => {
    put(row.of.name, a.from || "somebody");
    put(row.of.id, a.id);
    when(row.of.when, a.deadline_ms, ms => ms > now() ? age(ms - now()) + " left" : "late");
    words(row, a.text, (a.anyone ? "anyone may answer" : "asks " + names(a.to, a.asked)) +
      (a.answered ? "; " + count(a.answered) + " of " + count(a.asked || a.answered) + " answered" : ""));
  };
  const task = (row, t) => {
    put(row.of.name, t.agent);
    put(row.of.id, t.id);
    when(row.of.when, t.since_ms);
    words(row, t.text, [t.activity, t.department, t.by && "from " + t.by].filter(Boolean).join(", "));
  };
  const collaboration = (row, c) => {
    const d = c.decision, votes = d ? Object.entries(d.votes).map(([w, n]) => n + " " + w).join(", ") : "";
    put(row.of.name, names(c.participants, c.participant_count));
    put(row.of.id, c.id);
    when(row.of.when, c.since_ms);
    words(row, d ? d.text : "", some(c.messages, "message") + ", " + some(c.decisions, "decision") +
      (d ? "; the last by " + d.by + (votes ? ": " + votes : ", no votes yet") : ""));
  };
  const claim = (row, c) => {
    put(row.of.name, c.id);
    put(row.of.id, c.owner);
    when(row.of.when, c.since_ms);
    words(row, c.note, "");
  };
  const source = (row, s) => {
    put(row.of.name, s.id);
    state(row.of.state, s.state);
    when(row.of.when, s.success_ms, ms => "synced " + age(now() - ms) + (now() - ms < 1000 ? "" : " ago"));
    words(row, s.error, some(s.files, "file") + ", " + bytes(s.bytes));
  };
  const alert_ = (row, a) => {
    put(row.of.name, a.alert);
    put(row.of.id, a.session);
    state(row.of.state, "alert", "alert");
    when(row.of.when, a.since_ms, ms => "for " + age(now() - ms));
    words(row, "", "");
  };
  const event = (row, e) => {
    put(row.of.name, e.from);
    if (row.of.type) put(row.of.type, e.type);
    else put(row.of.id, e.to ? "to " + names(e.to, e.to.length) : "");
    when(row.of.when, e.time_ms, clock);
    words(row, e.text, e.bytes === undefined ? e.facts : (row.of.type && e.to ? "to " + names(e.to, e.to.length) + ", " : "") +
      bytes(e.bytes) + " between them");
  };

  // --- numbers and charts

  const SVG = "http://www.w3.org/2000/svg";
  const chart = parent => {
    const svg = document.createElementNS(SVG, "svg"), bars = [];
    svg.setAttribute("viewBox", "0 0 60 20");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    const line = document.createElementNS(SVG, "line");
    for (const [k, v] of Object.entries({ x1: 0, x2: 60, y1: 20, y2: 20 })) line.setAttribute(k, v);
    svg.append(line);
    for (let i = 0; i < 60; i++) {
      const bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("x", i + .1);
      bar.setAttribute("width", .8);
      svg.append(bar);
      bars.push(bar);
    }
    parent.append(svg);
    return (numbers, label) => {
      const most = Math.max(1, ...numbers);
      numbers.forEach((n, i) => {
        const h = n ? Math.max(1, n / most * 20) : 0;
        attribute(bars[i], "height", h.toFixed(2));
        attribute(bars[i], "y", (20 - h).toFixed(2));
      });
      attribute(svg, "aria-label", label);
    };
  };
  const tile = (title, wide) => {
    const e = make("div", wide ? "number wide" : "number", $("numbers"));
    make("h2", "", e).textContent = title;
    const both = make("div", wide ? "both" : "", e), left = make("div", "", both);
    return { big: make("p", "big", left), small: make("p", "small", left), chart: wide && chart(both) };
  };
  const tiles = {
    sessions: tile("Sessions"), minute: tile("Events, last minute", true), hour: tile("Events, last hour", true),
    writes: tile("A write takes"), store: tile("Store"),
  };
  const sum = list => list.reduce((a, b) => a + b, 0);
  const numbers = d => {
    const m = d.metrics, c = d.counts, minute = sum(m.seconds), hour = sum(m.minutes);
    put(tiles.sessions.big, count(c.sessions));
    put(tiles.sessions.small, count(c.fresh) + " fresh, " + count(c.late) + " late, " + count(c.gone) + " gone");
    put(tiles.minute.big, count(minute));
    put(tiles.minute.small, "at most " + count(Math.max(...m.seconds)) + " a second");
    tiles.minute.chart(m.seconds, some(minute, "event") + " in the last minute, second by second");
    put(tiles.hour.big, count(hour));
    put(tiles.hour.small, count(c.events) + " ever");
    tiles.hour.chart(m.minutes, some(hour, "event") + " in the last hour, minute by minute");
    put(tiles.writes.big, micros(m.write_p50_us));
    put(tiles.writes.small, m.write_p50_us < 0 ? "nothing was written yet" : "99 of 100 up to " + micros(m.write_p99_us));
    put(tiles.store.big, m.room_bytes < 0 ? "–" : bytes(m.store_bytes));
    put(tiles.store.small, m.room_bytes < 0 ? "" : bytes(m.room_bytes) + " free");
  };

  const total = (id, text) => put($(id).querySelector(".count"), text);
  const health = d => {
    const h = d.health, told = { ok: "all is well", degraded: "degraded", failing: "failing" }[h.status] || h.status;
    state($("health"), h.status, told);
    const ul = $("checks"), said = h.checks.map(c => c.name + ", " + c.status + (c.detail ? ": " + c.detail : ""));
    while (ul.children.length > said.length) ul.lastChild.remove();
    while (ul.children.length < said.length) make("li", "", ul);
    said.forEach((text, i) => put(ul.children[i], text));
    const bad = d.counts.alerts + h.checks.length;
    const title = (bad ? "(" + bad + ") " : "") + "leitlfs – " + some(d.counts.sessions, "session");
    if (document.title !== title) document.title = title;
  };

  const draw = d => {
    const c = d.counts, busy = d.sessions.some(s => !s.person || s.task);
    shown = d;
    offset = d.time_ms - performance.now();
    health(d);
    numbers(d);
    list("alerts", d.alerts, c.alerts, a => a.id, build("state", "name", "id"), alert_);
    hide($("alerts"), !c.alerts);
    list("sessions", busy ? d.sessions : [], c.sessions + c.gone, s => s.id + " " + s.started_ms,
      build("state", "name", "id"), session);
    list("asks", d.asks, c.asks, a => a.id, build("name", "id"), ask);
    list("tasks", d.tasks, c.tasks, t => t.id, build("name", "id"), task);
    list("collaborations", d.collaborations, c.collaborations, x => x.id + " " + x.since_ms, build("name", "id"), collaboration);
    list("claims", d.claims, c.claims, x => x.id + " " + x.since_ms, build("name", "id"), claim);
    list("sources", d.sources, c.sources, s => s.id, build("state", "name"), source);
    list("messages", d.messages, 0, e => e.seq, build("name", "id"), event);
    list("activity", d.activity, 0, e => e.seq, build("name", "type"), event);
    for (const id of ["asks", "tasks", "collaborations", "claims", "sources", "alerts", "messages"])
      total(id, c[id] ? count(c[id]) : "");
    total("sessions", busy ? count(c.sessions) : "");
    total("activity", c.events ? count(c.events) : "");
    put($("version"), "leitlfs " + d.version + ", up " + age(d.time_ms - d.started_ms));
    put($("stamp"), "as of " + clock(d.time_ms));
    filter();
    first = false;
  };

  // --- the filter

  const filter = () => {
    const wanted = $("filter").value.trim().toLowerCase();
    for (const row of document.querySelectorAll("li.row")) {
      hide(row, wanted !== "" && !row.textContent.toLowerCase().includes(wanted));
    }
  };
  $("filter").addEventListener("input", filter);
  document.addEventListener("keydown", e => {
    if (e.key === "/" && document.activeElement !== $("filter")) { e.preventDefault(); $("filter").focus(); }
    else if (e.key === "Escape" && document.activeElement === $("filter")) { $("filter").value = ""; filter(); $("filter").blur(); }
  });

  // --- going on: a script element brings what fetch() may not from a file: address

  let script = null, asked = 0, number = Date.now(), timer = 0;
  const gone = why => {
    const text = shown ? why + " The last news is of " + clock(shown.time_ms) + "." : why;
    put($("live"), "not live");
    put($("gone"), text);
    hide($("gone"), false);
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
    script.onerror = () => { finish(); gone("The mount is gone."); again(); };
    document.head.append(script);
  };
  window.leitlfsDashboard = d => {
    hide($("gone"), true);
    put($("live"), "live");
    if (shown && d.time_ms === shown.time_ms && d.seq === shown.seq) return;
    draw(d);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); ask_next(); } });
  setInterval(() => {
    tick();
    if (script && performance.now() - asked > SILENT_MS) gone("The mount does not answer.");
  }, 1000);

  draw(JSON.parse($("snapshot").textContent));
  ask_next();
})();
