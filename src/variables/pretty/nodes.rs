//! Walks over the nodes of lists and trees. Nothing that a node says is
//! believed before another node confirms it: a walk over damaged memory ends
//! at the first contradiction.

use rustc_hash::FxHashSet;

use crate::base::addr::RunAddr;
use crate::symbols::types::Dialect;
use crate::variables::pretty::collection::{Collection, End};
use crate::variables::pretty::object::Object;
use crate::variables::read::Level;
use crate::variables::value::Value;

/// How deep a balanced tree can be: a red-black tree of 2^64 nodes has twice
/// that many levels.
const DEEPEST: usize = 128;

/// Nodes are allocated, so aligned to a word at least.
const ALIGNMENT: u64 = 8;

/// Shows the elements of a container of `count` elements, if it says how many.
/// `push` adds what a node holds.
pub(super) fn gathered(
    object: &Object<'_, '_, '_, '_>,
    mut found: Collection,
    count: Option<u64>,
    nodes: &mut dyn Nodes,
    level: Level,
    mut push: impl FnMut(&mut Collection, RunAddr, Level),
) -> Value {
    if level.nested == 0 && count != Some(0) {
        return found.unopened(count.unwrap_or(0));
    }
    loop {
        let left = count.map(|count| count.saturating_sub(found.len() as u64));
        if left.is_none_or(|left| left > 0) && found.is_full(object.reading) {
            match left {
                Some(left) => found.omit(left),
                None => found.ended(End::Endless),
            }
            break;
        }
        match (nodes.next(), left) {
            (Ok(Some(_)), Some(0)) => {
                found.damaged(format!("more nodes than its {} elements", found.len()));
                break;
            }
            (Ok(Some(at)), _) => push(&mut found, at, level.deeper()),
            (Ok(None), None | Some(0)) => break,
            (Ok(None), Some(_)) => {
                let (len, count) = (found.len(), count.unwrap_or(0));
                found.damaged(format!("it ends after {len} of {count} elements"));
                break;
            }
            (Err(end), _) => {
                found.ended(end);
                break;
            }
        }
    }
    found.finish(Dialect::Cpp)
}

/// A walk over nodes. An error says what is wrong with the next one.
pub(super) trait Nodes {
    /// The address of the next node; `None` at the end.
    fn next(&mut self) -> Result<Option<RunAddr>, End>;
}

/// A list whose last node leads back to its head.
pub(super) struct Ring<'o, 'r, 'c, 'a, 'f> {
    object: &'o Object<'r, 'c, 'a, 'f>,
    head: RunAddr,
    here: RunAddr,
    next: u64,
    previous: u64,
}

impl<'o, 'r, 'c, 'a, 'f> Ring<'o, 'r, 'c, 'a, 'f> {
    /// `object` is the head; the offsets are those of the links in each node.
    pub(super) fn new(
        object: &'o Object<'r, 'c, 'a, 'f>,
        head: RunAddr,
        [next, previous]: [u64; 2],
    ) -> Self {
        Self { object, head, here: head, next, previous }
    }
}

impl Nodes for Ring<'_, '_, '_, '_, '_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let next = followed(self.object, self.here, self.next)?;
        let back = self.object.word_at(RunAddr(next.0.wrapping_add(self.previous)))?;
        if RunAddr(back) != self.here {
            return damaged(format!("the node at {next} does not point back to {}", self.here));
        }
        self.here = next;
        Ok((next != self.head).then_some(next))
    }
}

/// A list that ends with a null pointer.
pub(super) struct Chain<'o, 'r, 'c, 'a, 'f> {
    object: &'o Object<'r, 'c, 'a, 'f>,
    following: RunAddr,
    next: u64,
    seen: FxHashSet<RunAddr>,
}

impl<'o, 'r, 'c, 'a, 'f> Chain<'o, 'r, 'c, 'a, 'f> {
    /// `first` may be null; `next` is where a node keeps its successor.
    pub(super) fn new(object: &'o Object<'r, 'c, 'a, 'f>, first: RunAddr, next: u64) -> Self {
        Self { object, following: first, next, seen: FxHashSet::default() }
    }
}

impl Nodes for Chain<'_, '_, '_, '_, '_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let here = self.following;
        if here.0 == 0 {
            return Ok(None);
        }
        aligned(here)?;
        if !self.seen.insert(here) {
            return damaged(format!("its nodes go in a circle at {here}"));
        }
        self.following = RunAddr(self.object.word_at(RunAddr(here.0.wrapping_add(self.next)))?);
        Ok(Some(here))
    }
}

/// A binary search tree, in order.
pub(super) struct Tree<'o, 'r, 'c, 'a, 'f> {
    object: &'o Object<'r, 'c, 'a, 'f>,
    links: TreeLinks,
    /// The nodes whose turn comes after their left children.
    waiting: Vec<RunAddr>,
    /// Whose left branch comes next, and its parent.
    branch: Option<(RunAddr, RunAddr)>,
}

/// Where a node of a tree keeps its neighbors.
#[derive(Clone, Copy)]
pub(super) struct TreeLinks {
    pub(super) parent: u64,
    pub(super) left: u64,
    pub(super) right: u64,
}

impl<'o, 'r, 'c, 'a, 'f> Tree<'o, 'r, 'c, 'a, 'f> {
    /// `root` may be null; its parent has to be `end`.
    pub(super) fn new(
        object: &'o Object<'r, 'c, 'a, 'f>,
        links: TreeLinks,
        root: RunAddr,
        end: RunAddr,
    ) -> Self {
        let branch = (root.0 != 0).then_some((root, end));
        Self { object, links, waiting: Vec::new(), branch }
    }

    /// Whether it has no node.
    pub(super) fn is_empty(&self) -> bool {
        self.branch.is_none() && self.waiting.is_empty()
    }

    /// The node that comes first; nothing has been taken yet.
    pub(super) fn first(&mut self) -> Result<Option<RunAddr>, End> {
        self.descend()?;
        Ok(self.waiting.last().copied())
    }

    fn link(&self, node: RunAddr, offset: u64) -> Result<RunAddr, End> {
        self.object.word_at(RunAddr(node.0.wrapping_add(offset))).map(RunAddr)
    }

    /// Goes down to the first node of a branch.
    fn descend(&mut self) -> Result<(), End> {
        while let Some((node, parent)) = self.branch.take() {
            aligned(node)?;
            if self.link(node, self.links.parent)? != parent {
                return damaged(format!("the node at {node} does not know its parent {parent}"));
            }
            if self.waiting.len() >= DEEPEST {
                return damaged(format!("the tree is too deep at {node}"));
            }
            self.waiting.push(node);
            let left = self.link(node, self.links.left)?;
            let right = self.link(node, self.links.right)?;
            if left.0 != 0 && left == right {
                return damaged(format!("both children of the node at {node} are {left}"));
            }
            self.branch = (left.0 != 0).then_some((left, node));
        }
        Ok(())
    }
}

impl Nodes for Tree<'_, '_, '_, '_, '_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        self.descend()?;
        let Some(node) = self.waiting.pop() else { return Ok(None) };
        let right = self.link(node, self.links.right)?;
        self.branch = (right.0 != 0).then_some((right, node));
        Ok(Some(node))
    }
}

fn damaged<T>(how: String) -> Result<T, End> {
    Err(End::Damaged(how))
}

fn followed(object: &Object<'_, '_, '_, '_>, at: RunAddr, offset: u64) -> Result<RunAddr, End> {
    let next = RunAddr(object.word_at(RunAddr(at.0.wrapping_add(offset)))?);
    if next.0 == 0 {
        return damaged(format!("the node after {at} is null"));
    }
    aligned(next)?;
    Ok(next)
}

fn aligned(at: RunAddr) -> Result<(), End> {
    match at.0.is_multiple_of(ALIGNMENT) {
        true => Ok(()),
        false => damaged(format!("no node can be at {at}")),
    }
}
