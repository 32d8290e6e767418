//! The 32-bit x86: its calls are those of AMD64. Source: System V psABI for
//! i386, section 2.2.2. The trampolines are described by unwind tables.

use super::{Back, Conventions, FrameRecord, x86_64};

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call: x86_64::ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Here(4), caller_sp: Some(8) }),
    signal_frames: &[],
};
