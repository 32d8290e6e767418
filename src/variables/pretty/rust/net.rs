//! Addresses of the internet.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::object::Object;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// `Ipv4Addr`, `Ipv6Addr`: `127.0.0.1`, `::1`.
pub(super) fn address(object: &Object<'_, '_, '_, '_, '_>, _level: Level) -> Result<Value, String> {
    Ok(leaf(object, text(object)?))
}

/// `SocketAddrV4`, `SocketAddrV6`: `127.0.0.1:80`, `[::1]:80`.
pub(super) fn socket_address(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let ip = text(&object.member("ip")?)?;
    let port = object.member("port")?.word()?;
    let text = if object.of.member("scope_id").is_some() {
        match object.member("scope_id")?.word()? {
            0 => format!("[{ip}]:{port}"),
            scope => format!("[{ip}%{scope}]:{port}"),
        }
    } else {
        format!("{ip}:{port}")
    };
    Ok(leaf(object, text))
}

/// `IpAddr`, `SocketAddr`: of version 4 or 6.
pub(super) fn either(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let of_four = object.payload("V4")?;
    let found = match of_four {
        Some(found) => Some(found),
        None => object.payload("V6")?,
    };
    Ok(found.ok_or(NEW_LAYOUT)?.value(level))
}

fn text(object: &Object<'_, '_, '_, '_, '_>) -> Result<String, String> {
    let octets = object.member("octets")?;
    let size = octets.size()?;
    let bytes = octets.place.read(octets.reading.context.memory, size);
    let bytes = bytes.map_err(|missing| missing.reason())?;
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Ok(Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| NEW_LAYOUT)?;
    Ok(Ipv6Addr::from(sixteen).to_string())
}

fn leaf(object: &Object<'_, '_, '_, '_, '_>, text: String) -> Value {
    Value::leaf(ValueKind::Scalar, text, object.place.origin())
}
