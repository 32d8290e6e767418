//! Locks and threads of the C library, on which those of C++ are built.

use crate::variables::pretty::object::{Found, Object, damaged};
use crate::variables::value::{Value, ValueKind};

fn said(object: &Object<'_, '_, '_, '_>, text: impl Into<String>) -> Value {
    Value::leaf(ValueKind::Enum, text, object.place.origin())
}

/// `pthread_mutex_t` of glibc: who holds it.
///
/// `__lock` is zero when nobody does, and `__count` says how often a recursive
/// one was locked (`sysdeps/nptl/bits/struct_mutex.h`,
/// `nptl/pthread_mutex_lock.c`).
pub(super) fn mutex(object: &Object<'_, '_, '_, '_>) -> Found<Value> {
    let data = object.member("__data")?;
    let (lock, owner) = (data.word("__lock")?, data.word("__owner")?);
    let (count, kind) = (data.word("__count")?, data.word("__kind")?);
    // Without the bits for robust ones and priorities, there are four kinds
    // (`PTHREAD_MUTEX_KIND_MASK_NP`); one more bit is set for lock elision.
    if kind & !0x3ff != 0 {
        return damaged(format!("its kind is {kind:#x}"));
    }
    let is_recursive = kind & 3 == 1;
    let mut text = match (lock, owner) {
        (0, _) => return Ok(said(object, "unlocked")),
        (_, 0) => "locked".to_owned(),
        (_, owner) => format!("locked by thread {owner}"),
    };
    if is_recursive && count > 1 {
        text.push_str(&format!(", {count} times"));
    }
    Ok(said(object, text))
}

/// `pthread_rwlock_t` of glibc: who reads or writes.
///
/// `__readers` counts readers from bit 3 on; bit 0 says that a writer's turn
/// it is, and bit 1 that a writer holds or wants the lock
/// (`nptl/pthread_rwlock_common.c`).
pub(super) fn read_write_lock(object: &Object<'_, '_, '_, '_>) -> Found<Value> {
    let data = object.member("__data")?;
    let (readers, writer) = (data.word("__readers")?, data.word("__cur_writer")?);
    let text = match (writer, readers >> 3, readers & 3) {
        (0, 0, 0b11) => "locked for writing".to_owned(),
        (0, 0, _) => "unlocked".to_owned(),
        (0, 1, _) => "locked by 1 reader".to_owned(),
        (0, readers, _) => format!("locked by {readers} readers"),
        (writer, ..) => format!("locked by thread {writer} for writing"),
    };
    Ok(said(object, text))
}

/// `pthread_cond_t` of glibc: how many wait. `__wrefs` counts them from bit 3 on
/// (`nptl/pthread_cond_wait.c`).
pub(super) fn condition(object: &Object<'_, '_, '_, '_>) -> Found<Value> {
    let waiters = object.member("__data")?.word("__wrefs")? >> 3;
    let text = match waiters {
        0 => "nobody waits".to_owned(),
        1 => "1 thread waits".to_owned(),
        waiters => format!("{waiters} threads wait"),
    };
    Ok(said(object, text))
}

/// `pthread_t`: the address of the thread's own block, which is what its thread
/// pointer holds.
pub(super) fn thread(object: &Object<'_, '_, '_, '_>, handle: u64) -> Value {
    let process = object.reading.context.process;
    let pointer = process.arch.thread_pointer_index();
    let is_it = |thread: &&crate::dump::process::Thread| {
        let registers = thread.registers.as_ref();
        registers.is_some_and(|it| it.word(pointer) == Some(handle))
    };
    // Elsewhere the descriptor lies at a distance that only its library knows.
    if handle != 0 && !process.arch.has_tls_below_pointer() {
        let mut value = said(object, format!("{handle:#x}"));
        value.raw = Some(handle);
        return value;
    }
    let mut value = match (handle, process.threads.iter().find(is_it)) {
        (0, _) => said(object, "no thread"),
        (_, Some(thread)) => said(object, format!("thread {}", thread.tid)),
        (_, None) => said(object, format!("{handle:#x}, none of the threads that are left")),
    };
    value.raw = Some(handle);
    value
}

/// A guard of a mutex: what it guards, and whether it holds the lock.
pub(super) fn guard(object: &Object<'_, '_, '_, '_>, mutex: Option<Value>, owns: bool) -> Value {
    let Some(mutex) = mutex else { return said(object, "no mutex") };
    let text = match owns {
        true => mutex.text.clone(),
        false => format!("not held here, {}", mutex.text),
    };
    let mut value = said(object, text);
    value.fields.push(("mutex".to_owned(), mutex));
    value
}
