// Draws the snapshot that the page holds, and then one after the other as dashboard.js brings them.
// What others wrote only ever becomes text (textContent). Rows are kept by key and changed where
// they differ, so that nothing flickers, what is scrolled stays where it is, and what is selected
// stays selected. This file: the document, and words for people; parts.js: what a row of each part
// says; live.js: the whole, and how it goes on.

const $ = id => document.getElementById(id);
let shown = null;      // the snapshot that is drawn
let offset = 0;        // of the loop's clock from performance.now(), in ms
let stale = false;     // there is no news: what is shown is of then, and so are the ages
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
  if (e.textContent === text) return;
  // The same node: a selection that reaches over it stays.
  if (text && e.childNodes.length === 1 && e.firstChild.nodeType === 3) e.firstChild.data = text;
  else e.textContent = text;
};
const attribute = (e, name, value) => {
  if (e.getAttribute(name) !== value) e.setAttribute(name, value);
};
const hide = (e, is) => { if (e.hidden !== is) e.hidden = is; };
const classes = (e, names) => { if (e.className !== names) e.className = names; };

// --- for people

const now = () => stale ? shown.time_ms : performance.now() + offset;
const age = ms => {
  const s = Math.floor(ms / 1000);
  return s < 1 ? "now" : s < 60 ? s + "s" : s < 3600 ? Math.floor(s / 60) + "m"
    : s < 86400 ? Math.floor(s / 3600) + "h" : Math.floor(s / 86400) + "d";
};
const ago = ms => age(now() - ms) === "now" ? "now" : age(now() - ms) + " ago";
const clock = ms => new Date(ms).toLocaleTimeString([], { hourCycle: "h23" });
// A time of another day has its day with it.
const day = ms => new Date(ms).toLocaleDateString([], { month: "short", day: "numeric" });
const moment = ms => day(ms) === day(now()) ? clock(ms) : day(ms) + " " + clock(ms).slice(0, 5);
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
const facts = (...all) => all.filter(Boolean).join(" · ");

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

// What stands first in the window of a list that is scrolled, and where.
const anchor = ul => {
  if (ul.scrollTop <= 0) return null;
  for (const row of ul.children) {
    const top = row.offsetTop - ul.offsetTop - ul.scrollTop;
    if (top + row.offsetHeight > 0) return { row, top };
  }
  return null;
};
// Of rows that are to stand in another order, the most that can stay where they are: so that what is
// looked at, or selected, is not what moves. `was`: where each stood, in the order that is wanted.
const staying = was => {
  const ends = [], before = [], stay = new Set();
  was.forEach((place, i) => {
    let low = 0, high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (was[ends[middle]] < place) low = middle + 1;
      else high = middle;
    }
    before[i] = low ? ends[low - 1] : -1;
    ends[low] = i;
  });
  for (let i = ends.length ? ends[ends.length - 1] : -1; i >= 0; i = before[i]) stay.add(was[i]);
  return stay;
};
const list = (id, items, all, key, build, fill) => {
  const ul = $(id).querySelector("ul"), held = anchor(ul), rows = ul.rows || (ul.rows = new Map()), wanted = new Map();
  for (const item of items) if (!wanted.has(String(key(item)))) wanted.set(String(key(item)), item);
  for (const [k, row] of rows) if (!wanted.has(k)) { row.remove(); rows.delete(k); }
  const stood = new Map([...ul.children].map((row, i) => [row, i]));
  const order = [...wanted].map(([k, item]) => {
    let row = rows.get(k);
    if (!row) {
      row = make("li", first ? "row" : "row new");
      build(row);
      rows.set(k, row);
    }
    fill(row, item);
    return row;
  });
  const stay = staying(order.filter(row => stood.has(row)).map(row => stood.get(row)));
  let next = ul.more && ul.more.parentNode === ul ? ul.more : null;
  for (const row of order.reverse()) {
    if (!stay.has(stood.get(row))) ul.insertBefore(row, next);
    next = row;
  }
  if (all > items.length && items.length) {
    if (!ul.more) ul.more = make("li", "more");
    put(ul.more, "and " + some(all - items.length, "more", "more"));
    if (ul.lastElementChild !== ul.more) ul.append(ul.more);
  } else if (ul.more) { ul.more.remove(); }
  if (held && held.row.parentNode === ul) {
    const moved = held.row.offsetTop - ul.offsetTop - ul.scrollTop - held.top;
    if (moved) ul.scrollTop += moved;
  }
};

// --- charts: of 60 numbers, one bar each

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
