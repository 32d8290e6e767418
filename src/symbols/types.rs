//! Types as the debug information describes them, read when asked for.
//!
//! A [`Type`] describes one level: the parts of a structure name their types by
//! [`Entry`], so that a type that contains itself costs nothing. [`Types`]
//! keeps what was read.

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gimli::constants as dw;
use gimli::{DwAte, DwLang, Expression};
use rustc_hash::FxHashMap;

use crate::base::limits::Limits;
use crate::symbols::Symbols;
use crate::symbols::containers::Containers;
use crate::symbols::cpp_names::simplified;
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::Entry;
use crate::symbols::named::Process;
use crate::symbols::type_names;
use crate::symbols::type_shapes::read;

/// How many bytes the parts of all types may take. Large programs need a few
/// megabytes; a damaged file could name one text a million times.
const MOST_NAMES: usize = 256 << 20;

/// Which notation a type is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// C, and what is close to it.
    C,
    /// C++.
    Cpp,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// D.
    D,
}

/// One type, typedefs and qualifiers looked through.
#[derive(Clone)]
pub struct Type<'a, 'f> {
    /// As its language writes it, with the typedef name that the variable was
    /// declared with: `const char *`, `struct conn`, `uint32_t`, `&str`.
    pub name: String,
    /// The typedef names that were looked through, outermost first.
    pub aliases: Vec<String>,
    /// Its name without typedefs and qualifiers: what a library calls its
    /// containers.
    pub plain_name: String,
    /// Its entry, after typedefs and qualifiers. `None` for `void`.
    pub entry: Option<Entry<'a, 'f>>,
    /// Its size in bytes, when that is fixed.
    pub size: Option<u64>,
    /// The notation of its unit.
    pub dialect: Dialect,
    /// What it is.
    pub shape: Shape<'a, 'f>,
}

/// What a type is.
#[derive(Clone)]
pub enum Shape<'a, 'f> {
    /// Nothing: `void`, or `decltype(nullptr)` when [`Type::size`] is some.
    Nothing,
    /// A number, a character or a truth value (`DW_TAG_base_type`).
    Number(DwAte),
    /// The same, but its most significant byte comes first (`DW_AT_endianity`),
    /// against the order of the machine.
    Swapped(DwAte),
    /// A pointer, to `None` for `void *`.
    Pointer(Option<Entry<'a, 'f>>),
    /// A reference of C++.
    Reference(Option<Entry<'a, 'f>>),
    /// A pointer to a member of a class; `true`: to a member function.
    MemberPointer(bool),
    /// A structure, class or union.
    Composite(Composite<'a, 'f>),
    /// An enumeration.
    Enumeration(Enumeration),
    /// An array or vector.
    Array(Array<'a, 'f>),
    /// Code.
    Function,
    /// Declared here, and its definition is not known; says why.
    Declared(&'static str),
    /// The debug information is damaged or new to us; says how.
    Unknown(String),
}

/// The parts of a structure, class or union.
#[derive(Clone, Default)]
pub struct Composite<'a, 'f> {
    /// Whether the members share their place.
    pub is_union: bool,
    /// Base classes and members in their order; no static ones.
    pub members: Vec<Member<'a, 'f>>,
    /// Rust's enums: members that depend on a discriminant.
    pub variants: Option<Variants<'a, 'f>>,
    /// Template arguments that are types: `T` and what it stands for.
    pub type_arguments: Vec<(String, Entry<'a, 'f>)>,
}

/// One base class or member.
#[derive(Clone)]
pub struct Member<'a, 'f> {
    /// `None`: an anonymous structure or union, whose members count as this
    /// structure's own.
    pub name: Option<String>,
    /// Whether it is a base class.
    pub is_base: bool,
    /// Whether the compiler made it: a pointer to a virtual table.
    pub is_artificial: bool,
    /// Its type.
    pub type_entry: Option<Entry<'a, 'f>>,
    /// Where it lies in the structure.
    pub place: MemberPlace<'f>,
    /// The line of its declaration.
    pub line: Option<u64>,
}

/// Where a member lies in its structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberPlace<'f> {
    /// So many bytes from the start.
    Bytes(u64),
    /// A bit-field: so many bits from the start, and so many bits wide. Of a
    /// [`Shape::Swapped`] type, bits count from the top of each byte.
    Bits(u64, u64),
    /// An expression over the address of the structure: a virtual base.
    Computed(Expression<Reader<'f>>),
}

/// The variant part of a Rust enum.
#[derive(Clone)]
pub struct Variants<'a, 'f> {
    /// What tells which variant is active. `None`: there is only one.
    pub discriminant: Option<Member<'a, 'f>>,
    /// The variants.
    pub list: Vec<Variant<'a, 'f>>,
}

/// One variant of a Rust enum.
#[derive(Clone)]
pub struct Variant<'a, 'f> {
    /// Values of the discriminant that select it, as ranges with both ends.
    /// Empty: selected when no other one is.
    pub selected_by: Vec<(u128, u128)>,
    /// Its one member, which holds its fields.
    pub member: Option<Member<'a, 'f>>,
}

/// The names of an enumeration's values.
#[derive(Clone, Debug, Default)]
pub struct Enumeration {
    /// Whether values are signed.
    pub is_signed: bool,
    /// Whether enumerators are written with the name of their enumeration.
    pub is_scoped: bool,
    /// Names and values, in their order.
    pub enumerators: Vec<(String, i128)>,
}

/// An array.
#[derive(Clone)]
pub struct Array<'a, 'f> {
    /// What it holds.
    pub element: Option<Entry<'a, 'f>>,
    /// Lengths, outermost first.
    pub dimensions: Vec<Length<'a, 'f>>,
}

/// The length of one dimension of an array.
#[derive(Clone, Copy, Debug)]
pub enum Length<'a, 'f> {
    /// So many elements.
    Fixed(u64),
    /// Computed when the program runs: the value, plus this, is the length.
    Computed(Expression<Reader<'f>>, i64),
    /// The value of another entry, plus this.
    Variable(Entry<'a, 'f>, i64),
    /// Not stated: a flexible array member, or `extern int table[]`.
    Unknown,
}

impl PartialEq for Length<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Fixed(a), Self::Fixed(b)) if a == b)
    }
}

impl std::fmt::Debug for Entry<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {:#x}", self.offset.0)
    }
}

/// All types read so far, by entry; and what names need to be complete.
#[derive(Default)]
pub struct Types<'a, 'f> {
    types: Cache<(usize, usize), Arc<Type<'a, 'f>>>,
    containers: Cache<usize, Arc<Containers<'f>>>,
    /// How many bytes of names the types have.
    names: AtomicUsize,
    dialects: Cache<usize, Dialect>,
    /// Where names are looked for.
    pub(super) process: Option<Process<'a, 'f>>,
}

impl<'a, 'f> Types<'a, 'f> {
    /// Nothing read yet. Names are looked for in the modules of `symbols`, as
    /// far as they have no more debug information than [`Limits::indexed`].
    pub fn new(symbols: &'a Symbols<'f>, limits: &Limits) -> Self {
        let process = Some(Process { symbols, indexed: limits.indexed });
        Self { process, ..Self::default() }
    }

    /// The type of an entry; `void` for `None`, as DWARF has it.
    pub fn get(&self, entry: Option<Entry<'a, 'f>>) -> Arc<Type<'a, 'f>> {
        self.nested(entry, 0)
    }

    /// As [`Types::get`], for a type whose size another one needs.
    pub(super) fn nested(&self, entry: Option<Entry<'a, 'f>>, depth: usize) -> Arc<Type<'a, 'f>> {
        let Some(entry) = entry else { return Arc::new(void()) };
        self.types.get(entry.key(), || Arc::new(read(self, entry, depth)))
    }

    /// The type of a function, of its `DW_TAG_subprogram`: `int (char *)`.
    pub fn function(&self, subprogram: Entry<'a, 'f>) -> Type<'a, 'f> {
        let name = type_names::name(self, Some(subprogram));
        let dialect = self.dialect(subprogram);
        let name = if dialect == Dialect::Cpp { simplified(&name) } else { name };
        Type {
            plain_name: name.clone(),
            name,
            aliases: Vec::new(),
            entry: Some(subprogram),
            size: None,
            dialect,
            shape: Shape::Function,
        }
    }

    /// Takes room for the parts of one more type; false: there is none left.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.names.fetch_add(bytes, Ordering::Relaxed) < MOST_NAMES
    }

    /// The notation of the entry's unit.
    pub fn dialect(&self, entry: Entry<'a, 'f>) -> Dialect {
        self.dialects.get(entry.key().0, || dialect_of(entry.unit.language()))
    }

    /// The namespaces and classes of the entry's unit.
    pub fn containers(&self, entry: Entry<'a, 'f>) -> Arc<Containers<'f>> {
        self.containers.get(entry.key().0, || Arc::new(Containers::read(entry)))
    }
}

/// Keeps what was computed once. Threads that ask for the same at the same time
/// may both compute it; nothing is locked meanwhile.
struct Cache<K, V>(Mutex<FxHashMap<K, V>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn get(&self, key: K, compute: impl FnOnce() -> V) -> V {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let value = compute();
            let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            map.entry(key).or_insert(value).clone()
        })
    }
}

impl<'a, 'f> Type<'a, 'f> {
    /// The members, when it is a structure, class or union.
    pub fn composite(&self) -> Option<&Composite<'a, 'f>> {
        match &self.shape {
            Shape::Composite(composite) => Some(composite),
            _ => None,
        }
    }

    /// The member of that name, in this structure itself.
    pub fn member(&self, name: &str) -> Option<&Member<'a, 'f>> {
        self.composite()?.members.iter().find(|member| member.name.as_deref() == Some(name))
    }

    /// What the template argument of that name stands for.
    pub fn type_argument(&self, name: &str) -> Option<Entry<'a, 'f>> {
        let arguments = &self.composite()?.type_arguments;
        arguments.iter().find(|(found, _)| found == name).map(|(_, entry)| *entry)
    }
}

pub(super) fn void<'a, 'f>() -> Type<'a, 'f> {
    Type {
        name: "void".to_owned(),
        aliases: Vec::new(),
        plain_name: "void".to_owned(),
        entry: None,
        size: None,
        dialect: Dialect::C,
        shape: Shape::Nothing,
    }
}

/// The notation of a language. `None`: that of C.
pub fn dialect_of(language: Option<DwLang>) -> Dialect {
    match language {
        Some(dw::DW_LANG_Rust) => Dialect::Rust,
        Some(dw::DW_LANG_Go) => Dialect::Go,
        Some(dw::DW_LANG_D) => Dialect::D,
        Some(
            dw::DW_LANG_C_plus_plus
            | dw::DW_LANG_C_plus_plus_03
            | dw::DW_LANG_C_plus_plus_11
            | dw::DW_LANG_C_plus_plus_14
            | dw::DW_LANG_C_plus_plus_17
            | dw::DW_LANG_C_plus_plus_20,
        ) => Dialect::Cpp,
        _ => Dialect::C,
    }
}
