#!/usr/bin/env python3
"""Makes the same calls in two directories, one after the other, and compares what they answer.

    posix.py [--random] CHECKED REFERENCE [SEED [STEPS]]

First every call of a table on every kind of path (but with --random), then STEPS random calls.
What differs is told, call by call; the status is 1 then. CHECKED is a directory of the file system
that is checked, REFERENCE one of the disk's; both are emptied, and must be the caller's own.
"""
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import random
import shutil
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
KEEP_SIZE, PUNCH, COLLAPSE, ZERO = 1, 2, 8, 16
SEEK_DATA, SEEK_HOLE = 3, 4
AT_FDCWD = -100


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def renameat2(old, new, flags):
    return check(libc.renameat2(AT_FDCWD, old, AT_FDCWD, new, flags))


def fallocate(fd, mode, at, size):
    return check(libc.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(size)))


class Side:
    """One of the two directories: names are below it, descriptors stand in numbered slots."""

    def __init__(self, top):
        self.top = os.fsencode(top)
        self.fds = {}

    def path(self, name):
        if isinstance(name, str):
            name = os.fsencode(name)
        return self.top + b"/" + name if name else name

    def open(self, slot, name, flags, mode=0o644):
        fd = os.open(self.path(name), flags, mode)
        self.close(slot)
        self.fds[slot] = fd
        return "fd"

    def close(self, slot):
        fd = self.fds.pop(slot, None)
        if fd is not None:
            os.close(fd)

    def fd(self, slot):
        if slot not in self.fds:
            raise OSError(errno.EBADF, "")
        return self.fds[slot]

    def close_all(self):
        for slot in list(self.fds):
            self.close(slot)

    # --- what is asked; each answer can be compared

    def shown(self, st):
        regular = stat.S_ISREG(st.st_mode)
        link = stat.S_ISLNK(st.st_mode)
        return (oct(st.st_mode), st.st_nlink, st.st_uid, st.st_gid,
                st.st_size if regular or link else None)

    def stat(self, name):
        return self.shown(os.stat(self.path(name)))

    def lstat(self, name):
        return self.shown(os.lstat(self.path(name)))

    def fstat(self, slot):
        return self.shown(os.fstat(self.fd(slot)))

    def same_inode(self, a, b):
        return os.path.samestat(os.lstat(self.path(a)), os.lstat(self.path(b)))

    def list(self, name):
        return sorted(os.listdir(self.path(name)))

    def scan(self, name):
        with os.scandir(self.path(name)) as entries:
            return sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in entries)

    def mkdir(self, name, mode=0o755):
        return os.mkdir(self.path(name), mode)

    def rmdir(self, name):
        return os.rmdir(self.path(name))

    def unlink(self, name):
        return os.unlink(self.path(name))

    def rename(self, old, new, flags=0):
        return renameat2(self.path(old), self.path(new), flags)

    def link(self, old, new):
        return os.link(self.path(old), self.path(new), follow_symlinks=False)

    def symlink(self, target, name):
        return os.symlink(target, self.path(name))

    def readlink(self, name):
        return os.readlink(self.path(name))

    def mknod(self, name, mode):
        return os.mknod(self.path(name), mode)

    def chmod(self, name, mode):
        return os.chmod(self.path(name), mode)

    def fchmod(self, slot, mode):
        return os.fchmod(self.fd(slot), mode)

    def chown(self, name, uid, gid):
        return os.chown(self.path(name), uid, gid)

    def lchown(self, name, uid, gid):
        return os.lchown(self.path(name), uid, gid)

    def utime(self, name, atime, mtime, follow=True):
        os.utime(self.path(name), ns=(atime, mtime), follow_symlinks=follow)
        st = os.stat(self.path(name), follow_symlinks=follow)
        return st.st_atime_ns, st.st_mtime_ns

    def truncate(self, name, size):
        return os.truncate(self.path(name), size)

    def ftruncate(self, slot, size):
        return os.ftruncate(self.fd(slot), size)

    def access(self, name, how):
        return os.access(self.path(name), how)

    def pwrite(self, slot, data, at):
        return os.pwrite(self.fd(slot), data, at)

    def write(self, slot, data):
        return os.write(self.fd(slot), data)

    def pread(self, slot, size, at):
        return os.pread(self.fd(slot), size, at)

    def read(self, slot, size):
        return os.read(self.fd(slot), size)

    def content(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def seek(self, slot, at, whence):
        # Where a directory ends is each file system's own.
        if stat.S_ISDIR(os.fstat(self.fd(slot)).st_mode):
            return None
        return os.lseek(self.fd(slot), at, whence)

    def fsync(self, slot):
        os.fdatasync(self.fd(slot))
        return os.fsync(self.fd(slot))

    def fallocate(self, slot, mode, at, size):
        return fallocate(self.fd(slot), mode, at, size)

    def setxattr(self, name, key, value, flags=0):
        return os.setxattr(self.path(name), key, value, flags)

    def getxattr(self, name, key):
        return os.getxattr(self.path(name), key)

    def listxattr(self, name):
        return sorted(os.listxattr(self.path(name)))

    def removexattr(self, name, key):
        return os.removexattr(self.path(name), key)

    def copy_range(self, source, target, size):
        return os.copy_file_range(self.fd(source), self.fd(target), size, 0, 0)

    def mapped(self, slot, at, data):
        """Writes through a shared mapping; reads it by read(2)."""
        size = os.fstat(self.fd(slot)).st_size
        with mmap.mmap(self.fd(slot), size) as m:
            m[at:at + len(data)] = data
            m.flush()
            return os.pread(self.fd(slot), size, 0)

    def flock(self, slot, how):
        return fcntl.flock(self.fd(slot), how | fcntl.LOCK_NB)

    def lockf(self, slot, how, size, at):
        return fcntl.lockf(self.fd(slot), how | fcntl.LOCK_NB, size, at)

    def statvfs_names(self, name):
        return os.statvfs(self.path(name)).f_namemax


class Pair:
    def __init__(self, checked, reference):
        self.sides = [Side(checked), Side(reference)]
        self.calls = self.differ = 0

    def one(self, side, name, arguments):
        try:
            return "is", getattr(side, name)(*arguments)
        except OSError as e:
            return "fails", errno.errorcode.get(e.errno, e.errno)
        except ValueError as e:  # an empty file can't be mapped
            return "refused", str(e)

    def __call__(self, name, *arguments):
        answers = [self.one(side, name, arguments) for side in self.sides]
        self.calls += 1
        if answers[0] != answers[1]:
            self.differ += 1
            print(f"{name}{arguments}\n  checked:   {answers[0]}\n  reference: {answers[1]}")
        return answers[1]

    def empty(self):
        for side in self.sides:
            side.close_all()
            os.chmod(side.top, 0o755)
            os.chown(side.top, os.getuid(), os.getgid())
            for name in os.listdir(side.top):
                path = os.path.join(side.top, name)
                if os.path.isdir(path) and not os.path.islink(path):
                    os.chmod(path, 0o700)
                    shutil.rmtree(path)
                else:
                    os.unlink(path)


LONG = "n" * 255
# Every kind of path.
KINDS = ["missing", "file", "dir", "full", "tofile", "todir", "dangling", "loop", "file/x", "dir/x",
         "todir/x", "missing/x", "full/inner", ".", "dir/.", "dir/..", "file/", "dir/", "missing/",
         "tofile/", "todir/", "dangling/", "", LONG, LONG + "n", "closed/x", "\udcff\udcfe", "two\nlines"]


def furnish(pair):
    pair.empty()
    pair("open", 0, "file", os.O_CREAT | os.O_RDWR)
    pair("write", 0, b"0123456789")
    pair("close", 0)
    pair("mkdir", "dir")
    pair("mkdir", "full")
    pair("open", 0, "full/inner", os.O_CREAT | os.O_WRONLY)
    pair("close", 0)
    pair("symlink", "file", "tofile")
    pair("symlink", "dir", "todir")
    pair("symlink", "nowhere", "dangling")
    pair("symlink", "loop", "loop")
    pair("mkdir", "closed", 0o000)


def picture(pair):
    """All that is there, compared."""
    answer = pair("scan", ".")
    todo = [""] if answer[0] == "is" else []
    while todo:
        top = todo.pop()
        answer = pair("scan", top or ".")
        if answer[0] != "is":
            continue
        for name, is_dir, is_link in answer[1]:
            name = os.fsdecode(name)
            path = f"{top}/{name}" if top else name
            pair("lstat", path)
            if is_dir:
                todo.append(path)
            elif not is_link:
                pair("content", path)


def one_path(pair):
    yield "stat", ()
    yield "lstat", ()
    yield "list", ()
    yield "scan", ()
    yield "readlink", ()
    yield "mkdir", (0o750,)
    yield "mkdir", (0o1777,)
    yield "rmdir", ()
    yield "unlink", ()
    yield "mknod", (stat.S_IFREG | 0o640,)
    yield "mknod", (stat.S_IFSOCK | 0o600,)
    yield "chmod", (0o600,)
    yield "chmod", (0o1755,)
    yield "chown", (-1, -1)
    yield "chown", (os.getuid(), os.getgid())
    yield "chown", (12345, 54321)
    yield "lchown", (12345, 54321)
    yield "utime", (10**9 + 123456789, 2 * 10**9 + 987654321)
    yield "utime", (10**9, 0, False)
    yield "utime", (2**33 * 10**9, 1)
    for size in (0, 5, 100, 4096, 100000, -1):
        yield "truncate", (size,)
    for how in (os.F_OK, os.R_OK, os.W_OK, os.X_OK, os.R_OK | os.W_OK):
        yield "access", (how,)
    yield "setxattr", ("user.test", b"value")
    yield "setxattr", ("user.test", b"value", os.XATTR_REPLACE)
    yield "setxattr", ("user.test", b"")
    yield "getxattr", ("user.test",)
    yield "listxattr", ()
    yield "removexattr", ("user.test",)
    yield "symlink_at", ()


ACCESS = [os.O_RDONLY, os.O_WRONLY, os.O_RDWR]
OPEN = [0, os.O_CREAT, os.O_CREAT | os.O_EXCL, os.O_TRUNC, os.O_CREAT | os.O_TRUNC, os.O_APPEND,
        os.O_DIRECTORY, os.O_NOFOLLOW, os.O_CREAT | os.O_NOFOLLOW, os.O_CREAT | os.O_DIRECTORY,
        os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, os.O_SYNC | os.O_CREAT, os.O_NOFOLLOW | os.O_DIRECTORY]


LOOKS = ("stat", "lstat", "list", "scan", "readlink", "access", "getxattr", "listxattr")


def every_call(pair):
    furnish(pair)
    for kind in KINDS:
        for name, arguments in one_path(pair):
            if name == "symlink_at":
                answer = pair("symlink", "target", kind)
            else:
                answer = pair(name, kind, *arguments)
            if answer[0] == "is" and name not in LOOKS:
                picture(pair)
                furnish(pair)
        picture(pair)
        for access, flags in itertools.product(ACCESS, OPEN):
            if pair("open", 1, kind, access | flags, 0o640)[0] == "is":
                pair("fstat", 1)
                pair("write", 1, b"ab")
                pair("read", 1, 20)
                pair("pread", 1, 20, 0)
                pair("ftruncate", 1, 3)
                pair("seek", 1, 0, os.SEEK_END)
                pair("fchmod", 1, 0o604)
                pair("close", 1)
                picture(pair)
                furnish(pair)


def two_paths(pair):
    kinds = [k for k in KINDS if k not in ("two\nlines", "todir/x", "dir/..")]
    furnish(pair)
    for old, new in itertools.product(kinds, kinds):
        for call in (("rename", old, new), ("rename", old, new, NOREPLACE),
                     ("rename", old, new, EXCHANGE), ("link", old, new)):
            if pair(*call)[0] == "is":
                picture(pair)
                furnish(pair)
    picture(pair)
    furnish(pair)
    pair("rename", "file", "x", NOREPLACE | EXCHANGE)
    pair("rename", "file", "x", 1 << 10)
    pair("rename", "dir", "dir/below")
    pair("rename", "full", "full/inner/x")
    pair("mkdir", "full/deep")
    pair("rename", "full", "full/deep/x")
    pair("rename", "full", "dir/moved")
    pair("stat", "dir/moved/deep")
    pair("link", "file", "again")
    pair("rename", "file", "again")
    picture(pair)


def open_files(pair):
    """What is open goes on, whatever becomes of its name."""
    rw = os.O_RDWR
    furnish(pair)
    pair("open", 1, "file", rw)
    pair("unlink", "file")
    pair("fstat", 1)
    pair("pread", 1, 20, 0)
    pair("pwrite", 1, b"after", 8)
    pair("fstat", 1)
    pair("ftruncate", 1, 4)
    pair("pread", 1, 20, 0)
    pair("fchmod", 1, 0o600)
    pair("fstat", 1)
    pair("fsync", 1)
    pair("open", 2, "file", rw | os.O_CREAT | os.O_EXCL)
    pair("fstat", 2)
    pair("rename", "file", "full/inner")
    pair("write", 2, b"new")
    pair("content", "full/inner")
    pair("rename", "full", "elsewhere")
    pair("write", 2, b"er")
    pair("fstat", 2)
    picture(pair)
    pair("rename", "elsewhere/inner", "dir")
    pair("rmdir", "dir")
    pair("rename", "elsewhere/inner", "dir")
    pair("pwrite", 2, b"!", 100)
    picture(pair)
    # a file that replaces an open one
    furnish(pair)
    pair("open", 1, "file", rw)
    pair("open", 2, "new", rw | os.O_CREAT)
    pair("write", 2, b"replacement")
    pair("rename", "new", "file")
    pair("fstat", 1)
    pair("fstat", 2)
    pair("pread", 1, 50, 0)
    pair("pread", 2, 50, 0)
    pair("content", "file")
    # links
    furnish(pair)
    pair("link", "file", "one")
    pair("link", "file", "dir/two")
    pair("stat", "one")
    pair("same_inode", "one", "dir/two")
    pair("open", 1, "one", rw)
    pair("pwrite", 1, b"XY", 2)
    pair("content", "dir/two")
    pair("unlink", "file")
    pair("fstat", 1)
    pair("unlink", "one")
    pair("pwrite", 1, b"Z", 9)
    pair("content", "dir/two")
    pair("stat", "dir/two")
    pair("unlink", "dir/two")
    pair("fstat", 1)
    # O_APPEND by two
    furnish(pair)
    pair("open", 1, "file", os.O_WRONLY | os.O_APPEND)
    pair("open", 2, "file", os.O_WRONLY | os.O_APPEND)
    for i in range(10):
        pair("write", 1 + i % 2, b"%d-" % i)
    pair("content", "file")
    pair("seek", 1, 0, os.SEEK_CUR)
    # a directory that is gone
    pair("open", 3, "dir", os.O_RDONLY)
    pair("rmdir", "dir")
    pair("fstat", 3)
    pair("list", "dir")
    # and closed for everyone but who has it open
    pair("open", 4, "full/inner", rw)
    pair("chmod", "full", 0)
    pair("fstat", 4)
    pair("write", 4, b"x")
    pair("chmod", "full", 0o755)
    picture(pair)


def holes(pair):
    for sparse in (False, True):
        furnish(pair)
        pair("open", 1, "file", os.O_RDWR)
        pair("ftruncate", 1, 1 << 20)
        if sparse:
            pair("pwrite", 1, b"x" * 4096, 512 << 10)
        for at in (0, 1, 4095, 4096, 512 << 10, (512 << 10) + 5000, (1 << 20) - 1, 1 << 20, 1 << 21, -1):
            pair("seek", 1, at, SEEK_DATA)
            pair("seek", 1, at, SEEK_HOLE)
            pair("seek", 1, at, os.SEEK_SET)
            pair("seek", 1, at, os.SEEK_END)
        pair("pread", 1, 1 << 20, 0)
    for mode in (0, KEEP_SIZE, PUNCH, PUNCH | KEEP_SIZE, ZERO, ZERO | KEEP_SIZE, 1 << 10):
        for at, size in ((0, 5), (5, 100), (0, 8192), (4096, 4096), (100000, 10), (0, 0), (-1, 5), (0, -5),
                         (5, 2**62)):
            if size == 2**62:
                continue  # how large a file may be is not the same
            furnish(pair)
            pair("open", 1, "file", os.O_RDWR)
            pair("pwrite", 1, b"y" * 9000, 0)
            pair("fallocate", 1, mode, at, size)
            pair("fstat", 1)
            pair("pread", 1, 200000, 0)
    furnish(pair)
    pair("open", 1, "file", os.O_RDONLY)
    pair("fallocate", 1, 0, 0, 10)
    pair("ftruncate", 1, 5)
    pair("write", 1, b"x")
    pair("open", 2, "dir", os.O_RDONLY)
    pair("read", 2, 5)
    pair("fallocate", 2, 0, 0, 10)
    pair("fsync", 2)
    pair("ftruncate", 2, 0)
    pair("open", 2, "copy", os.O_RDWR | os.O_CREAT)
    pair("copy_range", 1, 2, 7)
    pair("content", "copy")


def maps_and_locks(pair):
    furnish(pair)
    pair("open", 1, "file", os.O_RDWR)
    pair("mapped", 1, 3, b"mapped")
    pair("content", "file")
    pair("ftruncate", 1, 10000)
    pair("mapped", 1, 9000, b"far")
    pair("content", "file")
    pair("open", 2, "file", os.O_RDWR)
    pair("flock", 1, fcntl.LOCK_EX)
    pair("flock", 2, fcntl.LOCK_EX)
    pair("flock", 2, fcntl.LOCK_SH)
    pair("flock", 1, fcntl.LOCK_UN)
    pair("flock", 2, fcntl.LOCK_SH)
    pair("flock", 1, fcntl.LOCK_SH)
    pair("lockf", 1, fcntl.LOCK_EX, 10, 0)
    pair("lockf", 1, fcntl.LOCK_UN, 10, 0)
    pair("open", 2, "file", os.O_RDONLY)
    pair("lockf", 2, fcntl.LOCK_EX, 10, 0)
    pair("statvfs_names", ".")


def attributes(pair):
    for key in ("user.a", "trusted.a", "security.a", "system.posix_acl_access", "nonsense", "user.", ""):
        furnish(pair)
        # Those of other kinds the disk's file system has, and this one not.
        if key.startswith(("trusted", "security", "system")):
            continue
        for flags in (os.XATTR_CREATE, 0, os.XATTR_CREATE, os.XATTR_REPLACE):
            pair("setxattr", "file", key, b"1" * 100, flags)
        pair("getxattr", "file", key)
        pair("listxattr", "file")
        pair("setxattr", "dir", key, b"on a directory")
        pair("getxattr", "dir", key)
        pair("link", "file", "again")
        pair("getxattr", "again", key)
        pair("rename", "again", "moved")
        pair("getxattr", "moved", key)
        pair("removexattr", "file", key)
        pair("removexattr", "file", key)
    furnish(pair)
    for mode in (0o777, 0, 0o123, 0o1644):
        pair("chmod", "file", mode)
        pair("stat", "file")
        pair("open", 1, "file", os.O_RDWR)
        pair("chmod", "dir", mode)
        pair("stat", "dir")
        pair("open", 1, "dir/made", os.O_CREAT | os.O_RDWR)
        pair("list", "dir")
    os.umask(0)
    for mode in (0o777, 0o666, 0o000, 0o421, 0o1777):
        furnish(pair)
        pair("open", 1, "new", os.O_CREAT | os.O_RDWR, mode)
        pair("write", 1, b"x")
        pair("mkdir", "newdir", mode)
        pair("mknod", "newnod", stat.S_IFREG | mode)
        picture(pair)
    os.umask(0o022)
    furnish(pair)
    pair("chmod", "dir", 0o2775)
    pair("mkdir", "dir/sub")
    pair("open", 1, "dir/f", os.O_CREAT | os.O_RDWR)
    picture(pair)


def names_of_all_kinds(pair):
    pair.empty()
    for i in list(range(1, 256)):
        if i in (0x2F, 0x2E):
            continue
        name = os.fsdecode(b"n" + bytes([i]))
        pair("open", 0, name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    pair("list", ".")
    pair.empty()
    path = ""
    for i in range(40):
        path = f"{path}/{LONG[:200]}" if path else LONG[:200]
        if pair("mkdir", path)[0] != "is":
            break
    pair.empty()
    for i in range(300):
        pair("mkdir", f"d{i}")
    pair("list", ".")
    pair("lstat", ".")


def moments(pair):
    """What sets a time to now, and what leaves it."""
    old = 10**18
    for call in (("content", "file"), ("truncate", "file", 3), ("chmod", "file", 0o600),
                 ("link", "file", "l"), ("rename", "file", "r"), ("stat", "file")):
        furnish(pair)
        pair("utime", "file", old, old)
        pair("utime", "dir", old, old)
        pair(*call)
        name = "r" if call[0] == "rename" else "file"
        for side in pair.sides:
            side.now = os.lstat(side.path(name)).st_mtime_ns != old
        pair.calls += 1
        if pair.sides[0].now != pair.sides[1].now:
            pair.differ += 1
            print(f"mtime after {call}: {[side.now for side in pair.sides]}")
    for call in (("mkdir", "dir/x"), ("open", 1, "dir/x", os.O_CREAT | os.O_WRONLY),
                 ("symlink", "t", "dir/x"), ("rename", "file", "dir/x"), ("link", "file", "dir/x")):
        furnish(pair)
        pair("utime", "dir", old, old)
        pair(*call)
        now = [os.lstat(side.path("dir")).st_mtime_ns != old for side in pair.sides]
        pair.calls += 1
        if now != [True, True]:
            pair.differ += 1
            print(f"mtime of dir after {call}: {now}")


def at_random(pair, rng, steps):
    furnish(pair)
    names = ["a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "e/f", "e/f/a", "file", "dir", "full",
             "full/inner", "tofile", "todir/a", "dangling"]
    name = lambda: rng.choice(names)
    slot = lambda: rng.randrange(4)
    size = lambda: rng.choice([0, 1, 10, 4095, 4096, 4097, 70000, rng.randrange(200000)])
    data = lambda: bytes([rng.randrange(256)]) * (size() or 1)
    calls = [
        lambda: ("open", slot(), name(), rng.choice(ACCESS) | rng.choice(OPEN), rng.choice([0o644, 0o600, 0o777])),
        lambda: ("open", slot(), name(), os.O_RDWR | os.O_CREAT),
        lambda: ("open", slot(), name(), os.O_RDWR | os.O_CREAT | os.O_TRUNC),
        lambda: ("close", slot()),
        lambda: ("pwrite", slot(), data(), size()),
        lambda: ("write", slot(), data()),
        lambda: ("pread", slot(), size(), size()),
        lambda: ("read", slot(), size()),
        lambda: ("seek", slot(), size(), rng.choice([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END, SEEK_DATA, SEEK_HOLE])),
        lambda: ("ftruncate", slot(), size()),
        lambda: ("truncate", name(), size()),
        lambda: ("fallocate", slot(), rng.choice([0, KEEP_SIZE, PUNCH | KEEP_SIZE, ZERO]), size(), size() + 1),
        lambda: ("fstat", slot()),
        lambda: ("stat", name()),
        lambda: ("lstat", name()),
        lambda: ("list", rng.choice([".", "d", "e", "e/f", "dir", "full"])),
        lambda: ("mkdir", name()),
        lambda: ("rmdir", name()),
        lambda: ("unlink", name()),
        lambda: ("rename", name(), name()),
        lambda: ("rename", name(), name(), rng.choice([NOREPLACE, EXCHANGE])),
        lambda: ("link", name(), name()),
        lambda: ("symlink", rng.choice(names), name()),
        lambda: ("readlink", name()),
        lambda: ("chmod", name(), rng.choice([0o644, 0o600, 0o755])),
        lambda: ("utime", name(), rng.randrange(10**18), rng.randrange(10**18)),
        lambda: ("setxattr", name(), "user." + rng.choice("xyz"), data()[:50]),
        lambda: ("getxattr", name(), "user." + rng.choice("xyz")),
        lambda: ("listxattr", name()),
        lambda: ("fsync", slot()),
        lambda: ("content", name()),
        lambda: ("mapped", slot(), 0, b"m"),
        lambda: ("same_inode", name(), name()),
    ]
    for i in range(steps):
        before = pair.differ
        pair(*rng.choice(calls)())
        if i % 50 == 0:
            picture(pair)
        if pair.differ != before:
            print(f"at step {i}")
        if pair.differ > 20:
            return


def main():
    arguments = [a for a in sys.argv[1:] if a != "--random"]
    checked, reference = arguments[:2]
    seed = int(arguments[2]) if len(arguments) > 2 else random.randrange(1 << 30)
    steps = int(arguments[3]) if len(arguments) > 3 else 2000
    pair = Pair(checked, reference)
    os.umask(0o022)
    parts = (every_call, two_paths, open_files, holes, maps_and_locks, attributes,
             names_of_all_kinds, moments)
    for part in parts if "--random" not in sys.argv else ():
        before = pair.differ
        part(pair)
        if pair.differ != before:
            print(f"in {part.__name__}: {pair.differ - before}")
    at_random(pair, random.Random(seed), steps)
    pair.empty()
    print(f"{pair.calls} calls, {pair.differ} differ, seed {seed}")
    return 1 if pair.differ else 0


sys.exit(main())
