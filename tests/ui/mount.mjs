// A mount of a test's own, in a directory of its own.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export const until = async (what, condition, seconds = 15) => {
  for (const end = Date.now() + seconds * 1000; ; ) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
};

export class Mount {
  // OPTIONS of the mount, beside those that every test has.
  static async up(options = "") {
    const m = new Mount();
    m.options = options && "," + options;
    m.top = fs.mkdtempSync(path.join(os.tmpdir(), "leitl-ui."));
    m.dir = path.join(m.top, "mnt");
    m.state = path.join(m.top, "state");
    fs.mkdirSync(m.dir);
    fs.mkdirSync(m.state, { mode: 0o700 });
    await m.start();
    return m;
  }
  async start() {
    this.daemon = spawn(process.env.LEITLFS, ["-f", "-o", `state=${this.state},broadcasts=0,tasks=0${this.options}`, this.dir],
      { stdio: ["ignore", "ignore", "inherit"] });
    this.ended = new Promise(resolve => this.daemon.on("exit", resolve));
    await until("the mount", () => fs.readFileSync("/proc/self/mountinfo", "utf8").includes(` ${this.dir} `) &&
      fs.existsSync(this.path("README.md")));
  }
  async stop() {
    this.daemon.kill("SIGTERM");
    await this.ended;
  }
  async down() {
    if (this.daemon.exitCode === null) await this.stop();
    spawnSync("fusermount3", ["-uzq", this.dir]);
    fs.rmSync(this.top, { recursive: true });
  }
  path(name) { return path.join(this.dir, name); }
  read(name) { return fs.readFileSync(this.path(name), "utf8"); }
  json(name) { return JSON.parse(this.read(name)); }
  // One write is one message. (writeFileSync would truncate first, which is nothing to these files.)
  write(name, text) {
    const fd = fs.openSync(this.path(name), "w");
    fs.writeSync(fd, (typeof text === "string" ? text : JSON.stringify(text)) + "\n");
    fs.closeSync(fd);
  }
  register(id, more = {}) { this.write("sessions/new", { session_id: id, agent_name: id, ...more }); }
  get page() { return "file://" + this.path("dashboard.html"); }
}
