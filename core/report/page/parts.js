// What a row of each part says.

// Every row: a line with a name and who, a state and a time; words of theirs; what else is known, and
// its id, by which the files have it.
const entry = (...parts) => row => {
  const top = make("div", "top", row);
  row.of = {};
  const title = make("span", "title", top);
  row.of.name = make("span", "name", title);
  row.of.name.dir = "auto";
  title.append(" ");
  row.of.who = make("span", "who", title);
  if (parts.includes("pill")) row.of.pill = make("span", "pill", top);
  row.of.when = make("time", "when", top);
  if (parts.includes("state")) row.of.state = make("span", "state", top);
  row.of.words = make("p", "words said", row);
  const less = row.of.less = make("p", "words less", row);
  row.of.facts = make("span", "facts", less);
  row.of.id = make("span", "id", less);
};
const state = (e, name, words) => { classes(e, "state " + name.replace(/[^a-z]/g, "-")); put(e, words || name); };
const fill = (row, name, who, said, less, id) => {
  put(row.of.name, name);
  put(row.of.who, who);
  put(row.of.words, said);
  put(row.of.facts, less);
  hide(row.of.facts, !less);
  put(row.of.id, id);
  attribute(row.of.id, "title", id || "");
  hide(row.of.id, !id);
  hide(row.of.less, !less && !id);
};

// Sessions are spoken of by their agents' names where they are known.
let agents = new Map(), you = null;
const meet = d => {
  agents = new Map(d.sessions.map(s => [s.id, s.agent || s.id]));
  you = d.you ? d.you.id : null;
};
// Within words of ours a name keeps its direction of writing to itself.
const alone = name => /^[ -~]*$/.test(name) ? name : "\u2068" + name + "\u2069";
const called = id => id === you ? "you" : alone(agents.get(id) || id);
const all_called = (ids, all) => names(ids.map(called), all);

const session = (row, s) => {
  const person = s.person && s.health === "fresh";
  state(row.of.state, person ? "person" : s.health);
  row.classList.toggle("gone", s.health === "gone");
  if (s.ended_ms) when(row.of.when, s.ended_ms, ms => "left " + ago(ms));
  else if (person) when(row.of.when, s.heard_ms, ms => "seen " + ago(ms));
  else if (s.health === "late") when(row.of.when, s.heard_ms, ms => "silent for " + age(now() - ms));
  else when(row.of.when, s.started_ms, ms => "here " + (age(now() - ms) === "now" ? "now" : "for " + age(now() - ms)));
  fill(row, s.agent || s.id, "", s.task, facts(
    s.id === you && "this is you",
    !s.person && s.type !== "assistant" && s.type,
    s.status && s.status !== "active" && !s.ended_ms && "says it is " + s.status,
    s.asking && "waits for an answer",
    s.reason && s.reason.replace(/_/g, " "),
    !s.task && !s.ended_ms && !s.person && "has said no task",
  ), s.agent === s.id ? "" : s.id);
};
const ask = (row, a) => {
  row.classList.toggle("yours", Boolean(a.for_you));
  put(row.of.pill, "for you");
  hide(row.of.pill, !a.for_you);
  when(row.of.when, a.deadline_ms, ms => ms > now() ? age(ms - now()) + " left" : "late");
  fill(row, a.from || "somebody", "asks " + (a.anyone ? "anyone" : all_called(a.to, a.asked)), a.text,
    facts(a.answered && count(a.answered) + " of " + count(a.asked || a.answered) + " answered",
      a.for_you && "answer in"), a.for_you ? "asks/" + a.id + "/reply" : a.id);
};
const task = (row, t) => {
  when(row.of.when, t.since_ms);
  fill(row, t.agent, "", t.text, facts(t.activity, t.department, t.by && "from " + alone(t.by)), t.id);
};
const collaboration = (row, c) => {
  const d = c.decision, votes = d ? Object.entries(d.votes).map(([w, n]) => n + " " + w).join(", ") : "";
  when(row.of.when, c.since_ms);
  fill(row, c.id, "with " + names(c.participants.map(alone), c.participant_count), d ? d.text : "", facts(
    d && "decided by " + alone(d.by) + (votes ? ": " + votes : ", no votes yet"),
    c.decisions > 1 && some(c.decisions, "decision"), some(c.messages, "message")), "");
};
const claim = (row, c) => {
  when(row.of.when, c.since_ms);
  fill(row, c.id, "held by " + (c.session ? called(c.session) : alone(c.owner)), c.note, "", "");
};
const source = (row, s) => {
  state(row.of.state, s.state);
  when(row.of.when, s.success_ms, ms => "synced " + ago(ms));
  fill(row, s.id, "", s.error, s.failing_ms && !s.success_ms ? "never synced" : some(s.files, "file") + ", " + bytes(s.bytes), "");
};

// What is not well: an alert by its kind, a check by its own words. Neither is anybody's but ours.
const kinds = {
  "session.late": a => called(a.session) + " is silent",
  "inbox.backlog": a => called(a.session) + " has much unread",
  "sync.failed": () => "A source can't be synced",
  "store.trouble": () => "What is said can't be kept",
};
const alert_ = (row, a) => {
  const told = kinds[a.alert];
  state(row.of.state, a.status || "alert");
  when(row.of.when, a.since_ms, ms => "for " + age(now() - ms));
  fill(row, told ? told(a) : a.detail || a.alert, "", "", a.alert, a.session);
  row.of.name.dir = "ltr";
};

// Of what happens: when, who, what, in one flow.
const happening = row => {
  row.of = {};
  row.of.when = make("time", "when", row);
  const line = make("p", "flow", row);
  row.of.name = make("span", "name", line);
  row.of.name.dir = "auto";
  line.append(" ");
  row.of.type = make("span", "type", line);
  line.append(" ");
  row.of.words = make("span", "said", line);
  row.of.words.dir = "auto";
  row.of.facts = make("span", "facts", line);
};
const event = message => (row, e) => {
  // What is told to the session alone that it is about goes from nobody to nobody.
  const own = e.to && e.to.length === 1 && e.to[0] === e.session;
  const to = e.to && !own ? "to " + all_called(e.to, e.to.length) : "";
  when(row.of.when, e.time_ms, moment);
  put(row.of.name, e.from);
  put(row.of.type, message ? to : e.type);
  put(row.of.words, e.told ? "" : e.text);
  put(row.of.facts, e.told ? facts(to, e.told) : e.bytes === undefined ? facts(e.ask, e.facts)
    : (message ? "· " : "") + facts(!message && to, e.ask, "private, " + bytes(e.bytes)));
};
