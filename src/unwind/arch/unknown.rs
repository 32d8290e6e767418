//! An architecture whose stacks are not described: nothing leads from one frame
//! to the next.

use super::{BEFORE, Conventions};
use crate::base::data_model::ByteOrder;

pub(super) static CONVENTIONS: Conventions =
    Conventions { ends_with_call, frame_record: None, signal_frames: &[] };

fn ends_with_call(_code: [u8; BEFORE], _order: ByteOrder) -> bool {
    false
}
