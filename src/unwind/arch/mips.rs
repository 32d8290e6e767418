//! MIPS of 32 and 64 bits. Source: MIPS Architecture For Programmers, volume
//! II, "JAL", "JALR", "BAL": a call returns behind the instruction that follows
//! it. Code keeps no chain of frame pointers.

use super::{BEFORE, Conventions, word_before};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions =
    Conventions { ends_with_call, frame_record: None, signal_frames: &[] };

fn ends_with_call(code: [u8; BEFORE], order: ByteOrder) -> bool {
    let call = word_before(code, order);
    call >> 26 == 3 || call & 0xfc1f_f83f == 0x0000_f809 || call & 0xffff_0000 == 0x0411_0000
}
