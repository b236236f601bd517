// A loop in which much goes on: what a person has open on a busy day.
import fs from "node:fs";
import path from "node:path";
import { until } from "./mount.mjs";

export const LONG = "Migrate the accounts of every customer from the old database to the new one, table by table, without a pause in service, and keep a list of what could not be moved and why";
export const RTL = "مراجعة ترجمة صفحة الدفع";
export const CJK = "結帳頁面的翻譯與校對：請先看完設計文件再動手";
export const MARKUP = "<img src=x onerror=\"document.title='owned'\">";

const sessions = [
  ["leitl-cece-4f1d8e0a92b7c361", "Cece", "coder", "Fix the login: tokens expire an hour too early"],
  ["leitl-bob-91c03d7e5512aa08", "Bob", "reviewer", "Review the migration of the accounts"],
  ["leitl-dora-77b2e1904c6df513", "Dora", "tester", null],
  ["leitl-database-migration-assistant-0d4be8821f937ac5", "Database Migration Assistant (staging)", "coder", LONG],
  ["eve", "Eve", "assistant", "Write the release notes of 4.2"],
  ["leitl-layla-5a90c17e3b6d2f84", "ليلى", "translator", RTL],
  ["leitl-yu-ting-c8830a5be1924d7f", "雨婷", "translator", CJK],
  ["evil", MARKUP, "assistant", "</script><script>document.title='owned'</script>"],
  ["leitl-ops-watch-2e7fd00981ba36c4", "ops-watch", "monitor", "Watch the error rate of the payment service"],
  ["leitl-frank-60de11b7a85c9f32", "Frank", "coder", "Port the build to the new runners"],
  ["leitl-gina-b1f40e69d7723a58", "Gina", "designer", "Draw the empty states of the settings"],
];
export const LATE = ["leitl-ops-watch-2e7fd00981ba36c4", "leitl-frank-60de11b7a85c9f32"];

// With -o late=SECONDS: the LATE ones are, and who was silent meanwhile was heard of again.
export const furnishFully = async mount => {
  const notes = path.join(mount.top, "design-notes");
  fs.mkdirSync(notes);
  for (let i = 0; i < 40; i++) fs.writeFileSync(path.join(notes, `note-${i}.md`), "# Note " + i + "\n");
  mount.write("context/sources/new", notes);
  mount.write("context/sources/new", { name: "handbook", url: "http://127.0.0.1:9/dav/" });
  for (const [session_id, agent_name, agent_type, current_task] of sessions)
    mount.register(session_id, { agent_name, agent_type, ...(current_task && { current_task }) });
  mount.register("hugo", { agent_name: "Hugo", current_task: "Tidy the fixtures" });
  const as = (id, file, what) => mount.write(`as/${sessions[id][0]}/${file}`, what);
  as(0, "broadcast", "The tests of the login are green. I go on with the expiry of tokens.");
  as(0, "tasks/new", { task_description: "Rotate the signing keys", activity_type: "coding", department: "engineering" });
  as(1, "tasks/new", "Read the audit report");
  as(3, "tasks/new", LONG);
  as(0, "claims/new", { name: "login", note: "until the tests pass" });
  as(3, "claims/new", { name: "database-schema-accounts-and-invoices-2026", note: "nobody else migrates meanwhile" });
  as(5, "broadcast", RTL);
  as(6, "broadcast", CJK);
  as(1, "collaborations/new", { participants: ["Cece", "Bob", "Dora"], session_type: "council", name: "database" });
  as(1, "collaborations/database/messages", "Both would do. What speaks against Postgres?");
  as(1, "collaborations/database/decisions", "We take Postgres, and keep the old database readable for a month");
  as(0, "collaborations/database/votes/1", "yes");
  as(2, "collaborations/database/votes/1", "yes");
  as(5, "collaborations/new", { participants: ["ليلى", "雨婷"], session_type: "pair", name: "checkout-wording" });
  as(7, "broadcast", MARKUP);
  as(4, "broadcast", "The release notes are in memory/release/4.2.md; say by noon what is missing.");
  as(1, "sessions/" + sessions[0][0] + "/inbox", "for Cece alone");
  for (let i = 1; i <= 9; i++) as(9, "broadcast", `Runner ${i} of 9 builds with the new image.`);
  mount.write("sessions/hugo/status", "ended");
  await until("a source that fails", () => mount.json("dashboard.json").sources.some(s => s.failing_ms), 30);
  await until("all to be late", () => mount.json("dashboard.json").counts.fresh <= 1, 30);
  for (const [id] of sessions) if (!LATE.includes(id)) mount.write(`sessions/${id}/heartbeat`, "1");
  as(2, "asks/new", { data: "Who knows why the build has been slow since Tuesday?", timeout: "25m" });
  as(0, "asks/new", { to: sessions[1][0], data: "Which port does staging use?", timeout: "1h" });
  const you = mount.json("sessions.json").sessions.find(s => s.agent_type === "person");
  if (you) as(3, "asks/new", { to: you.session_id, data: "May I drop the table accounts_old? It was last read in March.", timeout: "2h" });
};
