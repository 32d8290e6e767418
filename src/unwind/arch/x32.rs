//! AMD64 with addresses of 32 bits: the stack of AMD64.

use super::{Conventions, x86_64};

pub(super) static CONVENTIONS: Conventions = Conventions {
    ends_with_call: x86_64::ends_with_call,
    frame_record: x86_64::CONVENTIONS.frame_record,
    signal_frames: &[],
};
