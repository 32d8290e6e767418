//! The 31-bit predecessor of the z/Architecture, with the same calls.

use super::{Conventions, s390x};

pub(super) static CONVENTIONS: Conventions =
    Conventions { ends_with_call: s390x::ends_with_call, frame_record: None, signal_frames: &[] };
