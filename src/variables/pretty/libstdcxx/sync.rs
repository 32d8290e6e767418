//! Locks, atomics and threads of GNU's C++ library.

use crate::variables::pretty::locks::{self, condition, guard, read_write_lock};
use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::atomic", print: atomic },
    Template { name: "std::atomic_flag", print: atomic },
    Template { name: "std::mutex", print: mutex },
    Template { name: "std::recursive_mutex", print: mutex },
    Template { name: "std::timed_mutex", print: mutex },
    Template { name: "std::recursive_timed_mutex", print: mutex },
    Template { name: "std::shared_mutex", print: shared_mutex },
    Template { name: "std::shared_timed_mutex", print: shared_mutex },
    Template { name: "std::lock_guard", print: lock_guard },
    Template { name: "std::scoped_lock", print: scoped_lock },
    Template { name: "std::unique_lock", print: unique_lock },
    Template { name: "std::shared_lock", print: shared_lock },
    Template { name: "std::condition_variable", print: condition_variable },
    Template { name: "std::thread", print: thread },
    Template { name: "std::jthread", print: thread },
    Template { name: "std::thread::id", print: thread },
];

/// Integers, pointers and flags are in bases or members that share the work.
fn atomic(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let inner = object.any_member(&["_M_base", "_M_b"]).unwrap_or_else(|_| object.clone());
    Ok(inner.any_member(&["_M_i", "_M_p", "_M_fp"])?.value(level))
}

fn mutex(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    locks::mutex(&object.member("_M_mutex")?)
}

fn shared_mutex(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    read_write_lock(
        &object.member("_M_impl").unwrap_or_else(|_| object.clone()).member("_M_rwlock")?,
    )
}

fn lock_guard(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let mutex = object.member("_M_device")?.pointee()?;
    Ok(guard(object, Some(mutex.value(level)), true))
}

/// Of one mutex, a reference; of several, a tuple of them.
fn scoped_lock(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    match object.member("_M_device") {
        Ok(_) => lock_guard(object, level),
        Err(Failure::NewLayout) => Ok(object.member("_M_devices")?.value(level)),
        Err(failure) => Err(failure),
    }
}

fn unique_lock(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    held(object, "_M_device", level)
}

fn shared_lock(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    held(object, "_M_pm", level)
}

fn held(object: &Object<'_, '_, '_, '_>, name: &str, level: Level) -> Found<Value> {
    let (of, at) = object.member(name)?.target()?;
    let owns = object.flag("_M_owns")?;
    let mutex = (at.0 != 0).then(|| object.at(of, at).value(level));
    Ok(guard(object, mutex, owns))
}

/// A condition of the C library. clang only declares the class, whose code is in
/// the library.
fn condition_variable(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    if object.is_declared() {
        let of = object.type_named("pthread_cond_t").ok_or(Failure::NewLayout)?;
        return condition(&object.seen_as(Some(of)));
    }
    let inner = object.member("_M_cond")?;
    // Since gcc 12 in a class of its own.
    condition(&inner.member("_M_cond").unwrap_or(inner))
}

fn thread(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let object = match object.member("_M_id") {
        Ok(id) => id,
        // A joining thread has a thread; an id is one itself.
        Err(_) => object.path(&["_M_thread", "_M_id"]).unwrap_or_else(|_| object.clone()),
    };
    Ok(locks::thread(&object, object.word("_M_thread")?))
}
