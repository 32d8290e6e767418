//! Call frame information: what the tables say about one address.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::OnceLock;

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, DebugFrame, EhFrame, Encoding, EndianSlice, Expression,
    FrameDescriptionEntry, Register, RegisterRule, UnwindContext, UnwindSection, Vendor,
};

use crate::base::addr::LinkAddr;
use crate::base::arch::{Arch, Machine};
use crate::symbols::dwarf::Reader;
use crate::symbols::module::UnwindTables;
use crate::unwind::exception_index::ExceptionIndex;
use crate::unwind::search_table::SearchTable;

/// The rules that lead from a frame to its caller.
#[derive(Clone, Debug)]
pub(super) struct Row<'f> {
    /// How to find the canonical frame address.
    pub(super) cfa: Cfa<'f>,
    /// For each of [`Arch::unwound_registers`], where the caller's value is.
    pub(super) rules: Vec<Rule<'f>>,
    /// Which register is the return address (x86-64: 16).
    pub(super) return_address: Register,
    /// Whether the code is a signal trampoline (augmentation `S`), so that the
    /// next frame was interrupted, and made no call.
    pub(super) is_signal_frame: bool,
    /// How to read the expressions.
    pub(super) encoding: Encoding,
}

impl Row<'_> {
    /// The same row with the ABI's word on registers that the table is silent
    /// about. What is still unstated then is unknown: the callee was free to
    /// change it.
    ///
    /// A register keeps its value if the ABI makes the callee save it. The stack
    /// pointer is the CFA, but for what a call pushes and its caller does not
    /// see. Source: DWARF 5, section 6.4.1; System V psABI for AMD64, section 3.2.1.
    pub(super) fn settled(mut self, arch: Arch) -> Self {
        for (register, rule) in arch.unwound_registers().zip(&mut self.rules) {
            if !matches!(rule, Rule::Unstated) {
                continue;
            }
            let is_return_address = register == self.return_address;
            // Still in the register in which the call has put it.
            let is_linked = is_return_address && arch.link_register() == Some(register);
            if register == arch.stack_pointer() {
                *rule = Rule::BelowCfa(arch.cfa_above_sp());
            } else if is_linked || arch.is_callee_saved(register) {
                *rule = Rule::SameValue;
            }
        }
        self
    }
}

/// How to find the canonical frame address.
#[derive(Clone, Debug)]
pub(super) enum Cfa<'f> {
    /// A register's value plus an offset.
    Register(Register, i64),
    /// The value of an expression.
    Expression(Expression<Reader<'f>>),
}

/// Where a caller's register is.
#[derive(Clone, Debug)]
pub(super) enum Rule<'f> {
    /// The table says nothing. Then the ABI decides, in [`Row::settled`].
    Unstated,
    /// It is the CFA less this, by the ABI.
    BelowCfa(u64),
    /// Gone.
    Undefined,
    /// Where it was.
    SameValue,
    /// In memory at the CFA plus this.
    Offset(i64),
    /// It is the CFA plus this.
    ValOffset(i64),
    /// In another register.
    Register(Register),
    /// In memory where the expression says.
    Expression(Expression<Reader<'f>>),
    /// It is the expression's value.
    ValExpression(Expression<Reader<'f>>),
    /// It is this.
    Constant(u64),
}

/// The tables of one module, ready for lookups.
pub(super) struct ModuleCfi<'f> {
    arch: Arch,
    bases: BaseAddresses,
    table: Option<SearchTable<'f>>,
    eh_frame: Option<(LinkAddr, EhFrame<Reader<'f>>)>,
    eh_index: OnceLock<Vec<Entry>>,
    debug_frame: OnceLock<Option<DebugFrame<Reader<'f>>>>,
    debug_index: OnceLock<Vec<Entry>>,
    exception_index: Option<ExceptionIndex<'f>>,
}

/// One FDE of a table without a search index.
struct Entry {
    start: u64,
    end: u64,
    offset: usize,
}

impl<'f> ModuleCfi<'f> {
    /// Prepares the tables. Nothing is searched yet.
    pub(super) fn new(arch: Arch, tables: &UnwindTables<'f>) -> Self {
        let reader = |bytes| EndianSlice::new(bytes, arch.order.of_dwarf());
        let mut bases = BaseAddresses::default();
        if let Some(text) = tables.text {
            bases = bases.set_text(text.0);
        }
        if let Some(got) = tables.got {
            bases = bases.set_got(got.0);
        }
        let eh_frame = tables.eh_frame.map(|(at, bytes)| {
            bases = bases.clone().set_eh_frame(at.0);

            let mut section = EhFrame::from(reader(bytes));
            section.set_address_size(arch.model().address_size);
            section.set_vendor(vendor(arch));
            (at, section)
        });
        let table =
            tables.eh_frame_hdr.and_then(|(at, bytes)| SearchTable::new(at, bytes, arch.order));
        let debug_frame = OnceLock::new();
        Self {
            arch,
            bases,
            table,
            eh_frame,
            eh_index: OnceLock::new(),
            debug_frame,
            debug_index: OnceLock::new(),
            exception_index: ExceptionIndex::new(arch, tables),
        }
    }

    /// The row for the instruction at `at`: from `.eh_frame` through its
    /// search table, from `.eh_frame` alone, from `.debug_frame`, or from
    /// `.ARM.exidx`.
    ///
    /// `debug_frame` lends the section, which may have to be inflated first;
    /// it is called only when `.eh_frame` does not know.
    pub(super) fn row(
        &self,
        at: LinkAddr,
        debug_frame: impl FnOnce() -> Option<&'f [u8]>,
    ) -> Option<Row<'f>> {
        if let Some((start, section)) = &self.eh_frame
            && let Some(row) = self.eh_row(*start, section, at)
        {
            return Some(row);
        }
        if let Some(row) = self.debug_row(at, debug_frame) {
            return Some(row);
        }
        self.exception_index.as_ref()?.row(at)
    }

    /// The row from `.debug_frame`.
    fn debug_row(
        &self,
        at: LinkAddr,
        debug_frame: impl FnOnce() -> Option<&'f [u8]>,
    ) -> Option<Row<'f>> {
        let section = self.debug_frame.get_or_init(|| {
            let bytes = debug_frame()?;
            let mut section = DebugFrame::from(EndianSlice::new(bytes, self.arch.order.of_dwarf()));
            section.set_address_size(self.arch.model().address_size);
            section.set_vendor(vendor(self.arch));
            Some(section)
        });
        let section = section.as_ref()?;
        let index = self.debug_index.get_or_init(|| index(section, &self.bases));
        let fde = indexed(section, index, &self.bases, at)?;
        read_row(self.arch, section, &self.bases, &fde, at)
    }

    /// Where the code that a row of `.eh_frame` describes begins: a function, or
    /// the part of it that the compiler moved away.
    pub(super) fn code_start(&self, at: LinkAddr) -> Option<LinkAddr> {
        let (start, section) = self.eh_frame.as_ref()?;
        self.eh_fde(*start, section, at).map(|fde| LinkAddr(fde.initial_address()))
    }

    /// The row from `.eh_frame`, which lies at `start`.
    fn eh_row(
        &self,
        start: LinkAddr,
        section: &EhFrame<Reader<'f>>,
        at: LinkAddr,
    ) -> Option<Row<'f>> {
        let fde = self.eh_fde(start, section, at)?;
        read_row(self.arch, section, &self.bases, &fde, at)
    }

    /// The entry of `.eh_frame` for the instruction at `at`.
    fn eh_fde(
        &self,
        start: LinkAddr,
        section: &EhFrame<Reader<'f>>,
        at: LinkAddr,
    ) -> Option<FrameDescriptionEntry<Reader<'f>>> {
        let fde_at = |entry: LinkAddr| {
            let offset = usize::try_from(entry.0.checked_sub(start.0)?).ok()?;
            let cie = EhFrame::cie_from_offset;
            section.fde_from_offset(&self.bases, offset.into(), cie).ok()
        };
        match self.table.as_ref().map(|table| table.entry(at).map(fde_at)) {
            // The search table is sound and has no such function.
            Some(None) => None,
            Some(Some(Some(fde))) => fde.contains(at.0).then_some(fde),
            // It is missing or damaged: read all entries once.
            Some(Some(None)) | None => {
                let index = self.eh_index.get_or_init(|| index(section, &self.bases));
                indexed(section, index, &self.bases, at)
            }
        }
    }
}

/// Whose private instructions a table may hold.
fn vendor(arch: Arch) -> Vendor {
    match arch.machine {
        Machine::Aarch64 => Vendor::AArch64,
        _ => Vendor::Default,
    }
}

/// Reads all entries of a section that has no search table, sorted by address.
/// Stops at the first broken one: nothing says where the next would begin.
fn index<'f, S>(section: &S, bases: &BaseAddresses) -> Vec<Entry>
where
    S: UnwindSection<Reader<'f>>,
{
    let mut found = Vec::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(fde) = partial.parse(S::cie_from_offset) else { continue };
        let (start, end) = (fde.initial_address(), fde.end_address());
        // Linkers leave entries of dropped functions behind, at zero.
        if start < end && start > 0 {
            found.push(Entry { start, end, offset: fde.offset() });
        }
    }
    found.sort_by_key(|entry| entry.start);
    found
}

fn indexed<'f, S>(
    section: &S,
    index: &[Entry],
    bases: &BaseAddresses,
    at: LinkAddr,
) -> Option<FrameDescriptionEntry<Reader<'f>>>
where
    S: UnwindSection<Reader<'f>>,
{
    let after = index.partition_point(|entry| entry.start <= at.0);
    let entry = index.get(after.checked_sub(1)?)?;
    if at.0 >= entry.end {
        return None;
    }
    section.fde_from_offset(bases, entry.offset.into(), S::cie_from_offset).ok()
}

/// Runs the function's instructions up to `at`.
fn read_row<'f, S>(
    arch: Arch,
    section: &S,
    bases: &BaseAddresses,
    fde: &FrameDescriptionEntry<Reader<'f>>,
    at: LinkAddr,
) -> Option<Row<'f>>
where
    S: UnwindSection<Reader<'f>>,
{
    let mut context = UnwindContext::new();
    let row = fde.unwind_info_for_address(section, bases, &mut context, at.0).ok()?;
    let cfa = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => Cfa::Register(*register, *offset),
        CfaRule::Expression(expression) => Cfa::Expression(expression.get(section).ok()?),
    };
    let rule = |register| {
        Some(match row.register(register) {
            None => Rule::Unstated,
            Some(RegisterRule::SameValue) => Rule::SameValue,
            Some(RegisterRule::Offset(offset)) => Rule::Offset(offset),
            Some(RegisterRule::ValOffset(offset)) => Rule::ValOffset(offset),
            Some(RegisterRule::Register(other)) => Rule::Register(other),
            Some(RegisterRule::Expression(place)) => Rule::Expression(place.get(section).ok()?),
            Some(RegisterRule::ValExpression(value)) => {
                Rule::ValExpression(value.get(section).ok()?)
            }
            Some(RegisterRule::Constant(value)) => Rule::Constant(value),
            // `Architectural` is defined by an augmentation that nobody has.
            Some(_) => Rule::Undefined,
        })
    };
    let rules = arch.unwound_registers().map(rule).collect::<Option<Vec<_>>>()?;
    Some(Row {
        cfa,
        rules,
        return_address: fde.cie().return_address_register(),
        is_signal_frame: fde.is_signal_trampoline(),
        encoding: fde.cie().encoding(),
    })
}
