//! AMD64. Sources: Intel SDM volume 2, "CALL"; System V psABI for AMD64, section
//! 3.2.2, figure 3.3. The trampoline is described by unwind tables.

use super::{BEFORE, Back, Conventions, FrameRecord};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(8), caller_sp: Some(16) }),
    signal_frames: &[],
};

/// `E8 rel32`, or `FF /2` with any addressing form.
pub(super) fn ends_with_call(code: [u8; BEFORE], _order: ByteOrder) -> bool {
    let [_, b0, b1, b2, b3, b4, b5, b6] = code;
    // The `reg` field of ModRM is 2; `mod` and `rm` give the length.
    let form = |modrm: u8, mode: u8| modrm >> 3 & 7 == 2 && modrm >> 6 == mode;
    let has_sib = |modrm: u8| modrm & 7 == 4;
    let is_rip_relative = |modrm: u8| modrm & 0xc7 == 0x05;
    b2 == 0xe8
        || (b5 == 0xff && (form(b6, 3) || form(b6, 0) && !has_sib(b6) && !is_rip_relative(b6)))
        || (b4 == 0xff && (form(b5, 1) && !has_sib(b5) || form(b5, 0) && has_sib(b5)))
        || (b3 == 0xff && form(b4, 1) && has_sib(b4))
        || (b1 == 0xff && (form(b2, 2) && !has_sib(b2) || form(b2, 0) && is_rip_relative(b2)))
        || (b0 == 0xff && (form(b1, 2) && has_sib(b1) || form(b1, 0) && has_sib(b1)))
}
