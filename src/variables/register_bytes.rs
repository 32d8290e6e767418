//! What a register of a frame held.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::Register;

use crate::dump::xstate::vector_registers;
use crate::unwind::frame::Trust;
use crate::variables::location::Activation;

/// Bytes of the largest vector register that we read.
const VECTOR_BYTES: usize = 32;

/// DWARF numbers of `xmm0` to `xmm15` and of `st0` to `st7` (System V psABI for
/// AMD64, figure 3.36).
const VECTOR: std::ops::RangeInclusive<u16> = 17..=32;
const X87: std::ops::RangeInclusive<u16> = 33..=40;

impl Activation<'_, '_, '_> {
    /// The bytes of a register in this frame, lowest first, or why they are
    /// not known.
    pub(super) fn register(&self, register: Register) -> Result<Vec<u8>, String> {
        let frame = self.frame().ok_or("the frame is missing")?;
        if let Some(word) = frame.registers.get(register) {
            return Ok(word.to_le_bytes().to_vec());
        }
        let number = register.0;
        let name = match frame.registers.arch().register_name(register) {
            Some(name) => name.to_owned(),
            None if VECTOR.contains(&number) => format!("xmm{}", number.saturating_sub(17)),
            None if X87.contains(&number) => format!("st{}", number.saturating_sub(33)),
            None => format!("register {number}"),
        };
        if self.index > 0 {
            return Err(format!("{name} was not saved by the called function"));
        }
        if frame.trust == Trust::Context
            && let Some(bytes) = self.vector_register(number)
        {
            return Ok(bytes);
        }
        Err(format!("{name} is not in the dump"))
    }

    /// A vector or floating-point register of the innermost frame.
    fn vector_register(&self, number: u16) -> Option<Vec<u8>> {
        let top = self.frame()?.registers;
        let arch = top.arch();
        let index = |register| arch.general_index(register);
        let (sp, pc) = (index(arch.stack_pointer())?, index(arch.return_address())?);
        // No two threads have the same stack.
        let mut threads = self.context.process.threads.iter();
        let known = threads.find_map(|thread| {
            let known = thread.registers.as_ref()?;
            let same = known.general.get(sp).copied() == top.sp().map(|sp| sp.0)
                && known.general.get(pc).copied() == top.pc().map(|pc| pc.0);
            same.then_some(known)
        })?;
        let vectors = vector_registers(&known.extended);
        if X87.contains(&number) {
            let index = usize::from(number.checked_sub(*X87.start())?);
            return vectors.x87.get(index).map(|bytes| bytes.to_vec());
        }
        if !VECTOR.contains(&number) {
            return None;
        }
        let index = usize::from(number.checked_sub(*VECTOR.start())?);
        let mut bytes = vectors.xmm.get(index)?.to_vec();
        if let Some(high) = vectors.ymm_high.get(index) {
            bytes.extend(high);
        }
        bytes.truncate(VECTOR_BYTES);
        Some(bytes)
    }
}
