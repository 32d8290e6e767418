//! Locks, atomics and threads of LLVM's C++ library.

use crate::variables::pretty::locks::{self, condition, guard};
use crate::variables::pretty::object::{Failure, Found, Object, Template};
use crate::variables::read::Level;
use crate::variables::value::Value;

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "std::__1::atomic", print: atomic },
    Template { name: "std::__1::atomic_flag", print: atomic },
    Template { name: "std::__1::mutex", print: mutex },
    Template { name: "std::__1::recursive_mutex", print: mutex },
    Template { name: "std::__1::lock_guard", print: lock_guard },
    Template { name: "std::__1::scoped_lock", print: scoped_lock },
    Template { name: "std::__1::unique_lock", print: unique_lock },
    Template { name: "std::__1::shared_lock", print: unique_lock },
    Template { name: "std::__1::condition_variable", print: condition_variable },
    Template { name: "std::__1::thread", print: thread },
    Template { name: "std::__1::jthread", print: joining_thread },
    Template { name: "std::__1::__thread_id", print: thread_id },
];

fn atomic(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.path(&["__a_", "__a_value"])?.value(level))
}

/// A mutex of the C library. Where the class is only declared, since its code is
/// in the library, it is no more than that.
fn mutex(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let inner = match object.is_declared() {
        true => {
            object.seen_as(Some(object.type_named("pthread_mutex_t").ok_or(Failure::NewLayout)?))
        }
        false => object.member("__m_")?,
    };
    locks::mutex(&inner)
}

fn lock_guard(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let mutex = object.member("__m_")?.pointee()?;
    Ok(guard(object, Some(mutex.value(level)), true))
}

/// Of one mutex, a reference; of several, a tuple of them.
fn scoped_lock(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    match object.member("__m_") {
        Ok(_) => lock_guard(object, level),
        Err(_) => Ok(object.any_member(&["__t_"])?.value(level)),
    }
}

fn unique_lock(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (of, at) = object.member("__m_")?.target()?;
    let owns = object.flag("__owns_")?;
    let mutex = (at.0 != 0).then(|| object.at(of, at).value(level));
    Ok(guard(object, mutex, owns))
}

fn condition_variable(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    condition(&object.member("__cv_")?)
}

fn thread(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    Ok(locks::thread(object, object.word("__t_")?))
}

fn joining_thread(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    Ok(object.member("__thread_")?.value(level))
}

fn thread_id(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    Ok(locks::thread(object, object.word("__id_")?))
}
