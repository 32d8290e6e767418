//! The 32-bit PowerPC. Sources: Power Architecture 32-bit ABI Supplement,
//! section 3.3.3; its calls are those of the 64-bit one.

use super::{Back, Conventions, FrameRecord, ppc64};

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call: ppc64::ends_with_call,
    frame_record: Some(FrameRecord { saved: 0, back: Back::Next(4), caller_sp: None }),
    signal_frames: &[],
};
