// Takes docs/dashboard.png: tests/ui/run BUILD picture. What is shown is a mount's own; only its
// times are moved apart, as they are after a morning's work.
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { Mount, until } from "./mount.mjs";

const MINUTE = 60000;
const sessions = [
  ["cece", "Cece", "coder", "Fix the login: tokens expire an hour too early"],
  ["bob", "Bob", "reviewer", "Review the migration of the accounts"],
  ["dora", "Dora", "tester", "Run the checkout tests against staging"],
  ["eve", "Eve", "writer", "Write the release notes of 4.2"],
  ["frank", "Frank", "coder", "Port the build to the new runners"],
  ["gina", "Gina", "designer", "Draw the empty states of the settings"],
];

const furnish = async (mount, you) => {
  const notes = path.join(mount.top, "design-notes");
  fs.mkdirSync(notes);
  for (let i = 0; i < 214; i++) fs.writeFileSync(path.join(notes, `note-${i}.md`), "# Note\n".repeat(1 + i));
  mount.write("context/sources/new", notes);
  for (const [session_id, agent_name, agent_type, current_task] of sessions)
    mount.register(session_id, { agent_name, agent_type, current_task });
  const as = (id, file, what) => mount.write(`as/${id}/${file}`, what);
  as("bob", "collaborations/new", { participants: ["Cece", "Bob", "Dora"], session_type: "council", name: "database" });
  as("bob", "collaborations/database/messages", "Both would do. What speaks against Postgres?");
  as("cece", "collaborations/database/messages", "Nothing that the tests found.");
  as("bob", "collaborations/database/decisions", "We take Postgres, and keep the old database readable for a month");
  as("cece", "collaborations/database/votes/1", "yes");
  as("dora", "collaborations/database/votes/1", "yes");
  as("cece", "tasks/new", { task_description: "Rotate the signing keys", activity_type: "coding", department: "engineering" });
  as("bob", "tasks/new", "Read the audit report");
  as("eve", "broadcast", "The release notes are in memory/release/4.2.md. Say by noon what is missing.");
  as("cece", "claims/new", { name: "login", note: "until the tests pass" });
  as("dora", "broadcast", "Staging is mine for the next hour.");
  as("frank", "broadcast", "Six of nine runners build with the new image.");
  as("bob", "sessions/cece/inbox", "See line 40 of the migration.");
  as("dora", "broadcast", "The checkout tests pass again; it was the clock of the runner.");
  as("cece", "broadcast", "The tests of the login are green. I go on with the expiry of tokens.");
  as("dora", "asks/new", { data: "Who knows why the build has been slow since Tuesday?", timeout: "25m" });
  as("cece", "asks/new", { to: "bob", data: "Which port does staging use?", timeout: "10m" });
  as("bob", "asks/new", { to: you, data: "May I drop the table accounts_old? It was last read in March.", timeout: "2h" });
  await until("the sync", () => mount.json("dashboard.json").sources.every(s => s.success_ms));
};

const age = d => {
  const now = d.time_ms;
  d.started_ms -= 190 * MINUTE;
  d.sessions.forEach((s, i) => {
    s.started_ms -= (170 - 23 * i) * MINUTE;
    s.heard_ms -= s.person ? 3 * MINUTE : (i * 7 % 40) * 1000;
    if (s.id === "frank") { s.health = "late"; s.heard_ms = now - 4 * MINUTE; }
    if (s.person) s.started_ms = d.started_ms;
  });
  const frank = d.sessions.findIndex(s => s.id === "frank");
  d.sessions.unshift(...d.sessions.splice(frank, 1));
  d.alerts.push({ id: "a1", alert: "session.late", session: "frank", since_ms: now - 3 * MINUTE });
  d.counts = { ...d.counts, alerts: 1, late: 1, fresh: d.counts.fresh - 1 };
  const back = new Map(d.activity.map((e, i) => [e.seq, Math.round(i ** 1.6 * 21000 + 9000)]));
  for (const e of [...d.activity, ...d.messages]) e.time_ms = now - back.get(e.seq);
  const items = [...d.tasks, ...d.collaborations, ...d.claims];
  items.forEach((x, i) => { x.since_ms -= (35 + 17 * i) * MINUTE; });
  d.asks.forEach((a, i) => { a.deadline_ms -= (i + 1) * 1.4 * MINUTE; });
  for (const s of d.sources) s.success_ms -= 2 * MINUTE;
  d.metrics.minutes = d.metrics.minutes.map((n, i) => Math.max(0, Math.round(6 + 5 * Math.sin(i / 6) + 4 * Math.sin(i * 1.7) + (i > 45 ? 5 : 0))));
  d.metrics.seconds = d.metrics.seconds.map((n, i) => i % 7 === 3 || i % 11 === 5 ? 1 + i % 3 : 0);
  d.counts.events = 1384;
  return d;
};

const mount = await Mount.up();
let browser;
try {
  const held = path.join(mount.top, "held");
  await furnish(mount, mount.json("dashboard.json").you.id);
  const you = mount.json("dashboard.json").you.id;
  const json = JSON.stringify(age(mount.json("dashboard.json"))).replaceAll(`"${you}"`, '"kim"').replace(/</g, "\\u003c");
  fs.mkdirSync(held);
  fs.writeFileSync(path.join(held, "dashboard.js"), `leitlfsDashboard(${json});`);
  fs.writeFileSync(path.join(held, "dashboard.html"), mount.read("dashboard.html")
    .replace(/(id="snapshot">)[^]*?(<\/script>)/, (all, before, after) => before + json + after));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
  await page.goto("file://" + path.join(held, "dashboard.html"));
  await until("live", async () => (await page.locator("#live").textContent()) === "live");
  await page.screenshot({ path: process.env.PICTURE });
} finally {
  await browser?.close();
  await mount.down();
}
