// dashboard.html as a person sees it: opened from the mount by a file: address.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { Mount, until } from "./mount.mjs";

const MARKUP = "<img src=x onerror=\"document.title='owned'\">";
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
  assert.deepEqual(await texts(page, "#sessions li .state"), sessions.map(() => "fresh"));
  assert.deepEqual(await texts(page, "#asks li .said"), [
    mount.json("asks/q2/ask.json").data, mount.json("asks/q1/ask.json").data]);
  assert.deepEqual(await texts(page, "#tasks li .said"), [
    mount.json("tasks/t2/task.json").task_description, mount.json("tasks/t1/task.json").task_description]);
  assert.deepEqual(await texts(page, "#claims li .name"), ["login"]);
  assert.deepEqual(await texts(page, "#claims li .id"), ["Cece"]);
  assert.deepEqual(await texts(page, "#collaborations li .said"), ["Postgres it is"]);
  assert.match((await texts(page, "#collaborations li .less"))[0], /by Bob: 1 yes/);
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
  await until("the first news", async () => (await page.locator("#live").textContent()) === "live");
  const changes = await page.evaluate(() => new Promise(resolve => {
    const seen = [];
    const watch = new MutationObserver(all => {
      for (const m of all) {
        const e = m.target.nodeType === 1 ? m.target : m.target.parentElement;
        if (!e.closest("time, head, #numbers, footer")) seen.push(m.type + " " + e.outerHTML.slice(0, 120));
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
  await until("live", async () => (await page.locator("#live").textContent()) === "live");
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

test("when the mount goes it says so, with the time of the last news; when it comes back it goes on", async () => {
  furnish();
  const page = await open();
  await until("live", async () => (await page.locator("#live").textContent()) === "live");
  await mount.stop();
  await until("the word", () => page.locator("#gone").isVisible());
  assert.match(await page.locator("#gone").textContent(), /^The mount is gone\. The last news is of \d+:\d\d:\d\d/);
  assert.equal(await page.locator("#sessions li").count(), 4, "what was known stays");
  await shot(page, "gone");
  await mount.start();
  mount.write("broadcast", "back again");
  await until("news", async () => (await texts(page, "#messages li .said")).includes("back again"));
  assert.ok(!(await page.locator("#gone").isVisible()));
});

test("a script that is gone from beside a copy of the page: it shows what it holds", async () => {
  furnish();
  const copy = path.join(mount.top, "copy.html");
  fs.copyFileSync(mount.path("dashboard.html"), copy);
  const page = await open();
  await page.goto("file://" + copy);
  await until("the word", () => page.locator("#gone").isVisible());
  assert.ok((await texts(page, "#sessions li .name")).includes("Cece"));
});

test("it has landmarks, headings and names, and is used with the keyboard", async () => {
  furnish();
  const page = await open();
  for (const tag of ["header", "main", "footer", "h1"]) assert.equal(await page.locator(`body > ${tag}, header > ${tag}`).count(), 1, tag);
  for (const region of await page.locator("main section").all()) {
    const label = await region.getAttribute("aria-label"), by = await region.getAttribute("aria-labelledby");
    assert.ok(label || (await page.locator("#" + by).textContent()).trim(), "a section without a name");
  }
  assert.equal(await page.locator("svg[role=img]:not([aria-label])").count(), 0);
  assert.equal(await page.getByRole("searchbox", { name: "Filter" }).count(), 1);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
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
      await until("live", async () => (await page.locator("#live").textContent()) === "live");
      if (sessions === 0) assert.ok(await page.locator("#sessions .none").isVisible());
      else assert.equal(await page.locator("#sessions li.row").count(), sessions + 1);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} wider than the window`);
      await shot(page, `${sessions}-${name}`, width < 500 && sessions < 300);
      await page.context().close();
    }
  });
}
