//! What is kept of a name.

use gimli::DebugInfoOffset;

use crate::symbols::name_keys::Key;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// A structure, class, union or enumeration, defined.
    Tagged,
    /// Another name for a type.
    Alias,
    /// A base type of the language.
    Base,
    /// A variable with a place or a value.
    Variable,
}

/// One name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// The name.
    pub(super) key: Key,
    /// What it stands for.
    pub(super) kind: Kind,
    /// Of types: equal for those with the same members.
    pub(super) print: u32,
    /// Which unit, by its place among those of the index.
    pub(super) unit: u32,
    /// The entry's offset in the unit.
    pub(super) entry: u32,
    /// Whether only its own unit may mean it: it is in an anonymous namespace.
    pub(super) is_private: bool,
}

/// What one unit has.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Types and variables. [`Item::unit`] is not filled in.
    pub(super) items: Vec<Item>,
    /// Variables that lie at an address, and their entries.
    pub(super) places: Vec<(u64, u32)>,
    /// Names of entries that others complete: static members, and what
    /// link-time optimization left in another unit. By offset in the section.
    pub(super) origins: Vec<(usize, Keys)>,
    /// Entries that complete another one, by its offset in the section.
    pub(super) completions: Vec<Completion>,
    /// Units that this one includes.
    pub(super) imports: Vec<(DebugInfoOffset, Imports)>,
}

/// Where an included unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Imports {
    /// In the same file.
    Own,
    /// In the file of shared pieces.
    Shared,
}

/// The keys of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) whole: Key,
    /// Without inline namespaces.
    pub(super) short: Key,
    /// The last part alone.
    pub(super) last: Key,
    pub(super) is_private: bool,
}

/// An entry that has its name from another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completion {
    pub(super) entry: u32,
    pub(super) kind: Kind,
    pub(super) print: u32,
    pub(super) origin: usize,
}

impl Completion {
    /// The items of an entry, now that its name is known.
    pub(super) fn named(&self, keys: Keys, items: &mut Vec<Item>) {
        let Self { entry, kind, print, .. } = *self;
        if kind == Kind::Variable {
            return variables(entry, keys, items);
        }
        let item =
            Item { key: keys.whole, kind, print, unit: 0, entry, is_private: keys.is_private };
        items.push(item);
        if keys.short != keys.whole {
            items.push(Item { key: keys.short, ..item });
        }
    }
}

/// The items of a variable: by its whole name, and by shorter ones.
pub(super) fn variables(entry: u32, keys: Keys, items: &mut Vec<Item>) {
    let kind = Kind::Variable;
    let is_private = keys.is_private;
    let item = |key| Item { key, kind, print: 0, unit: 0, entry, is_private };
    items.push(item(keys.whole));
    if keys.last != keys.whole {
        items.push(item(keys.last));
    }
    if keys.short != keys.whole && keys.short != keys.last {
        items.push(item(keys.short));
    }
}
