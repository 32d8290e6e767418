//! Rust's standard library. Layouts were read with rustc 1.95; the compiler
//! orders members as it likes, so all are found by name. A type whose members
//! have other names is of a version that is new to us, and is shown as the
//! structure that it is.

mod btrees;
mod cells;
mod errors;
mod futures;
mod hash_tables;
mod net;
mod object;
mod pointers;
mod ranges;
mod sequences;
mod sync;
mod text;
mod time;
mod trait_objects;
mod wide;

use self::object::Object;
use super::Printer;
use crate::symbols::types::Type;
use crate::variables::place::Place;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// How values of one type of the library are read.
type Print =
    for<'o, 'r, 'c, 'a, 'f> fn(&Object<'o, 'r, 'c, 'a, 'f>, Level) -> Result<Value, String>;

/// One type of the library.
struct Std {
    /// Its name; `|` stands between the names that it had in other versions.
    names: &'static str,
    print: Print,
}

const fn of(names: &'static str, print: Print) -> Std {
    Std { names, print }
}

/// Every type of the library that has a printer.
const TYPES: &[Std] = &[
    of("alloc::string::String", text::buffer),
    of("std::path::PathBuf", text::buffer),
    of("std::ffi::os_str::OsString", text::buffer),
    of("alloc::ffi::c_str::CString", text::c_string),
    of("alloc::vec::Vec", sequences::vector),
    of("alloc::collections::vec_deque::VecDeque", sequences::deque),
    of("alloc::collections::linked_list::LinkedList", sequences::linked_list),
    of("alloc::collections::binary_heap::BinaryHeap", sequences::heap),
    of("alloc::vec::into_iter::IntoIter", sequences::into_iter),
    of("core::slice::iter::Iter|core::slice::iter::IterMut", sequences::slice_iter),
    of("std::collections::hash::map::HashMap|hashbrown::map::HashMap", hash_tables::map),
    of("std::collections::hash::set::HashSet|hashbrown::set::HashSet", hash_tables::set),
    of("alloc::collections::btree::map::BTreeMap", btrees::map),
    of("alloc::collections::btree::set::BTreeSet", btrees::set),
    of("alloc::rc::Rc|alloc::sync::Arc", pointers::shared),
    of("alloc::rc::Weak|alloc::sync::Weak", pointers::weak),
    of("core::pin::Pin|core::ptr::unique::Unique|alloc::boxed::Box", cells::wrapper),
    of("core::ptr::non_null::NonNull", cells::wrapper),
    of("core::cell::Cell|core::cell::UnsafeCell|core::cell::SyncUnsafeCell", cells::wrapper),
    of("core::num::wrapping::Wrapping|core::num::saturating::Saturating", cells::wrapper),
    of("core::mem::manually_drop::ManuallyDrop", cells::wrapper),
    of("core::mem::maybe_dangling::MaybeDangling", cells::wrapper),
    of("core::mem::maybe_uninit::MaybeUninit", cells::maybe_uninit),
    of("core::num::nonzero::NonZero", cells::non_zero),
    of("core::sync::atomic::AtomicBool", cells::atomic_bool),
    of("core::sync::atomic::Atomic|core::sync::atomic::AtomicPtr", cells::wrapper),
    of("core::sync::atomic::AtomicU8|core::sync::atomic::AtomicI8", cells::wrapper),
    of("core::sync::atomic::AtomicU16|core::sync::atomic::AtomicI16", cells::wrapper),
    of("core::sync::atomic::AtomicU32|core::sync::atomic::AtomicI32", cells::wrapper),
    of("core::sync::atomic::AtomicU64|core::sync::atomic::AtomicI64", cells::wrapper),
    of("core::sync::atomic::AtomicUsize|core::sync::atomic::AtomicIsize", cells::wrapper),
    of("core::cell::RefCell", cells::ref_cell),
    of("core::cell::Ref|core::cell::RefMut", pointers::guard),
    of("core::cell::once::OnceCell|core::cell::lazy::LazyCell", cells::once_cell),
    of("std::sync::once_lock::OnceLock", sync::once_lock),
    of("std::sync::lazy_lock::LazyLock", sync::lazy_lock),
    of("std::sync::poison::mutex::Mutex|std::sync::nonpoison::mutex::Mutex", sync::mutex),
    of("std::sync::mutex::Mutex", sync::mutex),
    of("std::sync::poison::rwlock::RwLock|std::sync::nonpoison::rwlock::RwLock", sync::rw_lock),
    of("std::sync::rwlock::RwLock", sync::rw_lock),
    of("std::sync::poison::mutex::MutexGuard|std::sync::nonpoison::mutex::MutexGuard", sync::guard),
    of("std::sync::mutex::MutexGuard|std::sync::rwlock::RwLockWriteGuard", sync::guard),
    of("std::sync::poison::rwlock::RwLockWriteGuard", sync::guard),
    of("std::sync::nonpoison::rwlock::RwLockWriteGuard", sync::guard),
    of("std::sync::poison::rwlock::RwLockReadGuard", sync::guard),
    of("std::sync::nonpoison::rwlock::RwLockReadGuard", sync::guard),
    of("std::sync::rwlock::RwLockReadGuard", sync::guard),
    of("std::thread::id::ThreadId|std::thread::ThreadId", sync::thread_id),
    of("std::thread::thread::Thread|std::thread::Thread", sync::thread),
    of("std::thread::join_handle::JoinHandle|std::thread::JoinHandle", sync::join_handle),
    of("std::io::error::Error", errors::io_error),
    of("core::time::Duration", time::duration),
    of("std::time::Instant", time::instant),
    of("std::time::SystemTime", time::system_time),
    of("core::ops::range::Range|core::range::Range", ranges::range),
    of("core::ops::range::RangeInclusive|core::range::RangeInclusive", ranges::inclusive),
    of("core::ops::range::RangeFrom|core::range::RangeFrom", ranges::from),
    of("core::ops::range::RangeTo|core::ops::range::RangeToInclusive", ranges::to),
    of("core::ops::range::RangeFull", ranges::full),
    of("core::net::ip_addr::Ipv4Addr|core::net::ip_addr::Ipv6Addr", net::address),
    of("core::net::socket_addr::SocketAddrV4", net::socket_address),
    of("core::net::socket_addr::SocketAddrV6", net::socket_address),
    of("core::net::ip_addr::IpAddr|core::net::socket_addr::SocketAddr", net::either),
];

/// Types that are told by their members, since their names differ.
const UNNAMED: &[Unnamed] = &[
    // `&str`, `Box<[T]>`, `*const dyn Trait`
    Unnamed { name: "wide pointer", matches: wide::is_wide, print: wide::pointer },
    Unnamed { name: "future", matches: futures::is_future, print: futures::future },
];

/// A kind of types that are told by their members.
struct Unnamed {
    #[cfg_attr(not(test), expect(dead_code, reason = "a table is read by people, too"))]
    name: &'static str,
    matches: fn(&Type<'_, '_>) -> bool,
    print: Print,
}

/// Every printer of Rust's library.
pub(super) fn printers() -> impl Iterator<Item = &'static dyn Printer> {
    let unnamed = UNNAMED.iter().map(|known| known as &dyn Printer);
    unnamed.chain(TYPES.iter().map(|known| known as &dyn Printer))
}

impl Printer for Unnamed {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        self.name
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        (self.matches)(of)
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        printed(self.print, &Object::new(reading, of, place), level)
    }
}

impl Printer for Std {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        self.names
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        self.names.split('|').any(|name| super::is_instance(of, name))
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        printed(self.print, &Object::new(reading, of, place), level)
    }
}

/// What a printer says. The debug information does not tell that a variable was
/// moved away or has no value yet: that its memory makes no sense is then no
/// damage.
fn printed(
    print: Print,
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let (why, value) = match print(object, level) {
        Ok(value) if value.is_known() => return Ok(value),
        Ok(value) => (value.why_unknown.clone().unwrap_or_default(), Some(value)),
        Err(why) => (why, None),
    };
    if why.starts_with("damaged") && object.reading.is_outermost() {
        return Err(format!("{why}; or it was moved, or is not set yet"));
    }
    value.ok_or(why)
}
