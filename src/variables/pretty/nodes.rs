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

/// Memory that words are read from.
pub(super) trait Words {
    /// The word at an address, or why it cannot be read.
    fn word_at(&self, at: RunAddr) -> Result<u64, End>;
}

impl Words for Object<'_, '_, '_, '_> {
    fn word_at(&self, at: RunAddr) -> Result<u64, End> {
        Object::word_at(self, at)
    }
}

/// A walk over nodes. An error says what is wrong with the next one.
pub(super) trait Nodes {
    /// The address of the next node; `None` at the end.
    fn next(&mut self) -> Result<Option<RunAddr>, End>;
}

/// A list whose last node leads back to its head.
pub(super) struct Ring<'o> {
    words: &'o dyn Words,
    head: RunAddr,
    here: RunAddr,
    next: u64,
    previous: u64,
}

impl<'o> Ring<'o> {
    /// The offsets are those of the links in each node.
    pub(super) fn new(words: &'o dyn Words, head: RunAddr, [next, previous]: [u64; 2]) -> Self {
        Self { words, head, here: head, next, previous }
    }
}

impl Nodes for Ring<'_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let next = followed(self.words, self.here, self.next)?;
        let back = self.words.word_at(RunAddr(next.0.wrapping_add(self.previous)))?;
        if RunAddr(back) != self.here {
            return damaged(format!("the node at {next} does not point back to {}", self.here));
        }
        self.here = next;
        Ok((next != self.head).then_some(next))
    }
}

/// A list that ends with a null pointer.
pub(super) struct Chain<'o> {
    words: &'o dyn Words,
    following: RunAddr,
    next: u64,
    seen: FxHashSet<RunAddr>,
}

impl<'o> Chain<'o> {
    /// `first` may be null; `next` is where a node keeps its successor.
    pub(super) fn new(words: &'o dyn Words, first: RunAddr, next: u64) -> Self {
        Self { words, following: first, next, seen: FxHashSet::default() }
    }
}

impl Nodes for Chain<'_> {
    fn next(&mut self) -> Result<Option<RunAddr>, End> {
        let here = self.following;
        if here.0 == 0 {
            return Ok(None);
        }
        aligned(here)?;
        if !self.seen.insert(here) {
            return damaged(format!("its nodes go in a circle at {here}"));
        }
        self.following = RunAddr(self.words.word_at(RunAddr(here.0.wrapping_add(self.next)))?);
        Ok(Some(here))
    }
}

/// A binary search tree, in order.
pub(super) struct Tree<'o> {
    words: &'o dyn Words,
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

impl<'o> Tree<'o> {
    /// `root` may be null; its parent has to be `end`.
    pub(super) fn new(words: &'o dyn Words, links: TreeLinks, root: RunAddr, end: RunAddr) -> Self {
        let branch = (root.0 != 0).then_some((root, end));
        Self { words, links, waiting: Vec::new(), branch }
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
        self.words.word_at(RunAddr(node.0.wrapping_add(offset))).map(RunAddr)
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

impl Nodes for Tree<'_> {
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

fn followed(words: &dyn Words, at: RunAddr, offset: u64) -> Result<RunAddr, End> {
    let next = RunAddr(words.word_at(RunAddr(at.0.wrapping_add(offset)))?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustc_hash::FxHashMap;

    /// Nodes of three words each, at their addresses.
    struct Memory(FxHashMap<u64, u64>);

    impl Memory {
        fn of(nodes: &[(u64, [u64; 3])]) -> Self {
            let words = nodes.iter().flat_map(|(at, words)| {
                words.iter().enumerate().map(move |(index, word)| (at + 8 * index as u64, *word))
            });
            Self(words.collect())
        }
    }

    impl Words for Memory {
        fn word_at(&self, at: RunAddr) -> Result<u64, End> {
            self.0.get(&at.0).copied().ok_or(End::Missing(at.to_string()))
        }
    }

    /// All nodes, and why they end.
    fn walked(nodes: &mut dyn Nodes) -> (Vec<u64>, Option<String>) {
        let mut found = Vec::new();
        for _ in 0..1_000 {
            match nodes.next() {
                Ok(Some(node)) => found.push(node.0),
                Ok(None) => return (found, None),
                Err(End::Damaged(why) | End::Missing(why)) => return (found, Some(why)),
                Err(End::Endless) => break,
            }
        }
        panic!("the walk does not end: {found:?}");
    }

    #[test]
    fn rings_end_where_they_contradict_themselves() {
        // Nodes are {next, previous}; the head is at 0x100.
        type Case<'c> = (&'c str, &'c [(u64, [u64; 3])], &'c [u64], Option<&'c str>);
        let cases: &[Case<'_>] = &[
            ("empty", &[(0x100, [0x100, 0x100, 0])], &[], None),
            (
                "sound",
                &[
                    (0x100, [0x200, 0x300, 0]),
                    (0x200, [0x300, 0x100, 0]),
                    (0x300, [0x100, 0x200, 0]),
                ],
                &[0x200, 0x300],
                None,
            ),
            (
                "the last leads to the first",
                &[
                    (0x100, [0x200, 0x300, 0]),
                    (0x200, [0x300, 0x100, 0]),
                    (0x300, [0x200, 0x200, 0]),
                ],
                &[0x200, 0x300],
                Some("the node at 0x200 does not point back to 0x300"),
            ),
            (
                "a node leads to itself",
                &[(0x100, [0x200, 0x200, 0]), (0x200, [0x200, 0x100, 0])],
                &[0x200],
                Some("the node at 0x200 does not point back to 0x200"),
            ),
            ("never constructed", &[(0x100, [0, 0, 0])], &[], Some("the node after 0x100 is null")),
            ("odd", &[(0x100, [0x201, 0x201, 0])], &[], Some("no node can be at 0x201")),
            ("elsewhere", &[(0x100, [0x900, 0x900, 0])], &[], Some("0x908")),
        ];
        for (name, nodes, want, why) in cases {
            let memory = Memory::of(nodes);
            let found = walked(&mut Ring::new(&memory, RunAddr(0x100), [0, 8]));
            assert_eq!(found, (want.to_vec(), why.map(str::to_owned)), "{name}");
        }
    }

    #[test]
    fn chains_end_where_they_close() {
        let memory = Memory::of(&[
            (0x100, [0x300, 0, 0]),
            (0x300, [0x500, 0, 0]),
            (0x500, [0, 0, 0]),
            (0x700, [0x900, 0, 0]),
            (0x900, [0x700, 0, 0]),
        ]);
        let walk = |first| walked(&mut Chain::new(&memory, RunAddr(first), 0));
        assert_eq!(walk(0), (vec![], None));
        assert_eq!(walk(0x100), (vec![0x100, 0x300, 0x500], None));
        let circle = Some("its nodes go in a circle at 0x700".to_owned());
        assert_eq!(walk(0x700), (vec![0x700, 0x900], circle));
    }

    #[test]
    fn trees_end_where_parents_disagree() {
        let links = TreeLinks { parent: 0, left: 8, right: 16 };
        let walk = |nodes: &[(u64, [u64; 3])], root| {
            walked(&mut Tree::new(&Memory::of(nodes), links, RunAddr(root), RunAddr(0x8)))
        };
        let sound = [
            (0x80, [0x8, 0x40, 0xc0]),
            (0x40, [0x80, 0, 0x60]),
            (0x60, [0x40, 0, 0]),
            (0xc0, [0x80, 0, 0]),
        ];
        assert_eq!(walk(&sound, 0), (vec![], None));
        assert_eq!(walk(&sound, 0x80), (vec![0x40, 0x60, 0x80, 0xc0], None));
        // Another parent.
        let mut wrong = sound;
        wrong[3].1[0] = 0x40;
        let why = "the node at 0xc0 does not know its parent 0x80".to_owned();
        assert_eq!(walk(&wrong, 0x80), (vec![0x40, 0x60, 0x80], Some(why)));
        // A child that is its own grandparent.
        let mut circle = sound;
        circle[2].1[1] = 0x80;
        let why = "the node at 0x80 does not know its parent 0x60".to_owned();
        assert_eq!(walk(&circle, 0x80), (vec![0x40], Some(why)));
        // Both children are one.
        let twice = [(0x80, [0x8, 0xc0, 0xc0]), (0xc0, [0x80, 0, 0])];
        let why = "both children of the node at 0x80 are 0xc0".to_owned();
        assert_eq!(walk(&twice, 0x80), (vec![], Some(why)));
        // A branch deeper than any balanced tree.
        let node = |n: u64| (n * 0x40, [(n - 1) * 0x40, (n + 1) * 0x40, 0]);
        let deep: Vec<_> = (1..1_000).map(node).collect();
        let memory = Memory::of(&deep);
        let found = walked(&mut Tree::new(&memory, links, RunAddr(0x40), RunAddr(0)));
        assert_eq!(found, (vec![], Some("the tree is too deep at 0x2040".to_owned())));
    }
}
