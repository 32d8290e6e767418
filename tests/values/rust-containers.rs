// What Rust's standard library keeps values in.
//
// expect: signal SIGABRT
// expect: value containers.deque=[2, 3, 4, 5]
// expect: value containers.straight=[1, 2, 3]
// expect: value containers.list=[1, 2, 3]
// expect: value containers.no_list=[]
// expect: value containers.map={"one": 1}
// expect: value containers.no_map={}
// expect: value containers.set=[7]
// expect: value containers.units=[()]
// expect: value containers.many contains " more}"
// expect: value containers.low={1: "a", 2: "b"}
// expect: value containers.high contains "{0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 10, 6: 12, 7: 14, 8: 16, 9: 18, 10: 20, 11: 22, 12: 24, 13: 26, 14: 28, 15: 30, "
// expect: value containers.high contains " more}"
// expect: value containers.no_tree={}
// expect: value containers.letters=['e', 'h', 'l', 'o']
// expect: value containers.heap=[5, 1, 2]
// expect: value containers.rest=[2, 3] left
// expect: value containers.seen=[2, 3] left
// expect: value containers.slice=[1, 2, 3] (strong 1, weak 0)
// expect: value containers.nothing=[(), (), ()]
// expect: value cells.cell=5
// expect: value cells.free=[1]
// expect: value cells.taken=2 (mutably borrowed)
// expect: value cells.writing=2
// expect: value cells.seen=3 (borrowed 2 times)
// expect: value cells.reading=3
// expect: value cells.part="part"
// expect: value cells.shared=[1, 2] (strong 2, weak 1)
// expect: value cells.watching=[1, 2] (strong 2, weak 1)
// expect: value cells.gone=(dropped) (strong 0, weak 1)
// expect: value cells.never=(dangling)
// expect: value cells.atomic=-4
// expect: value cells.flag=true
// expect: value cells.pointer=null
// expect: value cells.set_once=3
// expect: value cells.not_set=(not initialized)
// expect: value cells.lazy=42
// expect: value cells.lazy_cell=(not initialized)
// expect: value cells.wrapping=250
// expect: value cells.non_zero=5
// expect: value cells.no_zero=None
// expect: value cells.manual=5
// expect: value cells.maybe=5 (if initialized)
// expect: value cells.reverse=(1)
// expect: value cells.marker={id: 7}
// expect: value locks.mutex="m" (locked)
// expect: value locks.guard="m"
// expect: value locks.open=1
// expect: value locks.poisoned=2 (poisoned)
// expect: value locks.read=4 (locked by a reader)
// expect: value locks.reader=4
// expect: value locks.written=5 (locked by a writer)
// expect: value locks.writer=5
// expect: value locks.table={"k": "v"} (locked)
// expect: value locks.table_guard={"k": "v"}
// expect: value locks.arc=[9] (strong 2, weak 0)
// expect: value locks.once="x"
// expect: value locks.not_once=(not initialized)
// expect: value locks.id contains "ThreadId("
// expect: value locks.thread contains "Thread "worker" (id "
// expect: value locks.handle contains "Thread "worker" (id "
// expect: value texts.text="arcstr" (strong 1, weak 0)
// expect: value texts.rc_text="rc" (strong 1, weak 0)
// expect: value texts.borrowed=Borrowed("cow")
// expect: value texts.owned=Owned("cow")
// expect: value texts.buffer="/tmp/x"
// expect: value texts.path="/tmp"
// expect: value texts.boxed_path="/b"
// expect: value texts.os_buffer="os"
// expect: value texts.os="oss"
// expect: value texts.c_buffer="cs"
// expect: value texts.c="cst"
// expect: value texts.bytes="\xff\xfe"
// expect: value texts.bytes_box=[255, 254]
// expect: value texts.words=Some(["a"])
// expect: value texts.missing=Os(2)
// expect: value texts.kind=Simple(TimedOut)
// expect: value texts.custom contains "Custom {kind: Other, error: "
// expect: value texts.invalid contains "SimpleMessage {kind: InvalidInput, message: "
// expect: value plain.duration=1.5s
// expect: value plain.short=250ns
// expect: value plain.instant contains "s (monotonic clock)"
// expect: value plain.time=2001-09-09 01:46:40.000000005 UTC
// expect: value plain.before=1969-12-31 23:59:59.000000000 UTC
// expect: value plain.range=1..5
// expect: value plain.inclusive=1..=5
// expect: value plain.used=5..=5 (exhausted)
// expect: value plain.from=3..
// expect: value plain.to='a'..
// expect: value plain.below=..4
// expect: value plain.up_to=..=4
// expect: value plain.all=..
// expect: value plain.ip=127.0.0.1
// expect: value plain.ip6=::1
// expect: value plain.socket=127.0.0.1:80
// expect: value plain.socket6=[2001:db8::1]:443
// expect: value plain.pinned=5
// expect: value plain.non_null contains "-> 5"
// expect: value plain.closure={number: 5, text: "cap"}
// expect: value plain.by_reference={number: 5}
// expect: value plain.function contains "plain>"
// expect: value plain.unit=rust_containers::Unit
// expect: value plain.large=340282366920938463463374607431768211455
// expect: value plain.order=Less
use std::borrow::Cow;
use std::cell::{Cell, LazyCell, OnceCell, Ref, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::io::{Error, ErrorKind};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZero, Wrapping};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

type Fixed = BuildHasherDefault<DefaultHasher>;

static LAZY: LazyLock<u32> = LazyLock::new(|| 42);

struct Marker<T> {
    id: u32,
    kind: PhantomData<T>,
}

#[derive(Debug)]
struct Unit;

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unit")
    }
}

impl std::error::Error for Unit {}

#[inline(never)]
fn containers() {
    // Of four slots, the ring begins in the third one.
    let mut deque = VecDeque::with_capacity(4);
    deque.extend([0, 1, 2, 3]);
    deque.drain(..2);
    deque.extend([4, 5]);
    let straight = VecDeque::from([1, 2, 3]);
    let list = LinkedList::from([1u8, 2, 3]);
    let no_list: LinkedList<u8> = LinkedList::new();
    let map = HashMap::from([("one", 1)]);
    let no_map: HashMap<u8, u8> = HashMap::new();
    let set: HashSet<i32, Fixed> = HashSet::from_iter([7]);
    let units = HashSet::from([()]);
    let many: HashMap<u64, u64, Fixed> = (0..1000).map(|n| (n, n)).collect();
    let low = BTreeMap::from([(1, "a"), (2, "b")]);
    let high: BTreeMap<i32, i64> = (0..1000).map(|n| (n, i64::from(n) * 2)).collect();
    let no_tree: BTreeMap<i32, i32> = BTreeMap::new();
    let letters: BTreeSet<char> = "hello".chars().collect();
    let heap = BinaryHeap::from([1, 5, 2]);
    let mut rest = vec![1, 2, 3].into_iter();
    let array = [1, 2, 3];
    let mut seen = array.iter();
    black_box((rest.next(), seen.next()));
    let slice: Arc<[i32]> = Arc::new([1, 2, 3]);
    let nothing = VecDeque::from([(), (), ()]);
    black_box((&deque, &straight, &list, &no_list, &map, &no_map, &set, &units, &many, &low));
    black_box((&high, &no_tree, &letters, &heap, &rest, &seen, &slice, &nothing));
    cells();
    black_box((deque, straight, list, no_list, map, no_map, set, units, many, low));
    black_box((high, no_tree, letters, heap, rest, seen, slice, nothing));
}

#[inline(never)]
fn cells() {
    let cell = Cell::new(5);
    let free = RefCell::new(vec![1]);
    let taken = RefCell::new(2);
    let writing = taken.borrow_mut();
    let seen = RefCell::new(3);
    let reading = seen.borrow();
    let again = seen.borrow();
    let whole = RefCell::new((1, "part"));
    let part = Ref::map(whole.borrow(), |whole| &whole.1);
    let shared = Rc::new(RefCell::new(vec![1, 2]));
    let other = Rc::clone(&shared);
    let watching = Rc::downgrade(&shared);
    let gone = Rc::downgrade(&Rc::new(5));
    let never: Weak<i32> = Weak::new();
    let atomic = AtomicI32::new(-4);
    let flag = AtomicBool::new(true);
    let pointer: AtomicPtr<u8> = AtomicPtr::default();
    let set_once = OnceCell::from(3);
    let not_set: OnceCell<i32> = OnceCell::new();
    let lazy = &LAZY;
    black_box(**lazy);
    let lazy_cell = LazyCell::new(|| 1);
    let wrapping = Wrapping(250u8);
    let non_zero = NonZero::new(5u8);
    let non_zero = black_box(non_zero).unwrap_or(NonZero::<u8>::MIN);
    let no_zero = NonZero::new(0u32);
    let manual = ManuallyDrop::new(5);
    let maybe = MaybeUninit::new(5);
    let reverse = Reverse(1);
    let marker: Marker<String> = Marker { id: 7, kind: PhantomData };
    black_box((&cell, &free, &taken, &writing, &seen, &reading, &again, &whole, &part, &shared));
    black_box((&other, &watching, &gone, &never, &atomic, &flag, &pointer, &set_once, &not_set));
    black_box((&lazy, &*black_box(&lazy_cell), &wrapping, &non_zero, &no_zero, &manual, &maybe));
    black_box((&reverse, &marker, &marker.kind, &marker.id));
    locks();
    black_box((writing, reading, again, part, shared, other, watching, gone));
}

#[inline(never)]
fn locks() {
    let mutex = Mutex::new(String::from("m"));
    let guard = mutex.lock();
    let open = Mutex::new(1);
    let poisoned = Arc::new(Mutex::new(2));
    let other = Arc::clone(&poisoned);
    let panicking = thread::spawn(move || {
        let _guard = other.lock();
        std::panic::resume_unwind(Box::new(()));
    });
    black_box(panicking.join().is_err());
    let poisoned = &*poisoned;
    let read = RwLock::new(4);
    let reader = read.read();
    let written = RwLock::new(5);
    let writer = written.write();
    let table = Mutex::new(HashMap::from([("k", "v")]));
    let table_guard = table.lock();
    let arc = Arc::new(Mutex::new(vec![9]));
    let second = Arc::clone(&arc);
    let once = OnceLock::from("x".to_owned());
    let not_once: OnceLock<String> = OnceLock::new();
    let (guard, reader) = (guard.unwrap(), reader.unwrap());
    let (writer, table_guard) = (writer.unwrap(), table_guard.unwrap());
    let id = thread::current().id();
    let worker = thread::Builder::new().name("worker".to_owned());
    let handle = worker.spawn(|| loop { thread::park() }).unwrap();
    let thread = handle.thread().clone();
    black_box((&mutex, &guard, &open, &poisoned, &read, &reader, &written, &writer, &table));
    black_box((&table_guard, &arc, &second, &once, &not_once, &id, &handle, &thread));
    texts();
    black_box((guard, reader, writer, table_guard, arc, second, once, not_once, handle));
}

#[inline(never)]
fn texts() {
    let text: Arc<str> = "arcstr".into();
    let rc_text: Rc<str> = "rc".into();
    let borrowed: Cow<str> = Cow::Borrowed("cow");
    let owned: Cow<str> = Cow::Owned("cow".to_owned());
    let buffer = PathBuf::from("/tmp/x");
    let path = buffer.parent().unwrap_or(Path::new(""));
    let boxed_path: Box<Path> = Path::new("/b").into();
    let os_buffer = OsString::from("os");
    let os = OsStr::new("oss");
    let c_buffer = CString::new("cs").unwrap();
    let c: &CStr = c"cst";
    let raw = vec![0xff, 0xfe];
    let bytes_box: Box<[u8]> = raw.clone().into();
    // SAFETY: on Linux, any bytes will do.
    let bytes = unsafe { OsString::from_encoded_bytes_unchecked(raw) };
    let words = Some(vec!["a"]);
    black_box((&text, &rc_text, &borrowed, &owned, &buffer, &path, &boxed_path, &os_buffer, &os));
    let missing = Error::from_raw_os_error(2);
    let kind = Error::from(ErrorKind::TimedOut);
    let custom = Error::other(Unit);
    // The standard library says so itself, in a constant.
    let invalid = CString::new("a\0b").map_err(Error::from).map(|_| ());
    let invalid = invalid.and(Ok(())).err().unwrap_or(Error::from_raw_os_error(1));
    black_box((&missing, &kind, &custom, &invalid));
    black_box((&c_buffer, &c, &bytes, &bytes_box, &words));
    plain(&5);
    black_box((text, rc_text, owned, buffer, boxed_path, os_buffer, c_buffer, bytes, words));
}

#[inline(never)]
fn plain(five: &i32) {
    let duration = Duration::from_millis(1500);
    let short = Duration::from_nanos(250);
    let instant = Instant::now();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let range = 1..5;
    let inclusive = 1..=5;
    let mut used = 5..=5;
    black_box(used.next());
    let (from, to, below, up_to, all) = (3.., 'a'.., ..4, ..=4, ..);
    let ip: IpAddr = black_box("127.0.0.1").parse().unwrap();
    let ip6: IpAddr = black_box("::1").parse().unwrap();
    let socket: SocketAddr = black_box("127.0.0.1:80").parse().unwrap();
    let socket6: SocketAddr = black_box("[2001:db8::1]:443").parse().unwrap();
    let pinned: Pin<Box<i32>> = Box::pin(*five);
    let non_null = NonNull::from(five);
    let number = *five;
    let text = String::from("cap");
    let by_reference = || black_box(&number) == &6;
    let closure = move || (number, black_box(&text).len());
    let function: fn(&i32) = plain;
    let unit = Unit;
    let large = u128::MAX;
    let order = number.cmp(&6);
    black_box((&duration, &short, &instant, &time, &before, &range, &inclusive, &used, &from));
    black_box((&to, &below, &up_to, &all, &ip, &ip6, &socket, &socket6, &pinned, &non_null));
    black_box((&closure, &by_reference, &function, &unit, &large, &order, AtomicOrder(&order)));
    black_box((closure(), by_reference(), Ordering::Relaxed));
    std::process::abort();
}

struct AtomicOrder<'a>(&'a std::cmp::Ordering);

fn main() {
    containers();
}
