#!/usr/bin/python3
"""Makes a tree of documents, the same for the same arguments.

    tree.py DIR [--files N] [--dirs M] [--mb S] [--seed X] [--awkward]

N files (5000) in M directories (50) of about S MB together (40): Markdown, text, HTML and Python,
in English-like text. Words are as common as in real text; beside them

    needle00042       stands in file 42 alone, and unique_needle_00042, as an identifier
    user authentication   stands in every 100th file; in every 1000th in its title, too

--awkward adds names that are hard to carry: spaces, %, #, ?, quotes, UTF-8, 255 bytes. Dates lie in
2024, a minute apart. Prints one line of JSON: files, directories, bytes.
"""

import argparse
import json
import os
import random

COMMON = """
the of and to in is that for it as was with be by on not he his but at are this have from or
had an they which one you were all her she there would their we him been has when who will no
more if out so up said what its about than into them can only other time new some could these
two may first then do any like my now over such our man me even most made after also did many
off before must well back through years where much your way down should because long each just
state those people too mr how little good world make very year still see own work men day get
here old life both between being under three never know same last another while us might great
go come since against right came take used himself few house use place during high without
again home around small however found thought went say part once general upon school every
don't does got united left number course war until always away something fact though water less
public put think almost hand enough far took head yet better set told nothing night end why
find look asked later knew point next city give business group toward young days let room side
social given present several order national second possible rather per face among form
important often things looked early white case become large big need four within felt along
children saw best church ever least power development light thing seemed family interest want
members mind country area others done turned although open god service certain kind began
different door help means problem""".split()

TECHNICAL = """
server client request response session token password certificate header socket buffer thread
kernel cache index query table column commit journal record message event cursor agent source
folder document paragraph title version history branch merge conflict release package library
module function variable parameter return error warning timeout retry queue stream signal
process memory page block sector file directory path name link mount permission owner group
user policy rule schema format encoding character string number integer pointer structure
interface protocol network address port proxy route gateway storage backup restore snapshot
archive compress encrypt decrypt verify sign deploy configure install upgrade monitor measure
benchmark profile debug trace test review""".split()

AWKWARD = [
    "with space.md", " leading space.md", "trailing space .md", "two  spaces.md",
    "100%.md", "%41.md", "%2Fslash.md", "a%20b.md", "%.md", "#hash.md", "a#b.md", "what?.md",
    "a?b=c&d.md", "it's.md", 'say "hi".md', "back`tick.md", "$HOME.md", "a;b.md", "a&b.md",
    "a+b.md",
    "a=b.md", "a,b.md", "a:b.md", "a@b.md", "a~b.md", "[a].md", "{a}.md", "(a).md", "<a>.md",
    "a|b.md", "back\\slash.md", "*.md", "-dash.md", "--help.md", ".hidden.md", "...md", "a..b.md",
    "no ending", "CASE.md", "case.md", "tab\there.md",
    "caf\u00e9.md", "cafe\u0301.md", "\u6587\u66f8\u306e\u691c\u7d22.md",
    "\u7528\u6237\u8ba4\u8bc1.md",
    "\u0441\u043b\u043e\u0432\u043e.md", "\U0001f600.md", "\u202eright to left.md",
    "l" * 252 + ".md", "\u00e9" * 126 + ".md", "%" * 252 + ".md",
]
AWKWARD_DIRS = ["dir with space", "dir%20", "dir#?", "\u76ee\u5f55", "d" * 255]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        words = COMMON + TECHNICAL + self.invented(3000)
        # Zipf's law: the n-th word is as common as 1/n.
        weights = [1 / (n + 3) for n in range(len(words))]
        stream = self.random.choices(words, weights, k=60000)
        self.sentences = []
        while stream:
            n = self.random.randint(5, 20)
            taken, stream = stream[:n], stream[n:]
            self.sentences.append(" ".join(taken).capitalize() + ". ")

    def invented(self, count):
        starts = "b br c cl d dr f g gr h j k l m n p pr qu r s st t tr v w".split()
        middles = "a e i o u ai ea ou".split()
        ends = "n r l s t nd rt st ng m ck ve".split()
        choice = self.random.choice
        return ["".join(choice(starts) + choice(middles) + choice(ends)
                        for _ in range(self.random.randint(1, 3))) for _ in range(count)]

    def prose(self, size):
        """Paragraphs of about `size` bytes."""
        out, length = [], 0
        while length < size:
            paragraph = "".join(self.random.choices(self.sentences, k=6)).rstrip()
            out.append(paragraph)
            length += len(paragraph) + 2
        return "\n\n".join(out)[:size]

    def title(self, number):
        if number % 1000 == 0:
            return "User authentication"
        return " ".join(self.random.choices(TECHNICAL, k=3)).capitalize()

    def document(self, number, size):
        kind = self.random.choices(("md", "txt", "html", "py"), (60, 25, 5, 10))[0]
        title, mark = self.title(number), f"needle{number:05}"
        if number % 100 == 0:
            mark += " concerns user authentication"
        body = self.prose(size)
        if kind == "md":
            text = f"# {title}\n\n{body}\n\nSee {mark}, or `unique_needle_{number:05}`.\n"
        elif kind == "html":
            text = (f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}"
                    f"</h1>\n<p>{body}</p>\n<p>{mark} unique_needle_{number:05}</p></body>\n"
                    "</html>\n")
        elif kind == "py":
            lines = "\n".join("# " + line for line in body.split("\n"))
            text = (f'"""{title}: {mark}."""\n\n\ndef unique_needle_{number:05}(request):\n'
                    f"    return request.user_session\n\n\n{lines}\n")
        else:
            text = f"{title}\n\n{body}\n\n{mark} unique_needle_{number:05}\n"
        return kind, text


def write(path, text, number):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    date = 1704067200 + 60 * number
    os.utime(path, (date, date))
    return os.path.getsize(path)


def make_awkward(root, writer):
    """Returns how many files, directories and bytes."""
    size = number = 0
    places = [os.path.join(root, "awkward")]
    places += [os.path.join(places[0], name) for name in AWKWARD_DIRS]
    for place in places:
        os.makedirs(place, exist_ok=True)
        for name in AWKWARD if place == places[0] else AWKWARD[:2]:
            text = f"# {name!r}\n\nawkward{number:03}\n\n{writer.prose(300)}\n"
            size += write(os.path.join(place, name), text, number)
            number += 1
    return number, len(places), size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--dirs", type=int, default=50)
    parser.add_argument("--mb", type=float, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--awkward", action="store_true")
    a = parser.parse_args()
    writer = Writer(a.seed)
    # Every third directory is within another.
    dirs = [a.dir] if a.dirs == 0 else []
    for n in range(a.dirs):
        above = dirs[n // 2] if n % 3 == 2 else a.dir
        dirs.append(os.path.join(above, f"{TECHNICAL[n % len(TECHNICAL)]}-{n:02}"))
    for d in [a.dir] + dirs:
        os.makedirs(d, exist_ok=True)
    mean = a.mb * 1e6 / max(a.files, 1)
    count, size = 0, 0
    for n in range(a.files):
        # Most are small, some are ten times the mean.
        length = max(int(mean * writer.random.gammavariate(0.7, 1 / 0.7)), 40)
        kind, text = writer.document(n, length)
        name = f"{writer.random.choice(TECHNICAL)}-{n:05}.{kind}"
        size += write(os.path.join(dirs[n % len(dirs)], name), text, n)
        count += 1
    places = len([d for d in dirs if d != a.dir])
    if a.awkward:
        files, more, total = make_awkward(a.dir, writer)
        count, places, size = count + files, places + more, size + total
    print(json.dumps({"files": count, "directories": places, "bytes": size}))


if __name__ == "__main__":
    main()
