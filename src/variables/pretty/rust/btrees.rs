//! `BTreeMap` and `BTreeSet`.
//!
//! A node has up to 11 keys and values; one that is no leaf has one edge more
//! than keys. All leaves are equally deep: the root says how deep.

use std::sync::Arc;

use super::object::Object;
use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Length, Shape, Type};
use crate::variables::place::Place;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::read::Level;
use crate::variables::value::Value;

/// How high a tree can be. Every node but the root has at least five keys, so
/// that one of this height would not fit into memory.
const HIGHEST: u64 = 24;

/// `BTreeMap<K, V>`.
pub(super) fn map(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let mut found = Collection::map(object.reading);
    fill(object, &mut found, level, |node, index, found| {
        let key = node.key(index)?.value(level.deeper());
        found.push_pair(key, node.value(index)?.value(level.deeper()));
        Ok(())
    })?;
    Ok(found.finish(Dialect::Rust))
}

/// `BTreeSet<T>`: a map whose values have no size.
pub(super) fn set(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let mut found = Collection::sequence(object.reading);
    fill(&object.member("map")?, &mut found, level, |node, index, found| {
        found.push(node.key(index)?.value(level.deeper()));
        Ok(())
    })?;
    Ok(found.finish(Dialect::Rust))
}

/// A node on the way from the root.
struct Node<'o, 'r, 'c, 'a, 'f> {
    leaf: Object<'o, 'r, 'c, 'a, 'f>,
    at: RunAddr,
    len: u64,
    height: u64,
    /// The key that comes next.
    next: u64,
}

/// The types of a tree's nodes.
struct Nodes<'a, 'f> {
    leaf: Option<Entry<'a, 'f>>,
    internal: Arc<Type<'a, 'f>>,
}

fn fill<'o, 'r, 'c, 'a, 'f>(
    map: &Object<'o, 'r, 'c, 'a, 'f>,
    found: &mut Collection,
    level: Level,
    push: impl Fn(&Node<'o, 'r, 'c, 'a, 'f>, u64, &mut Collection) -> Result<(), String>,
) -> Result<(), String> {
    let len = map.member("length")?.word()?;
    if level.nested == 0 {
        found.omit(len);
        return Ok(());
    }
    let Some(root) = map.member("root")?.payload("Some")? else {
        return match len {
            0 => Ok(()),
            _ => Err(format!("damaged: {len} elements, and no root")),
        };
    };
    // Long ago, the root wrapped the height and the node once more.
    let root = if root.of.member("node").is_some() { root } else { root.wrapped()? };
    let height = root.member("height")?.word()?;
    if height > HIGHEST {
        return Err(format!("damaged: it is {height} nodes high"));
    }
    let pointer = root.member("node")?.pointer()?;
    let leaf = map.other(pointer.target, Place::Memory(pointer.at));
    let nodes = Nodes { leaf: pointer.target, internal: internal(&leaf)? };
    let walked = walk(map, &nodes, pointer.at, height, len, found, push);
    let shown = found.len() as u64;
    match walked {
        Err(end) => found.ended(end),
        Ok(()) if !found.is_full(map.reading) && shown < len => {
            found.damaged(format!("its length is {len}"));
        }
        Ok(()) => found.omit(len.saturating_sub(shown)),
    }
    Ok(())
}

/// Passes the keys in their order, until enough were shown.
fn walk<'o, 'r, 'c, 'a, 'f>(
    map: &Object<'o, 'r, 'c, 'a, 'f>,
    nodes: &Nodes<'a, 'f>,
    root: RunAddr,
    height: u64,
    len: u64,
    found: &mut Collection,
    push: impl Fn(&Node<'o, 'r, 'c, 'a, 'f>, u64, &mut Collection) -> Result<(), String>,
) -> Result<(), End> {
    // No longer than the tree is high.
    let mut open = vec![node(map, nodes, root, height, None)?];
    let mut goes_down = height > 0;
    while let Some(here) = open.last_mut() {
        if goes_down {
            let child = here.edge(nodes)?;
            let (parent, height) = (here.at, here.height.saturating_sub(1));
            let child = node(map, nodes, child, height, Some((parent, here.next)))?;
            goes_down = height > 0;
            open.push(child);
            continue;
        }
        if here.next >= here.len {
            open.pop();
            continue;
        }
        if found.is_full(map.reading) {
            return Ok(());
        }
        if (found.len() as u64) >= len {
            return Err(End::Damaged(format!("more keys than its length of {len}")));
        }
        push(here, here.next, found)?;
        here.next = here.next.saturating_add(1);
        goes_down = here.height > 0;
    }
    Ok(())
}

/// The node at an address. `parent`: where it hangs, and at which edge.
fn node<'o, 'r, 'c, 'a, 'f>(
    map: &Object<'o, 'r, 'c, 'a, 'f>,
    nodes: &Nodes<'a, 'f>,
    at: RunAddr,
    height: u64,
    parent: Option<(RunAddr, u64)>,
) -> Result<Node<'o, 'r, 'c, 'a, 'f>, End> {
    let leaf = map.other(nodes.leaf, Place::Memory(at));
    let len = leaf.member("len")?.word()?;
    let room = capacity(&leaf)?;
    if len > room {
        let why = format!("{len} keys in its node at {at}, with room for {room}");
        return Err(End::Damaged(why));
    }
    if let Some((parent, index)) = parent {
        let back = leaf.member("parent")?.address_or_null()?;
        if back != parent || leaf.member("parent_idx")?.word()? != index {
            let why = format!("its node at {at} does not know its parent at {parent}");
            return Err(End::Damaged(why));
        }
    }
    Ok(Node { leaf, at, len, height, next: 0 })
}

impl<'o, 'r, 'c, 'a, 'f> Node<'o, 'r, 'c, 'a, 'f> {
    /// The key of that index.
    fn key(&self, index: u64) -> Result<Object<'o, 'r, 'c, 'a, 'f>, String> {
        self.slot("keys", "K", index)
    }

    /// The value of that index.
    fn value(&self, index: u64) -> Result<Object<'o, 'r, 'c, 'a, 'f>, String> {
        self.slot("vals", "V", index)
    }

    /// An element of an array of `MaybeUninit`, as if it were its content.
    fn slot(
        &self,
        array: &str,
        parameter: &str,
        index: u64,
    ) -> Result<Object<'o, 'r, 'c, 'a, 'f>, String> {
        let array = self.leaf.member(array)?;
        let element = array.other(self.leaf.parameter(parameter)?, array.place.clone());
        let place = array.place.part(element.size()?.saturating_mul(index));
        Ok(Object { place, ..element })
    }

    /// Where the child before the next key is.
    fn edge(&self, nodes: &Nodes<'a, 'f>) -> Result<RunAddr, String> {
        let reading = self.leaf.reading;
        let internal =
            Object { reading, of: nodes.internal.clone(), place: self.leaf.place.clone() };
        let edges = internal.member("edges")?;
        let model = reading.context.memory.model();
        let place = edges.place.part(self.next.saturating_mul(model.word()));
        let bytes = place.read(reading.context.memory, model.word());
        let bytes = bytes.map_err(|missing| missing.reason())?;
        Ok(RunAddr(model.order.number(&bytes)))
    }
}

/// For how many keys a node has room.
fn capacity(leaf: &Object<'_, '_, '_, '_, '_>) -> Result<u64, String> {
    let Shape::Array(array) = &leaf.member("keys")?.of.shape else {
        return Err(NEW_LAYOUT.to_owned());
    };
    match array.dimensions.as_slice() {
        [Length::Fixed(count)] => Ok(*count),
        _ => Err(NEW_LAYOUT.to_owned()),
    }
}

/// The type of nodes that are no leaves: what the pointer to a parent points
/// to.
fn internal<'a, 'f>(leaf: &Object<'_, '_, '_, 'a, 'f>) -> Result<Arc<Type<'a, 'f>>, String> {
    let parent = leaf.member("parent")?;
    let pointer = parent.other(parent.inside("Some")?, parent.place.clone());
    let node = pointer.other(pointer.parameter("T")?, parent.place);
    node.member("edges")?;
    Ok(node.of)
}
