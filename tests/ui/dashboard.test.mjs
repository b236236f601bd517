// dashboard.html as a person sees it: opened from the mount by a file: address.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { furnishFully, LATE, MARKUP } from "./full.mjs";
import { Mount, until } from "./mount.mjs";

let browser, mount, errors;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
  });
});
after(() => browser?.close());
beforeEach(async () => { errors = []; mount = await Mount.up(); });
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await mount.down();
  assert.deepEqual(errors, []);
});

const open = async (options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", e => errors.push(e.message));
  page.on("request", r => { if (!/^(file|data):/.test(r.url())) errors.push("asked for " + r.url()); });
  await page.goto(mount.page);
  return page;
};
const live = page => until("live", async () => (await page.locator("#live").textContent()) === "live");
const texts = (page, selector) => page.locator(selector).allTextContents();
const shot = (page, name, fullPage = false) =>
  page.screenshot({ path: path.join(process.env.RESULTS, name + ".png"), fullPage });

const furnish = () => {
  mount.register("cece", { agent_name: "Cece", agent_type: "coder", current_task: "fix the login: tokens expire too early" });
  mount.register("bob", { agent_name: "Bob", agent_type: "reviewer", current_task: "review the migration of the accounts" });
  mount.register("dora", { agent_name: "Dora", agent_type: "tester" });
  mount.write("as/cece/broadcast", "tests are green, going on with the login");
  mount.write("as/cece/sessions/bob/inbox", "for bob alone");
  mount.write("as/cece/asks/new", { to: "bob", data: "which port does staging use?", timeout: "1h" });
  mount.write("as/dora/asks/new", { data: "who knows why the build is slow?", timeout: "5m" });
  mount.write("as/cece/tasks/new", { task_description: "rotate the signing keys", activity_type: "coding", department: "engineering" });
  mount.write("as/bob/tasks/new", "read the audit report");
  mount.write("as/cece/claims/new", { name: "login", note: "until the tests pass" });
  mount.write("as/bob/collaborations/new", { participants: ["Cece", "Bob"], session_type: "council", name: "database" });
  mount.write("as/bob/collaborations/database/decisions", "Postgres it is");
  mount.write("as/cece/collaborations/database/votes/1", "yes");
};

test("it shows what the files say", async () => {
  furnish();
  const page = await open();
  const sessions = mount.json("sessions.json").sessions;
  const names = await texts(page, "#sessions li .name");
  assert.deepEqual([...names].sort(), sessions.map(s => s.agent_name).sort());
  for (const s of sessions.filter(s => s.current_task))
    assert.ok((await texts(page, "#sessions li .said")).includes(s.current_task));
  assert.deepEqual(await texts(page, "#sessions li .state"), ["fresh", "fresh", "fresh", "person"]);
  assert.deepEqual(await texts(page, "#asks li .said"), [
    mount.json("asks/q2/ask.json").data, mount.json("asks/q1/ask.json").data]);
  assert.deepEqual(await texts(page, "#tasks li .said"), [
    mount.json("tasks/t2/task.json").task_description, mount.json("tasks/t1/task.json").task_description]);
  assert.deepEqual(await texts(page, "#claims li .name"), ["login"]);
  assert.deepEqual(await texts(page, "#claims li .who"), ["held by Cece"]);
  assert.deepEqual(await texts(page, "#collaborations li .said"), ["Postgres it is"]);
  assert.match((await texts(page, "#collaborations li .less"))[0], /^decided by Bob: 1 yes/);
  const types = mount.read("activity").trim().split("\n").map(line => JSON.parse(line).event_type);
  assert.deepEqual(await texts(page, "#activity li .type"), types.reverse().slice(0, 50));
  assert.equal(await page.locator("#health").textContent(),
    { ok: "all is well", degraded: "degraded", failing: "failing" }[mount.json("health.json").status]);
  assert.ok(!(await page.content()).includes("for bob alone"));
});

test("what happens comes without a reload, and what is scrolled stays where it is", async () => {
  for (let i = 0; i < 60; i++) mount.register("agent-" + i, { current_task: "work " + i });
  const page = await open();
  await page.evaluate(() => {
    window.same = true;
    document.querySelector("#sessions ul").scrollTop = 400;
    document.querySelector("#activity ul").scrollTop = 300;
    window.scrollTo(0, 60);
    window.first = [...document.querySelectorAll("#activity li")].find(li => li.getBoundingClientRect().top >
      document.querySelector("#activity ul").getBoundingClientRect().top);
    window.place = () => window.first.getBoundingClientRect().top -
      document.querySelector("#activity ul").getBoundingClientRect().top;
    window.firstTop = window.place();
    window.kept = document.querySelector("#sessions li");
  });
  mount.write("as/agent-1/broadcast", "news");
  mount.write("sessions/agent-1/current_task", "another thing");
  await until("news", async () => (await texts(page, "#messages li .said")).includes("news"));
  await until("the task", async () => (await texts(page, "#sessions li .said")).includes("another thing"));
  const seen = await page.evaluate(() => ({
    same: window.same, sessions: document.querySelector("#sessions ul").scrollTop, page: window.scrollY,
    moved: Math.abs(window.place() - window.firstTop),
    kept: window.kept.isConnected, scripts: document.head.querySelectorAll("script").length,
  }));
  assert.equal(seen.same, true, "it was reloaded");
  assert.equal(seen.sessions, 400);
  assert.equal(seen.page, 60);
  assert.ok(seen.moved <= 1, `what was looked at moved by ${seen.moved}`);
  assert.equal(seen.kept, true, "a row was made anew");
  assert.ok(seen.scripts <= 1, "script elements pile up");
  // What goes, goes.
  fs.rmdirSync(mount.path("sessions/agent-2"));
  await until("the end of one", async () => (await page.locator("#sessions li.gone .name").allTextContents()).includes("agent-2"));
});

test("nothing is touched where nothing has changed", async () => {
  furnish();
  const page = await open();
  await live(page);
  const changes = await page.evaluate(() => new Promise(resolve => {
    const seen = [];
    const watch = new MutationObserver(all => {
      for (const m of all) {
        const e = m.target.nodeType === 1 ? m.target : m.target.parentElement;
        if (!e.closest("time, head, #summary, #numbers, footer")) seen.push(m.type + " " + e.outerHTML.slice(0, 120));
      }
    });
    watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    setTimeout(() => resolve(seen), 5000);
  }));
  assert.deepEqual(changes, []);
});

test("markup stays text", async () => {
  mount.register("evil", { agent_name: MARKUP, current_task: "</script><script>document.title='owned'</script>" });
  mount.write("as/evil/broadcast", MARKUP + "\u2028</script><b>bold</b>");
  mount.write("as/evil/claims/new", { name: "<b>x<", note: MARKUP });
  const page = await open();
  await live(page);
  mount.write("as/evil/broadcast", "again " + MARKUP);
  await until("it", async () => (await texts(page, "#messages li .said")).includes("again " + MARKUP));
  assert.equal(await page.locator("main img, main b, main script").count(), 0);
  assert.ok((await texts(page, "#sessions li .name")).includes(MARKUP));
  assert.ok((await texts(page, "#claims li .name")).includes("<b>x<"));
  assert.match(await page.title(), /^leitlfs/);
});

test("the filter shows what matches, also of what comes later", async () => {
  furnish();
  const page = await open();
  await page.keyboard.press("/");
  await page.keyboard.type("bob");
  await until("the filter", async () => !(await page.locator("#sessions li", { hasText: "Dora" }).isVisible()));
  assert.ok(await page.locator("#sessions li", { hasText: "Bob" }).isVisible());
  mount.register("bobby");
  mount.register("zoe");
  await until("bobby", () => page.locator("#sessions li", { hasText: "bobby" }).isVisible());
  assert.ok(!(await page.locator("#sessions li", { hasText: "zoe" }).isVisible()));
  await page.keyboard.press("Escape");
  await until("all", () => page.locator("#sessions li", { hasText: "zoe" }).isVisible());
});

test("when the mount goes it says since when, and ages stand still; when it comes back it goes on", async () => {
  furnish();
  const page = await open();
  await live(page);
  await mount.stop();
  await until("the word", () => page.locator("#gone").isVisible());
  assert.match(await page.locator("#gone").textContent(), /^Not fresh since \d+:\d\d:\d\d: the mount is gone\./);
  assert.equal(await page.locator("#health").textContent(), "not fresh");
  assert.match(await page.title(), /^not fresh/);
  assert.equal(await page.locator("#sessions li").count(), 4, "what was known stays");
  const ages = await texts(page, "#sessions time");
  await page.waitForTimeout(2500);
  assert.deepEqual(await texts(page, "#sessions time"), ages, "ages go on without news");
  await page.evaluate(() => window.scrollTo(0, 200));
  await shot(page, "gone");
  await mount.start();
  mount.write("broadcast", "back again");
  await until("news", async () => (await texts(page, "#messages li .said")).includes("back again"));
  assert.ok(!(await page.locator("#gone").isVisible()));
  assert.equal(await page.locator("#health").textContent(), "all is well");
  assert.match(await page.title(), /^(\(\d+\) )?leitlfs/);
});

test("a script that is gone from beside a copy of the page: it shows what it holds", async () => {
  furnish();
  const copy = path.join(mount.top, "copy.html");
  fs.copyFileSync(mount.path("dashboard.html"), copy);
  const page = await open();
  await page.goto("file://" + copy);
  await until("the word", () => page.locator("#gone").isVisible());
  assert.match(await page.locator("#gone").textContent(), /a copy\.$/);
  assert.ok((await texts(page, "#sessions li .name")).includes("Cece"));
});

test("what is selected stays selected while things happen around it", async () => {
  furnish();
  const page = await open();
  await live(page);
  const selected = () => page.evaluate(() => getSelection().toString().replace(/\s+/g, " "));
  const task = "fix the login";
  await page.evaluate(() => {
    const row = [...document.querySelectorAll("#sessions li")].find(li => li.querySelector(".name").textContent === "Cece");
    const words = row.querySelector(".said").firstChild;
    getSelection().setBaseAndExtent(words, 0, words, 13);
  });
  assert.equal(await selected(), task);
  // The row before it goes to the end, others come before it; elsewhere rows go and come.
  mount.register("ann", { agent_name: "Ann", current_task: "something new" });
  mount.write("sessions/bob/status", "ended");
  for (let i = 0; i < 60; i++) mount.write("as/dora/broadcast", "news " + i);
  await until("the end", async () => (await texts(page, "#sessions li.gone .name")).includes("Bob"));
  await until("news", async () => (await texts(page, "#messages li .said")).includes("news 59"));
  assert.deepEqual(await texts(page, "#sessions li .name"), ["Ann", "Cece", "Dora", mount.json("dashboard.json").you.id, "Bob"]);
  assert.equal(await selected(), task);
  // Over an age that changes, too.
  await page.evaluate(() => {
    const row = document.querySelector("#sessions li");
    getSelection().setBaseAndExtent(row.querySelector(".name").firstChild, 0, row.querySelector(".said").firstChild, 9);
    window.told = row.querySelector("time").textContent;
  });
  await until("a second", () => page.evaluate(() => window.told !== document.querySelector("#sessions time").textContent));
  assert.match(await selected(), /^Ann .*something$/);
});

test("what waits for who looks stands first, is counted, and is said once to who listens", async () => {
  furnish();
  const you = mount.json("dashboard.json").you.id;
  const page = await open();
  await live(page);
  const tile = () => page.locator("#summary a").first();
  assert.match(await tile().textContent(), /^Waiting for you0no questions, no messages$/);
  const news = page.locator("#news");
  assert.equal(await news.getAttribute("aria-live"), "polite");
  assert.equal(await news.textContent(), "", "it speaks before anything happens");
  mount.write("as/cece/asks/new", { to: you, data: "may I drop the table?", timeout: "1h" });
  mount.write("as/dora/asks/new", { data: "a later one, for anyone", timeout: "1h" });
  mount.write("as/cece/sessions/" + you + "/inbox", "a word for you alone");
  await until("both", async () => await page.locator("#asks li").count() === 4);
  assert.equal(await page.locator("#asks li .said").first().textContent(), "may I drop the table?");
  assert.match(await page.locator("#asks li").first().textContent(), /^Cece asks you.*for you.*answer in\s*asks\/q3\/reply$/);
  await until("the number", async () => /2.*1 question · 1 message unread/.test(await tile().textContent()));
  assert.equal(await news.textContent(), "Cece asks you: may I drop the table?");
  assert.match(await page.title(), /^\(2\) /);
  assert.ok(!(await page.content()).includes("a word for you alone"));
  mount.write("as/" + you + "/asks/q3/reply", "yes, drop it");
  await until("its end", async () => await page.locator("#asks li.yours").count() === 0);
});

test("of what is private it says how much, and of a question what became of it", async () => {
  furnish();
  mount.write("as/cece/asks/new", { to: "bob", data: "a secret question", timeout: "100ms" });
  await until("its end", () => mount.read("activity").includes("ask.failed"));
  const page = await open();
  await live(page);
  const line = async (list, words) => (await texts(page, list + " li")).find(text => text.includes(words));
  assert.match(await line("#messages", "private"), /Cece to Bob · private, \d+ B$/);
  assert.match(await line("#activity", "ask.failed"), /Cece ask\.failed q3: no answer in time by Bob$/);
  assert.match(await line("#activity", "q1"), /Cece ask\.asked to Bob · q1 · private, \d+ B$/);
  assert.ok(!(await page.content()).includes("between them"));
});

test("where nobody is yet, it says what to do next, with this mount's path", async () => {
  const page = await open();
  await live(page);
  assert.ok(await page.locator("#start").isVisible());
  assert.ok(!(await page.locator("#sessions").isVisible()));
  assert.ok((await page.locator("#start-agent").textContent()).includes(mount.dir + "/README.md"));
  const lines = (await page.locator("#start-enter").textContent()).split("\n");
  assert.equal(lines[0], "cd " + mount.dir);
  assert.match(await page.locator("#none").textContent(), /^No questions, tasks, collaborations, claims or sources/);
  // Its command does what it says.
  assert.equal(spawnSync("bash", ["-c", lines.join("\n")]).status, 0);
  await until("the first", async () => (await texts(page, "#activity li .name")).includes("NAME"));
});

test("who is late stands first, persons are no late ones, and motion is left out where it is not wanted", async () => {
  await mount.down();
  mount = await Mount.up("late=1");
  mount.register("busy", { agent_name: "Busy", current_task: "something" });
  await until("late", () => mount.json("dashboard.json").counts.late === 1);
  mount.register("nova", { agent_name: "Nova", current_task: "something else" });
  const page = await open({ reducedMotion: "reduce" });
  await until("the late one", async () => (await texts(page, "#sessions li .state"))[0] === "late");
  assert.equal((await texts(page, "#sessions li .name"))[0], "Busy");
  assert.match(await page.locator("#sessions li time").first().textContent(), /^silent for \d+s$/);
  assert.equal((await texts(page, "#sessions li .state")).at(-1), "person");
  assert.match(await page.locator("#alerts li").first().textContent(), /^Busy is silent/);
  mount.register("newer");
  await until("it", () => page.locator("#sessions li.new").first().isVisible());
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("li.new")).animationName), "none");
});

// Of the page as it is shown: texts that stand out too little from what is behind them (WCAG AA).
const faint = page => page.evaluate(() => {
  const rgb = color => (color.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  let looked = 0;
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (e.checkVisibility && !e.checkVisibility()) continue;
    if (e.tagName === "rect" && e.getAttribute("height") !== "0.00" &&
      ratio(rgb(getComputedStyle(e).fill), behind(e.closest("div, a"))) < 3) found.push("a bar");
    if (!own || e.closest(".unseen, .skip, script, style, noscript")) continue;
    looked++;
    const r = ratio(rgb(getComputedStyle(e).color), behind(e));
    if (r < 4.5) found.push(`${e.tagName}.${e.className} in ${e.closest("section")?.id}: ${r.toFixed(2)}`);
  }
  const field = document.querySelector("#filter");
  if (ratio(rgb(getComputedStyle(field, "::placeholder").color), behind(field)) < 4.5) found.push("the placeholder");
  return { looked, found: [...new Set(found)] };
});

// Words of names that are broken though they would fit their row; states that stand off their line.
const misset = page => page.evaluate(() => {
  const found = [], range = document.createRange();
  for (const e of document.querySelectorAll("li .name, .state, .title, .facts, h2")) {
    if (!e.checkVisibility() || !e.firstChild || e.firstChild.nodeType !== 3) continue;
    const room = (e.closest(".top, .flow, .less, .number") || e.parentElement).clientWidth;
    for (const word of e.firstChild.data.matchAll(/[^\s-]+/g)) {
      range.setStart(e.firstChild, word.index);
      range.setEnd(e.firstChild, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
      if (lines.size > 1 && word[0].length * 9 < room / 2) found.push(`"${word[0]}" of ${e.className} is broken`);
    }
  }
  for (const top of document.querySelectorAll("li .top")) {
    const name = top.querySelector(".name"), state = top.querySelector(".state, .when");
    if (!top.checkVisibility() || !state) continue;
    const one = name.getClientRects()[0], other = state.getClientRects()[0];
    if (one && other && Math.abs(one.bottom - other.bottom) > 8) found.push("a state stands off its line: " + top.textContent);
  }
  return found;
});

test("a full loop, at every width, light and dark: nothing is cut off, broken or faint", { timeout: 180000 }, async () => {
  await mount.down();
  mount = await Mount.up("late=8"); // long enough for who is not late to stay so
  await furnishFully(mount);
  const copy = path.join(mount.top, "held");
  fs.mkdirSync(copy);
  // As it is now, when some are late and some are not, however long the pictures take.
  fs.writeFileSync(path.join(copy, "dashboard.html"), mount.read("dashboard.html"));
  fs.writeFileSync(path.join(copy, "dashboard.js"), mount.read("dashboard.js"));
  for (const width of [320, 360, 600, 800, 1024, 1280, 1600, 2560]) for (const colorScheme of ["light", "dark"]) {
    const page = await open({ viewport: { width, height: 900 }, colorScheme });
    await page.goto("file://" + path.join(copy, "dashboard.html"));
    await live(page);
    const at = `${width}, ${colorScheme}`;
    await shot(page, `full-${width}-${colorScheme}`, true);
    const wide = await page.evaluate(() => [...document.querySelectorAll("body *")]
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility() && !e.closest(".skip, .unseen, .id, svg"))
      .map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)));
    assert.deepEqual(wide, [], at);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), at);
    assert.deepEqual(await misset(page), [], at);
    const contrast = await faint(page);
    assert.ok(contrast.looked > 100, at);
    assert.deepEqual(contrast.found, [], at);
    await page.context().close();
  }
  const page = await open();
  await page.goto("file://" + path.join(copy, "dashboard.html"));
  await live(page);
  const late = (await texts(page, "#sessions li .id")).slice(0, LATE.length);
  assert.deepEqual(late.sort(), [...LATE].sort());
  assert.equal(await page.locator("#asks li.yours").count(), 1);
  assert.equal(await page.locator("#sources li", { hasText: "handbook" }).locator(".state").textContent(), "failed");
  assert.equal(await page.locator("#sessions li.gone .name").textContent(), "Hugo");
  assert.equal(await page.locator("main img").count(), 0);
  // With no news the words that say so stand out, too.
  fs.rmSync(path.join(copy, "dashboard.js"));
  await until("the word", () => page.locator("#gone").isVisible());
  assert.deepEqual((await faint(page)).found, []);
});

test("500 sessions: drawn quickly, and a change costs little", async () => {
  for (let i = 0; i < 500; i++) mount.register("agent-" + String(i).padStart(3, "0"), { current_task: "part " + i });
  const page = await open();
  await live(page);
  assert.equal(await page.locator("#sessions li.row").count(), 500);
  const ms = await page.evaluate(() => {
    const again = window.leitlfsDashboard, d = JSON.parse(document.getElementById("snapshot").textContent);
    const began = performance.now();
    for (let i = 0; i < 10; i++) again({ ...d, time_ms: d.time_ms + i + 1 });
    document.body.offsetHeight;
    return (performance.now() - began) / 10;
  });
  console.log(`500 sessions: ${ms.toFixed(1)} ms to draw anew`);
  assert.ok(ms < 1000, `${ms} ms`); // half of what is between two looks
  assert.match(await page.locator("#sessions .more").textContent(), /^and 1 more$/);
});

test("it has landmarks, headings and names, and is used with the keyboard", async () => {
  furnish();
  const page = await open();
  for (const tag of ["header", "main", "footer", "h1"]) assert.equal(await page.locator(`body > ${tag}, header > ${tag}`).count(), 1, tag);
  // No heading skips a level, and none says nothing.
  const levels = await page.locator("h1, h2, h3, h4").evaluateAll(all => all.map(h => [h.tagName, h.textContent.trim()]));
  assert.equal(levels[0][0], "H1");
  assert.ok(levels.slice(1).every(([tag, text]) => tag === "H2" && text), JSON.stringify(levels));
  assert.equal(await page.locator("nav[aria-label]").count(), 1);
  assert.equal(await page.locator("[aria-live=assertive]").count(), 0);
  for (const region of await page.locator("main section").all()) {
    const label = await region.getAttribute("aria-label"), by = await region.getAttribute("aria-labelledby");
    assert.ok(label || (await page.locator("#" + by).textContent()).trim(), "a section without a name");
  }
  assert.equal(await page.locator("svg[role=img]:not([aria-label])").count(), 0);
  assert.equal(await page.getByRole("searchbox", { name: "Filter" }).count(), 1);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "sessions");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest("section").id), "sessions", "the list can't be reached");
});

for (const sessions of [0, 3, 300]) {
  test(`pictures with ${sessions} sessions: light and dark, wide and narrow; nothing is wider than the window`, async () => {
    if (sessions === 3) furnish();
    for (let i = 0; sessions === 300 && i < 300; i++)
      mount.register("agent-" + String(i).padStart(3, "0"), i % 3 ? { current_task: "part " + i + " of the great migration" } : {});
    if (sessions === 300) for (let i = 0; i < 40; i++) mount.write("as/agent-001/broadcast", "step " + i + " is done");
    for (const [name, width, height, colorScheme] of [["wide-light", 1440, 900, "light"], ["wide-dark", 1440, 900, "dark"],
      ["middle-light", 1000, 800, "light"], ["narrow-dark", 390, 844, "dark"], ["narrow-light", 320, 640, "light"]]) {
      const page = await open({ viewport: { width, height }, colorScheme });
      await live(page);
      if (sessions === 0) assert.ok(await page.locator("#start").isVisible());
      else assert.equal(await page.locator("#sessions li.row").count(), sessions + 1);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} wider than the window`);
      await shot(page, `${sessions}-${name}`, width < 500 && sessions < 300);
      await page.context().close();
    }
  });
}
