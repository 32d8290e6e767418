//! The command line, as the kernel put it above the main stack.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;

/// `AT_RANDOM`: 16 bytes that lie just above the auxiliary vector.
const AT_RANDOM: u64 = 25;

/// More pointers than this are no command line: `execve(2)` allows a quarter
/// of the stack limit, 2 MiB by default, for them and their text.
const MOST_POINTERS: u64 = 1 << 18;

/// Bytes of one argument kept.
const LONGEST: usize = 4096;

/// Finds the arguments of the process, one element each; `None` when its
/// stack does not hold them any more.
///
/// The stack at the start, from low to high addresses: `argc`, pointers to the
/// arguments, a null word, pointers to the environment, a null word, the
/// auxiliary vector, then their text. The search goes backwards from the
/// vector, which is known from its note. Source: Linux `fs/binfmt_elf.c`,
/// `create_elf_tables()`.
pub(super) fn arguments(auxv: &[(u64, u64)], memory: &dyn Memory) -> Option<Vec<Vec<u8>>> {
    let random = auxv.iter().find(|(kind, _)| *kind == AT_RANDOM).map(|(_, at)| *at)?;
    let model = memory.model();
    let (order, size) = (model.order, usize::from(model.address_size));
    let word = |number: u64| order.bytes(u128::from(number), size);
    let vector: Vec<u8> =
        auxv.iter().flat_map(|(kind, value)| [word(*kind), word(*value)].concat()).collect();

    // The vector ends some hundred bytes below AT_RANDOM's: padding and the
    // platform's name lie between.
    let window = (vector.len() as u64).saturating_add(2048);
    let start = random.checked_sub(window)? & !model.word().wrapping_sub(1);
    let mut bytes = vec![0; usize::try_from(window).ok()?];
    let found = memory.read(RunAddr(start), &mut bytes);
    let found = bytes.get(..found)?;
    let at = (0..found.len())
        .step_by(size)
        .find(|at| found.get(*at..).is_some_and(|rest| rest.starts_with(&vector)))?;
    let vector_at = start.checked_add(at as u64)?;

    // Two lists of pointers, each closed by a null word, then the count.
    let mut below = vector_at;
    let mut next = || {
        below = below.checked_sub(model.word())?;
        memory.word(RunAddr(below)).ok()
    };
    // The null words after the environment's pointers and after the arguments'.
    if next()? != 0 {
        return None;
    }
    let mut environment = 0;
    while next()? != 0 {
        environment += 1;
        if environment > MOST_POINTERS {
            return None;
        }
    }
    let mut pointers = Vec::new();
    loop {
        let word = next()?;
        // `argc` is the first word that equals the number of pointers above it.
        if word == pointers.len() as u64 {
            break;
        }
        if pointers.len() as u64 >= MOST_POINTERS {
            return None;
        }
        pointers.push(word);
    }
    pointers.reverse();
    pointers.iter().map(|at| Some(memory.text(RunAddr(*at), LONGEST).ok()?.0)).collect()
}
