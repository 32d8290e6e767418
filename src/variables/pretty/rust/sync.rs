//! Locks, with who holds them as far as they tell, and threads.

use super::cells::NOT_SET;
use super::object::{Metadata, Object, arguments, remarked};
use super::pointers::referred;
use super::text::c_text;
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// Readers of a lock that one writer has, in `sys/sync/rwlock/futex.rs`.
const WRITE_LOCKED: u64 = (1 << 30) - 1;

/// `Mutex<T>`: its value, whether it is locked, and whether it is poisoned.
pub(super) fn mutex(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let value = object.member("data")?.value(level);
    let mut remarks = Vec::new();
    // 0: free, 1: locked, 2: locked, and somebody waits.
    if let Ok(futex) = object.member("inner.futex") {
        match futex.word()? {
            0 => (),
            1 => remarks.push("locked".to_owned()),
            2 => remarks.push("locked, others wait".to_owned()),
            other => remarks.push(format!("damaged: the state of its lock is {other:#x}")),
        }
    }
    poison(object, &mut remarks)?;
    Ok(remarked(value, &remarks))
}

/// `RwLock<T>`: its value, who has locked it, and whether it is poisoned.
pub(super) fn rw_lock(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let value = object.member("data")?.value(level);
    let mut remarks = Vec::new();
    if let Ok(state) = object.member("inner.state") {
        match state.word()? & WRITE_LOCKED {
            0 => (),
            WRITE_LOCKED => remarks.push("locked by a writer".to_owned()),
            1 => remarks.push("locked by a reader".to_owned()),
            readers => remarks.push(format!("locked by {readers} readers")),
        }
    }
    poison(object, &mut remarks)?;
    Ok(remarked(value, &remarks))
}

fn poison(object: &Object<'_, '_, '_, '_, '_>, remarks: &mut Vec<String>) -> Result<(), String> {
    // Locks of `std::sync::nonpoison` have no such flag.
    if let Ok(failed) = object.member("poison.failed")
        && failed.word()? & 0xff != 0
    {
        remarks.push("poisoned".to_owned());
    }
    Ok(())
}

/// The guards of locks: what they guard.
pub(super) fn guard(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let name = arguments(&object.of.plain_name).first().copied().unwrap_or_default().to_owned();
    if object.of.member("data").is_some() {
        return referred(&object.member("data")?, &name, level);
    }
    let lock = object.member("lock")?.pointer()?;
    if lock.metadata != Metadata::None {
        return Err(NEW_LAYOUT.to_owned());
    }
    let mut value =
        Value::leaf(ValueKind::Reference, format!("@{}", lock.at), object.place.origin());
    value.raw = Some(lock.at.0);
    if level.follows {
        let data = object.other(lock.target, Place::Memory(lock.at)).member("data")?;
        let inside = data.value(level.followed());
        value.text = inside.text.clone();
        value.fields.push(("*".to_owned(), inside));
    }
    Ok(value)
}

/// `OnceLock<T>`: a value that is made once.
pub(super) fn once_lock(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    // `UnsafeCell<MaybeUninit<T>>`
    let value = object.member("value.value.value")?;
    once(object, &value, level)
}

/// `LazyLock<T>`: a value, or the function that will make it.
pub(super) fn lazy_lock(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let value = object.member("data.value.value")?;
    once(object, &value, level)
}

fn once(
    object: &Object<'_, '_, '_, '_, '_>,
    value: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let state = object.member("once")?.word()?;
    let not = |text: &str| Ok(Value::leaf(ValueKind::Optional, text, object.place.origin()));
    if !has_new_states(object) {
        // Nobody who sees the number alone can tell.
        return Ok(remarked(value.value(level), &["if initialized".to_owned()]));
    }
    // The next bit says that somebody waits.
    match state {
        0 => Ok(value.value(level)),
        1 | 5 => not("(being initialized)"),
        2 | 6 => not("(poisoned)"),
        3 | 7 => not(NOT_SET),
        other => Err(format!("damaged: its state is {other:#x}")),
    }
}

/// Whether zero means "done" in a `Once`. It did so with rustc 1.95, and meant
/// "not begun" in older libraries, without another name for anything.
fn has_new_states(object: &Object<'_, '_, '_, '_, '_>) -> bool {
    let producer = object
        .of
        .entry
        .and_then(|entry| entry.root().attributes()?.text(gimli::constants::DW_AT_producer));
    let version = producer.as_deref().and_then(rustc_version);
    version.is_some_and(|version| version >= (1, 95))
}

/// The compiler's version: 1.95 for `clang LLVM (rustc version 1.95.0 (...))`.
fn rustc_version(producer: &str) -> Option<(u32, u32)> {
    let (_, version) = producer.split_once("rustc version ")?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `ThreadId`: a number that the library counts up.
pub(super) fn thread_id(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let mut value = Value::leaf(
        ValueKind::Scalar,
        format!("ThreadId({})", object.word()?),
        object.place.origin(),
    );
    value.raw = object.word().ok();
    Ok(value)
}

/// `Thread`: its name and number.
pub(super) fn thread(object: &Object<'_, '_, '_, '_, '_>, _level: Level) -> Result<Value, String> {
    // `Pin<Arc<Inner>>`
    let pointer = object.pointer()?;
    let counted = object.other(pointer.target, Place::Memory(pointer.at));
    let inner = counted.member("data")?;
    let id = inner.member("id")?.word()?;
    let name = inner.member("name")?.payload("Some")?.map(|name| name.pointer()).transpose()?;
    let name = match name.map(|name| (name.at, name.metadata)) {
        Some((at, Metadata::Length(len))) => c_text(object, at, len)?.text,
        // The library numbers from the main thread on, which it gives no name.
        _ if id == 1 => "\"main\"".to_owned(),
        _ => "(no name)".to_owned(),
    };
    let text = format!("Thread {name} (id {id})");
    Ok(Value::leaf(ValueKind::Struct, text, object.place.origin()))
}

/// `JoinHandle<T>`: the thread that it waits for.
pub(super) fn join_handle(
    object: &Object<'_, '_, '_, '_, '_>,
    level: Level,
) -> Result<Value, String> {
    let inner = object.member("__0")?;
    Ok(inner.member("thread")?.value(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_compiler() {
        let clang = "clang LLVM (rustc version 1.95.0 (59807616e 2026-04-14))";
        assert_eq!(rustc_version(clang), Some((1, 95)));
        assert_eq!(rustc_version("clang LLVM (rustc version 1.70.0-nightly)"), Some((1, 70)));
        assert_eq!(rustc_version("GNU C17 12.2.0"), None);
    }
}
