//! What a type is made of: members with their offsets and sizes.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::symbols::entries::Entry;
use crate::symbols::types::{Composite, Dialect, Member, MemberPlace, Shape, Type, Types};
use crate::variables::query::result_type::ResultType;

/// More lines than this of one type are left out.
const MOST_LINES: usize = 2_000;

/// How deeply anonymous members are shown.
const MOST_NESTED: usize = 16;

/// The layout of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The type, as its language writes it.
    pub type_name: String,
    /// The type without its typedefs, where that is another name.
    pub plain_name: Option<String>,
    /// In bytes, when that is fixed.
    pub size: Option<u64>,
    /// Members in their order, and the holes between them.
    pub members: Vec<LayoutMember>,
    /// Names and values of an enumeration.
    pub enumerators: Vec<(String, i128)>,
    /// How many members or enumerators were left out.
    pub omitted: u64,
}

/// One line of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMember {
    /// What it is.
    pub kind: LayoutKind,
    /// Bytes from the start of the whole type. `None`: only an object says.
    pub offset: Option<u64>,
    /// In bytes, when that is fixed.
    pub size: Option<u64>,
    /// A bit-field: its first bit in the byte at the offset, and how many bits.
    pub bits: Option<(u64, u64)>,
    /// Its type; empty for a hole.
    pub type_name: String,
    /// Its name; empty for a base, a hole, an anonymous member.
    pub name: String,
    /// How deeply it lies in anonymous members and variants.
    pub depth: usize,
}

/// What a line of a layout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutKind {
    /// A member.
    Member,
    /// A base class.
    Base,
    /// The pointer to the virtual table, the discriminant of an enum.
    Hidden,
    /// A variant of a Rust enum.
    Variant,
    /// Bytes that belong to no member.
    Hole,
}

/// The layout of a type, or of what a pointer to it points to.
pub(super) fn layout<'a, 'f>(of: &ResultType<'a, 'f>, types: &Types<'a, 'f>) -> Layout {
    let resolved = of.resolved(types);
    let mut layout = Layout {
        type_name: resolved.name.clone(),
        plain_name: (resolved.plain_name != resolved.name && !resolved.plain_name.is_empty())
            .then(|| resolved.plain_name.clone()),
        size: resolved.size,
        ..Layout::default()
    };
    match &resolved.shape {
        Shape::Composite(composite) => {
            let mut lines = Lines { types, layout: &mut layout };
            lines.composite(&resolved, composite, Some(0), 0);
        }
        Shape::Enumeration(names) => {
            layout.omitted = names.enumerators.len().saturating_sub(MOST_LINES) as u64;
            layout.enumerators = names.enumerators.iter().take(MOST_LINES).cloned().collect();
        }
        _ => (),
    }
    layout
}

struct Lines<'l, 't, 'a, 'f> {
    types: &'t Types<'a, 'f>,
    layout: &'l mut Layout,
}

impl<'a, 'f> Lines<'_, '_, 'a, 'f> {
    fn push(&mut self, member: LayoutMember) {
        if self.layout.members.len() >= MOST_LINES {
            self.layout.omitted = self.layout.omitted.saturating_add(1);
            return;
        }
        self.layout.members.push(member);
    }

    /// The members of a structure that begins at `start`.
    fn composite(
        &mut self,
        of: &Type<'a, 'f>,
        composite: &Composite<'a, 'f>,
        start: Option<u64>,
        depth: usize,
    ) {
        if let Some(variants) = &composite.variants {
            if let Some(tag) = &variants.discriminant {
                self.member(tag, start, depth, LayoutKind::Hidden);
            }
            for variant in variants.list.iter().filter_map(|variant| variant.member.as_ref()) {
                self.member(variant, start, depth, LayoutKind::Variant);
                let inner = self.types.get(variant.type_entry);
                let at = offset(variant).and_then(|offset| start?.checked_add(offset));
                if let Some(composite) = inner.composite().filter(|_| depth < MOST_NESTED) {
                    self.composite(&inner, composite, at, depth.saturating_add(1));
                }
            }
            return;
        }
        // Rust orders members as it likes, the debug information as the source.
        let mut members: Vec<&Member<'a, 'f>> = composite.members.iter().collect();
        if of.dialect == Dialect::Rust {
            members.sort_by_key(|member| (offset(member), self.size(member)));
        }
        let mut end = 0_u64;
        for member in members {
            let at = offset(member);
            if let Some(at) = at.filter(|_| !composite.is_union) {
                self.hole(start, end, at, depth);
                end = end.max(at.saturating_add(self.extent(member)));
            }
            let kind = match member {
                Member { is_base: true, .. } => LayoutKind::Base,
                Member { is_artificial: true, .. } => LayoutKind::Hidden,
                _ => LayoutKind::Member,
            };
            self.member(member, start, depth, kind);
            // Members of an anonymous structure count as our own.
            let inner = self.types.get(member.type_entry);
            if member.name.is_none()
                && !member.is_base
                && depth < MOST_NESTED
                && let Some(composite) = inner.composite()
            {
                let at = at.and_then(|at| start?.checked_add(at));
                self.composite(&inner, composite, at, depth.saturating_add(1));
            }
        }
        // Virtual bases lie behind the rest; where, an object says.
        let mut shared = Vec::new();
        self.virtual_bases(composite, MOST_NESTED, &mut shared);
        for base in &shared {
            let is_own = composite.members.iter().any(|own| own.type_entry == base.type_entry);
            if !is_own {
                self.member(base, start, depth, LayoutKind::Base);
            }
        }
        let size = of.size.filter(|_| !composite.is_union && !composite.members.is_empty());
        if let Some(size) = size.filter(|_| shared.is_empty()) {
            self.hole(start, end, size, depth);
        }
    }

    /// The virtual bases of a class and of its bases, each once.
    fn virtual_bases(
        &self,
        composite: &Composite<'a, 'f>,
        depth: usize,
        found: &mut Vec<Member<'a, 'f>>,
    ) {
        for base in composite.members.iter().filter(|member| member.is_base) {
            let is_known = found.iter().any(|known| known.type_entry == base.type_entry);
            if is_known || found.len() >= MOST_LINES {
                continue;
            }
            if matches!(base.place, MemberPlace::Computed(_)) {
                found.push(base.clone());
            }
            let inner = self.types.get(base.type_entry);
            if let Some(inner) = inner.composite().filter(|_| depth > 0) {
                self.virtual_bases(inner, depth.saturating_sub(1), found);
            }
        }
    }

    /// Bytes that a class takes as a base: without its virtual bases, which the
    /// whole object has once.
    fn base_size(&self, entry: Option<Entry<'a, 'f>>, depth: usize) -> Option<u64> {
        let of = self.types.get(entry);
        let Some(composite) = of.composite().filter(|_| depth > 0) else { return of.size };
        let mut shared = Vec::new();
        self.virtual_bases(composite, MOST_NESTED, &mut shared);
        if shared.is_empty() {
            return of.size;
        }
        let ends = composite.members.iter().filter_map(|member| {
            let size = match member.is_base {
                true => self.base_size(member.type_entry, depth.saturating_sub(1))?,
                false => self.extent(member),
            };
            offset(member)?.checked_add(size)
        });
        ends.max()
    }

    fn size(&self, member: &Member<'a, 'f>) -> Option<u64> {
        self.types.get(member.type_entry).size
    }

    /// How many bytes from its offset on a member takes.
    fn extent(&self, member: &Member<'a, 'f>) -> u64 {
        match member.place {
            MemberPlace::Bits(from, width) => (from % 8).saturating_add(width).div_ceil(8),
            _ => {
                let inner = self.types.get(member.type_entry);
                // An empty base takes no room, though its size is one byte.
                let is_empty = member.is_base
                    && inner.composite().is_some_and(|inner| inner.members.is_empty());
                match member.is_base {
                    _ if is_empty => 0,
                    true => self.base_size(member.type_entry, MOST_NESTED).unwrap_or(0),
                    false => inner.size.unwrap_or(0),
                }
            }
        }
    }

    fn hole(&mut self, start: Option<u64>, from: u64, to: u64, depth: usize) {
        let Some(size) = to.checked_sub(from).filter(|size| *size > 0) else { return };
        self.push(LayoutMember {
            kind: LayoutKind::Hole,
            offset: start.and_then(|start| start.checked_add(from)),
            size: Some(size),
            bits: None,
            type_name: String::new(),
            name: String::new(),
            depth,
        });
    }

    fn member(
        &mut self,
        member: &Member<'a, 'f>,
        start: Option<u64>,
        depth: usize,
        kind: LayoutKind,
    ) {
        let of = self.types.get(member.type_entry);
        let at = offset(member).and_then(|at| start?.checked_add(at));
        let bits = match member.place {
            MemberPlace::Bits(from, width) => Some((from % 8, width)),
            _ => None,
        };
        self.push(LayoutMember {
            kind,
            offset: at,
            size: match member.is_base {
                true => self.base_size(member.type_entry, MOST_NESTED),
                false => of.size.filter(|_| bits.is_none()),
            },
            bits,
            type_name: of.name.clone(),
            name: member.name.clone().unwrap_or_default(),
            depth,
        });
    }
}

/// Bytes from the start of its structure.
fn offset(member: &Member<'_, '_>) -> Option<u64> {
    match member.place {
        MemberPlace::Bytes(bytes) => Some(bytes),
        MemberPlace::Bits(from, _) => from.checked_div(8),
        MemberPlace::Computed(_) => None,
    }
}
