//! The loop that code stands in: found by its branch back.

use crate::base::addr::{FrameAddr, RunAddr, RunRange};
use crate::base::memory::Memory;
use crate::diagnose::instruction::{Instruction, Isa};
use crate::symbols::Symbols;

/// Bytes of code behind an instruction that are searched for the branch.
const MOST_BYTES: usize = 4 << 10;

/// Loops longer than this are none that one would look at.
const LONGEST: u64 = 16 << 10;

/// Instructions of a loop whose lines are asked for.
const MOST_LINES: usize = 256;

/// The innermost loop around an instruction: from the target of the nearest
/// branch back over it to the end of that branch. Code of other functions that
/// lies behind does not branch back over it.
pub fn loop_around(memory: &dyn Memory, isa: Isa, at: RunAddr) -> Option<RunRange> {
    let mut code = vec![0; MOST_BYTES];
    let got = memory.read(at, &mut code);
    let instructions = Instruction::decode_all(isa, at, code.get(..got)?);
    instructions.iter().find_map(|instruction| {
        let target = instruction.branch_target()?;
        let length = at.0.checked_sub(target.0)?;
        (length < LONGEST).then_some(RunRange { start: target, end: instruction.end() })
    })
}

/// The file and the first and last line of a loop, of the function that it is
/// in itself; of inlined functions the lines where they are called.
pub fn lines(
    symbols: &Symbols<'_>,
    memory: &dyn Memory,
    isa: Isa,
    range: RunRange,
) -> Option<(String, u32, u32)> {
    let mut code = vec![0; usize::try_from(range.len().min(LONGEST)).ok()?];
    let got = memory.read(range.start, &mut code);
    let instructions = Instruction::decode_all(isa, range.start, code.get(..got)?);
    let mut found: Option<(String, u32, u32)> = None;
    for instruction in instructions.iter().take(MOST_LINES) {
        let calls = symbols.calls(FrameAddr::Pc(instruction.at));
        let Some(place) = calls.last().and_then(|call| call.place.as_ref()) else { continue };
        let Some(line) = place.line else { continue };
        match &mut found {
            Some((file, first, last)) if *file == place.file => {
                *first = line.min(*first);
                *last = line.max(*last);
            }
            Some(_) => (),
            None => found = Some((place.file.clone(), line, line)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn loops() {
        // 0x1000: inc %eax; cmp $9,%eax; jne 0x1000; ret
        let simple: &[u8] = &[0xff, 0xc0, 0x83, 0xf8, 0x09, 0x75, 0xf9, 0xc3];
        // 0x1000: nop; 0x1001: nop; jmp 0x1001; jmp 0x1000
        let nested: &[u8] = &[0x90, 0x90, 0xeb, 0xfd, 0xeb, 0xfa];
        let straight: &[u8] = &[0x90, 0x90, 0xc3];
        let cases: [(&str, &[u8], u64, Option<(u64, u64)>); 5] = [
            ("in the middle", simple, 2, Some((0, 7))),
            ("at the branch itself", simple, 5, Some((0, 7))),
            ("the inner one", nested, 1, Some((1, 4))),
            ("only the outer one", nested, 0, Some((0, 6))),
            ("none", straight, 0, None),
        ];
        for (name, code, at, want) in cases {
            let rest = &code[at as usize..];
            let found = loop_around(&Bytes(0x1000 + at, rest), Isa::Amd64, RunAddr(0x1000 + at));
            let found = found.map(|it| (it.start.0 - 0x1000, it.end.0 - 0x1000));
            assert_eq!(found, want, "{name}");
        }
    }
}
