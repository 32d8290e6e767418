//! Vector and floating-point registers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// The vector and floating-point registers of one x86-64 thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorRegisters {
    /// `st0` to `st7`: 80 bits each, least significant byte first.
    pub x87: Vec<[u8; 10]>,
    /// `xmm0` to `xmm15`, least significant byte first.
    pub xmm: Vec<[u8; 16]>,
    /// The upper halves of `ymm0` to `ymm15`, where the processor has them and
    /// their place is certain.
    pub ymm_high: Vec<[u8; 16]>,
    /// The SSE control and status register.
    pub mxcsr: Option<u32>,
}

/// State components of `XSTATE_BV` and `XCR0`.
const X87: u64 = 1;
const SSE: u64 = 2;
const AVX: u64 = 4;

/// Reads an `NT_X86_XSTATE` or `NT_PRFPREG` note.
///
/// Layout: the 512 bytes that FXSAVE writes (`u32 mxcsr` at 24, `st0` at 32,
/// `xmm0` at 160, 16 bytes apart), with a copy of `XCR0` at 464, put there by
/// Linux; then, in `NT_X86_XSTATE` only, `u64 XSTATE_BV` at 512 and the upper
/// halves of `ymm` at 576. A component whose bit in `XSTATE_BV` is clear is in
/// its initial state, zero, **whatever its bytes say**. Sources: Intel SDM
/// volume 1, sections 10.5.1 and 13.4; Linux `arch/x86/include/asm/user.h`,
/// `struct user_xstateregs`.
///
/// Registers whose bytes are not there are left out.
pub fn vector_registers(note: &[u8]) -> VectorRegisters {
    let word = |at: usize| {
        let bytes = note.get(at..at.saturating_add(8))?;
        bytes.try_into().ok().map(u64::from_le_bytes)
    };
    // The legacy area alone is always in use.
    let in_use = word(512).unwrap_or(X87 | SSE);
    let enabled = word(512).and_then(|_| word(464)).unwrap_or(X87 | SSE);
    VectorRegisters {
        x87: registers(note, 32, 8, in_use & X87 != 0),
        xmm: registers(note, 160, 16, in_use & SSE != 0),
        ymm_high: if enabled & AVX != 0 {
            registers(note, 576, 16, in_use & AVX != 0)
        } else {
            Vec::new()
        },
        mxcsr: note.get(24..28).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes),
    }
}

/// `count` registers of `N` bytes, 16 bytes apart from `at` on.
fn registers<const N: usize>(note: &[u8], at: usize, count: usize, in_use: bool) -> Vec<[u8; N]> {
    let area = note.get(at..).unwrap_or_default();
    let read = |register: &[u8]| register.get(..N)?.try_into().ok();
    let found = area.chunks_exact(16).take(count).filter_map(read);
    found.map(|register| if in_use { register } else { [0; N] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(len: usize, xcr0: u64, in_use: u64) -> Vec<u8> {
        let mut bytes = vec![0x11; len];
        bytes[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
        if len > 512 {
            bytes[464..472].copy_from_slice(&xcr0.to_le_bytes());
            bytes[512..520].copy_from_slice(&in_use.to_le_bytes());
        }
        bytes[160] = 0xab;
        bytes
    }

    #[test]
    fn components_in_their_initial_state_are_zero() {
        let legacy = vector_registers(&note(512, 0, 0));
        assert_eq!((legacy.x87.len(), legacy.xmm.len(), legacy.ymm_high.len()), (8, 16, 0));
        assert_eq!(legacy.xmm[0][0], 0xab);
        assert_eq!(legacy.mxcsr, Some(0x1f80));

        let idle = vector_registers(&note(832, 7, 0));
        assert_eq!(idle.xmm, vec![[0; 16]; 16], "the bytes of an idle component are stale");
        assert_eq!(idle.ymm_high, vec![[0; 16]; 16]);

        let busy = vector_registers(&note(832, 7, 6));
        assert_eq!((busy.xmm[0][0], busy.ymm_high[15]), (0xab, [0x11; 16]));
        assert_eq!(busy.x87[0], [0; 10]);
    }

    #[test]
    fn what_is_cut_is_left_out() {
        let cut = vector_registers(&note(512, 0, 0)[..200]);
        assert_eq!((cut.x87.len(), cut.xmm.len()), (8, 2));
        assert_eq!(vector_registers(&[]), VectorRegisters::default());
    }
}
