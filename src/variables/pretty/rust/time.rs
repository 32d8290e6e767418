//! Spans and points of time.

use std::time::Duration;

use super::object::Object;
use crate::variables::pretty::clock::date;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

/// `Duration`: `1.5s`.
pub(super) fn duration(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let seconds = object.member("secs")?.word()?;
    let nanoseconds = nanoseconds(object, "nanos")?;
    Ok(leaf(object, format!("{:?}", Duration::new(seconds, nanoseconds))))
}

/// `Instant`: what the clock that only goes forward showed.
pub(super) fn instant(object: &Object<'_, '_, '_, '_, '_>, _level: Level) -> Result<Value, String> {
    let (seconds, nanoseconds) = timespec(object)?;
    Ok(leaf(object, format!("{seconds}.{nanoseconds:09}s (monotonic clock)")))
}

/// `SystemTime`: `2026-11-24 17:35:30.000000000 UTC`.
pub(super) fn system_time(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let (seconds, nanoseconds) = timespec(object)?;
    let count = i128::from(seconds) * i128::from(SECOND) + i128::from(nanoseconds);
    let text = date(count, 1, SECOND.into());
    let far = || format!("{seconds}.{nanoseconds:09}s after 1970 (UTC)");
    Ok(leaf(object, text.unwrap_or_else(far)))
}

/// The seconds and nanoseconds of a point of time.
fn timespec(object: &Object<'_, '_, '_, '_, '_>) -> Result<(i64, u32), String> {
    // `SystemTime(sys::SystemTime { t: Timespec })`
    let time = object.down_to("tv_sec", &[])?;
    Ok((time.member("tv_sec")?.word()?.cast_signed(), nanoseconds(&time, "tv_nsec")?))
}

fn nanoseconds(object: &Object<'_, '_, '_, '_, '_>, name: &str) -> Result<u32, String> {
    let word = object.member(name)?.word()?;
    u32::try_from(word)
        .ok()
        .filter(|nanoseconds| *nanoseconds < SECOND)
        .ok_or_else(|| format!("damaged: {word} nanoseconds are more than a second"))
}

fn leaf(object: &Object<'_, '_, '_, '_, '_>, text: String) -> Value {
    Value::leaf(ValueKind::Scalar, text, object.place.origin())
}
