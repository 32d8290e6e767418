//! Motorola 68000. Source: M68000 Family Programmer's Reference Manual, "JSR",
//! "BSR", "LINK".

use super::{BEFORE, Back, Conventions, FrameRecord};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(4), caller_sp: Some(8) }),
    signal_frames: &[],
};

fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    // With no, one and two more words of an operand.
    let [_, _, a, b, c, d, e, f] = code;
    let jsr = |high: u8, low: u8| high == 0x4e && low & 0xc0 == 0x80;
    jsr(e, f)
        || (e == 0x61 && f != 0 && f != 0xff)
        || jsr(c, d)
        || (c == 0x61 && d == 0)
        || jsr(a, b)
        || (a == 0x61 && b == 0xff)
}
