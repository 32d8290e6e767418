//! GLib's strings, lists and arrays.
//!
//! A program describes their public members, which is all of a string or list;
//! what GLib keeps to itself is known only with its own debug information.
//! Sources: `gstring.h`, `glist.h`, `garray.h`, `gqueue.h`, `gerror.h`,
//! `garray.c` and `ghash.c` of GLib 2.74.

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::place::Place;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::pretty::nodes::{Chain, Nodes, gathered};
use crate::variables::pretty::object::{Failure, Found, Object, Template, damaged};
use crate::variables::read::Level;
use crate::variables::value::{Origin, Value, ValueKind};

pub(super) const TEMPLATES: &[Template] = &[
    Template { name: "_GString", print: string },
    Template { name: "_GList", print: list },
    Template { name: "_GSList", print: single_list },
    Template { name: "_GQueue", print: queue },
    Template { name: "_GArray", print: array },
    Template { name: "_GPtrArray", print: pointer_array },
    Template { name: "_GByteArray", print: byte_array },
    Template { name: "_GError", print: error },
    Template { name: "_GHashTable", print: hash_table },
];

/// How many slots of a table are looked at for those that are taken.
const MOST_SLOTS: u64 = 1 << 16;

/// Text whose length and room are known.
fn string(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let start = object.pointer("str")?;
    let (len, room) = (object.word("len")?, object.word("allocated_len")?);
    // One byte more is the NUL.
    if len >= room {
        return damaged(format!("{len} characters, with room for {room}"));
    }
    if len == 0 {
        return Ok(Value::leaf(ValueKind::String, "\"\"", Origin::Memory));
    }
    Ok(object.reading.sized_text(Dialect::C, start, len)?)
}

/// A node, with those that follow it.
fn list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let first = object.address()?;
    let mut nodes = Pairs { object, first, here: None, after: Some(first), links: links(object)? };
    values(object, object, &mut nodes, None, level)
}

/// Where a node has its links: the next one, and the previous one.
fn links(node: &Object<'_, '_, '_, '_>) -> Found<[u64; 2]> {
    Ok([node.offset("next")?, node.offset("prev")?])
}

fn single_list(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let mut nodes = Chain::new(object, object.address()?, object.offset("next")?);
    values(object, object, &mut nodes, None, level)
}

fn queue(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let count = object.word("length")?;
    let (of, head) = object.member("head")?.target()?;
    let node = object.at(of, head);
    let after = (head.0 != 0).then_some(head);
    let mut nodes = Pairs { object, first: head, here: None, after, links: links(&node)? };
    values(object, &node, &mut nodes, Some(count), level)
}

/// What the nodes of a list point to.
fn values<'a, 'f>(
    object: &Object<'_, '_, 'a, 'f>,
    node: &Object<'_, '_, 'a, 'f>,
    nodes: &mut dyn Nodes,
    count: Option<u64>,
    level: Level,
) -> Found<Value> {
    let data = node.member("data")?;
    let offset = node.offset("data")?;
    let found = Collection::sequence(object.reading);
    let value = |found: &mut Collection, at: RunAddr, level| {
        let place = Place::Memory(RunAddr(at.0.wrapping_add(offset)));
        found.push(Object { place, ..data.clone() }.value(level));
    };
    Ok(gathered(object, found, count, nodes, level, value))
}

/// The nodes of a list with links in both directions, from one of them on.
struct Pairs<'o, 'r, 'c, 'a, 'f> {
    object: &'o Object<'r, 'c, 'a, 'f>,
    first: RunAddr,
    here: Option<RunAddr>,
    after: Option<RunAddr>,
    links: [u64; 2],
}

impl Nodes for Pairs<'_, '_, '_, '_, '_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let Some(node) = self.after else { return Ok(None) };
        let word = |offset| self.object.word_at(RunAddr(node.0.wrapping_add(offset)));
        let [next, previous] = self.links;
        let back = RunAddr(word(previous)?);
        if let Some(here) = self.here.filter(|here| *here != back) {
            return Err(End::Damaged(format!("the node at {node} does not point back to {here}")));
        }
        if self.here.is_some() && node == self.first {
            return Err(End::Damaged(format!("its nodes go in a circle at {node}")));
        }
        self.after = Some(RunAddr(word(next)?)).filter(|next| next.0 != 0);
        self.here = Some(node);
        Ok(Some(node))
    }
}

/// Elements of a size that only GLib's own structure tells.
fn array(object: &Object<'_, '_, '_, '_>, _level: Level) -> Found<Value> {
    let (data, len) = (object.pointer("data")?, object.word("len")?);
    let private = object.type_named("struct _GRealArray").map(|it| object.seen_as(Some(it)));
    let size = private.and_then(|it| it.word("elt_size").ok());
    let of_size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
    let elements = if len == 1 { "element" } else { "elements" };
    let text = match len {
        0 => "no elements".to_owned(),
        _ if !object.is_mapped(data) => return Err(object.absent(data).into()),
        _ => format!("{len} {elements}{of_size} at {data}"),
    };
    let mut value = Value::leaf(ValueKind::Sequence, text, object.place.origin());
    value.omitted = len;
    Ok(value)
}

fn pointer_array(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (element, first) = object.member("pdata")?.target()?;
    let len = object.word("len")?;
    Ok(object.reading.sequence(Dialect::C, element, first, len, level)?)
}

fn byte_array(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (data, len) = (object.pointer("data")?, object.word("len")?);
    let reading = object.reading;
    reading.check_extent(data, len, 1)?;
    let mut found = Collection::sequence(reading);
    if level.nested == 0 && len > 0 {
        return Ok(found.unopened(len));
    }
    let shown = len.min(reading.context.limits.elements as u64);
    for byte in Place::Memory(data).read_some(reading.context.memory, shown) {
        let mut value = Value::leaf(ValueKind::Scalar, format!("{byte:#04x}"), Origin::Memory);
        value.raw = Some(u64::from(byte));
        found.push(value);
    }
    let read = found.len() as u64;
    match read < shown {
        true => found.ended(object.absent(RunAddr(data.0.wrapping_add(read)))),
        false => found.omit(len.saturating_sub(read)),
    }
    Ok(found.finish(Dialect::C))
}

/// A domain, which is a number for a name, a code and a message.
fn error(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let parts = [object.member("domain")?, object.member("code")?, object.member("message")?];
    let [domain, code, message] = parts.map(|part| part.value(level));
    let text = format!("domain {}, code {}: {}", domain.text, code.text, message.text);
    let mut value = Value::leaf(ValueKind::Struct, text, object.place.origin());
    value.fields = vec![
        ("domain".to_owned(), domain),
        ("code".to_owned(), code),
        ("message".to_owned(), message),
    ];
    Ok(value)
}

/// Arrays of hashes, keys and values. A hash of 0 marks a slot that was never
/// used, 1 one whose entry was removed; keys and values have four bytes each
/// where none of them needs more.
fn hash_table(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let (size, count) = (object.word("size")?, object.word("nnodes")?);
    let hashes = object.pointer("hashes")?;
    let (key_of, keys) = object.member("keys")?.target()?;
    let (value_of, values) = object.member("values")?.target()?;
    let big = [object.word("have_big_keys")?, object.word("have_big_values")?];
    if count > size {
        return damaged(format!("{count} entries, with {size} slots"));
    }
    object.reading.check_extent(hashes, size, 4)?;
    let pointer = object.type_named("gpointer").ok_or(Failure::NewLayout)?;
    let _ = (key_of, value_of);
    let mut found = Collection::map(object.reading);
    if level.nested == 0 && count > 0 {
        return Ok(found.unopened(count));
    }
    let slots = Place::Memory(hashes)
        .read_some(object.reading.context.memory, size.min(MOST_SLOTS).saturating_mul(4));
    let part = |from: RunAddr, is_big: u64, slot: u64| match is_big {
        0 => {
            let bytes = Place::Memory(RunAddr(from.0.wrapping_add(slot.saturating_mul(4))));
            let word = bytes.read(object.reading.context.memory, 4)?;
            let place = Place::bytes([word, vec![0; 4]].concat(), Origin::Memory);
            Ok::<_, Failure>(Object { place, ..object.seen_as(Some(pointer)) }.value(level))
        }
        _ => {
            let at = RunAddr(from.0.wrapping_add(slot.saturating_mul(8)));
            Ok(object.at(Some(pointer), at).value(level))
        }
    };
    for (slot, hash) in slots.chunks_exact(4).enumerate() {
        if found.is_full(object.reading) {
            break;
        }
        let is_taken = hash.iter().skip(1).any(|byte| *byte != 0) || hash.first() > Some(&1);
        if is_taken {
            let slot = slot as u64;
            let key = part(keys, big[0], slot)?;
            // A set has its keys in place of values, too.
            let value = part(values, if keys == values { big[0] } else { big[1] }, slot)?;
            found.push_pair(key, value);
        }
    }
    found.omit(count.saturating_sub(found.len() as u64));
    Ok(found.finish(Dialect::C))
}
