"""Many asks at once among sessions that come and go.

    asks.py MOUNT SESSIONS EACH SECONDS

SESSIONS processes, a session each, keep EACH asks in flight to one another: most are held, some
detached; some are answered, some refused, some left until their time is over, some cancelled. All
the while processes are killed, and others take their places. Prints what it counted, as JSON.
"""
import errno, heapq, json, os, random, select, signal, sys, time

mnt, sessions, each, seconds = sys.argv[1], *map(int, sys.argv[2:5])
ENDS = {errno.EREMOTEIO, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ECANCELED}


def path(*names):
    return os.path.join(mnt, *names)


class Worker:
    """One session: everything by descriptors that don't block."""

    def __init__(self, name):
        os.mkdir(path("sessions", name))
        me = path("as", name)
        self.me, self.name = me, name
        self.alive = os.open(os.path.join(me, "self/alive"), os.O_WRONLY)
        self.inbox = os.open(os.path.join(me, "self/inbox.live"), os.O_RDONLY | os.O_NONBLOCK)
        self.answers = os.open(os.path.join(me, "asks/answer"), os.O_WRONLY)
        self.asks = [os.open(os.path.join(me, "asks/new"), os.O_RDWR | os.O_NONBLOCK)
                     for _ in range(each)]
        self.quiet = os.open(os.path.join(me, "asks/new"), os.O_WRONLY)
        self.poll = select.poll()
        self.poll.register(self.inbox, select.POLLIN)
        self.rest = b""
        self.others = []
        self.later = [] # answers, with when they are given

    def ask(self, fd, held=True):
        if not self.others or random.random() < 0.02:
            self.others = [n for n in os.listdir(path("sessions")) if n[0] == "s" and n[1:].isdigit()]
        question = {"to": random.choice(self.others), "type": "work", "data": {"n": random.random()},
                    "timeout": random.choice((0.3, 1, 2))}
        try:
            os.write(fd, json.dumps(question).encode())
            if held:
                self.poll.register(fd, select.POLLIN)
        except OSError as e: # who was asked has just ended
            assert e.errno in (errno.ENOENT, errno.EHOSTDOWN), e
            return False
        return True

    def read_answer(self, fd):
        try:
            answer = os.read(fd, 4096)
        except OSError as e:
            assert e.errno in ENDS or e.errno == errno.EAGAIN, e
            if e.errno == errno.EAGAIN:
                return
        else:
            assert answer == b"done\n", answer
            assert os.read(fd, 100) == b""
        self.poll.unregister(fd)
        while not self.ask(fd):
            self.others = []

    def answer(self, line):
        event = json.loads(line)
        if event["event_type"] != "ask.asked":
            return
        chance, reply = random.random(), {"replyTo": event["data"]["request_id"], "data": "done"}
        if chance < 0.1:
            return
        if chance < 0.2:
            reply = {"replyTo": reply["replyTo"], "error": "not now"}
        heapq.heappush(self.later, (time.monotonic() + random.random(), json.dumps(reply)))

    def give(self, reply):
        try:
            os.write(self.answers, reply.encode())
        except OSError as e: # the ask is over and its asker gone; or it was forgotten
            assert e.errno in (errno.EHOSTDOWN, errno.ENOENT), e

    def run(self, until):
        for fd in self.asks:
            while not self.ask(fd):
                self.others = []
        while time.monotonic() < until:
            while self.later and self.later[0][0] < time.monotonic():
                self.give(heapq.heappop(self.later)[1])
            for fd, _ in self.poll.poll(50):
                if fd != self.inbox:
                    self.read_answer(fd)
                    continue
                try:
                    lines = (self.rest + os.read(fd, 65536)).split(b"\n")
                except BlockingIOError:
                    continue
                self.rest = lines.pop()
                for line in lines:
                    self.answer(line)
            if random.random() < 0.02:
                self.ask(self.quiet, held=False)
            if random.random() < 0.02: # gives one up
                fd = self.asks.pop(0)
                self.poll.unregister(fd)
                os.close(fd)
                self.asks.append(os.open(os.path.join(self.me, "asks/new"), os.O_RDWR | os.O_NONBLOCK))
                while not self.ask(self.asks[-1]):
                    self.others = []


def start(number, until):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            random.seed(number)
            Worker(f"s{number}").run(until)
            status = 0
        except BaseException as e:
            print(f"s{number}: {e!r}", file=sys.stderr, flush=True)
        os._exit(status)
    return pid


def in_flight():
    with open(path("activity"), "rb") as f:
        log = f.read()
    begun, over = log.count(b'"event_type":"ask.asked"'), log.count(b'"event_type":"ask.')
    return begun - (over - begun)


def main():
    pids, number, killed, most = {}, 0, 0, 0
    last = time.monotonic() + 60 # whatever happens
    for number in range(sessions):
        pids[start(number, last)] = number
    while len(os.listdir(path("sessions"))) < sessions:
        time.sleep(0.05)
    until = sample = time.monotonic() + seconds
    sample -= seconds / 2
    while time.monotonic() < until:
        time.sleep(0.1)
        for pid in random.sample(sorted(pids), 2):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del pids[pid]
            number += 1
            killed += 1
            pids[start(number, last)] = number
        if time.monotonic() > sample:
            most = max(most, in_flight())
            sample += 1
    failed = 0
    for pid in pids:
        done, _ = os.waitpid(pid, os.WNOHANG)
        failed += done != 0
        if not done:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    print(json.dumps({"killed": killed, "failed": failed, "in_flight": most}))


main()
