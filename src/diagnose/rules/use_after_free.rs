//! `use-after-free`: what was followed lies in a block that was freed.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::bad_value::{BadValue, bad_value};
use crate::diagnose::culprit::variable_with;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::bytes;
use crate::heap::{Block, List, State};

/// Below this a link is not distinctive: an address of the first 256 MiB,
/// shifted.
const SMALLEST_LINK: u64 = 0x1_0000;

pub(super) struct UseAfterFree;

impl Rule for UseAfterFree {
    fn id(&self) -> &'static str {
        "use-after-free"
    }

    fn doc(&self) -> &'static str {
        "A pointer was read from a block of the heap that had been freed, and followed: what the \
         allocator writes into free blocks was taken for it."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a fault through a bad pointer, or a call of one, that the code just before loaded from a \
             block that the allocator has among its free ones",
            "a bad pointer that equals the allocator's link in a free block, also as mangled since \
             glibc 2.32",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        if !matches!(fault.signal, Signal::SEGV | Signal::BUS) {
            return None;
        }
        let bad = bad_value(scene, fault)?;
        let (place, block, how) = freed(scene, &bad)?;
        let confidence = match &how {
            How::Loaded => 0.96,
            How::SameLink => 0.85,
        };
        let mut finding = Finding::new(self.id(), confidence, "use after free");
        let size = bytes(block.size);
        let name = bad.name.as_ref().map(|name| format!("`{name}`"));
        let what = name.clone().unwrap_or_else(|| format!("the pointer {:#x}", bad.value));
        let why = match (&name, how) {
            (Some(name), How::Loaded) => {
                format!("because {name} lies in a block of {size} that was freed")
            }
            (None, How::Loaded) => {
                let frame = fault.frame;
                let pointer = variable_with(scene, frame, block.start.0);
                let to = pointer.map(|name| format!(", to which `{name}` points"));
                let to = to.unwrap_or_default();
                format!("because that was read from a block of {size} that was freed{to}")
            }
            (_, How::SameLink) => {
                format!("very likely because {what} comes from a block of {size} that was freed")
            }
        };
        finding.explanation = format!("{}, {why}", bad.words);
        finding.evidence.push(format!(
            "{what} was read at {place}, {} into the freed block at {}",
            bytes(place.0.saturating_sub(block.start.0)),
            block.start
        ));
        let freed = scene.heaps().freed_at(block.start);
        if let Some(freed) = freed.filter(|freed| freed.link == bad.value) {
            let (value, list) = (bad.value, freed.list.name());
            let is_mangled = freed.list != List::Bin && value != 0;
            let mangled =
                if is_mangled { ", mangled as glibc does since 2.32 or plain" } else { "" };
            finding
                .evidence
                .push(format!("{value:#x} is the allocator's own link of its {list}{mangled}"));
        }
        finding.evidence.extend(bad.evidence);
        finding.call = bad.call;
        finding.severity = Severity::High;
        finding.next_step = Some(format!("find who freed it too early: {ASK_SANITIZER}"));
        Some(finding)
    }
}

enum How {
    /// The code loaded it from there.
    Loaded,
    /// The block's link has the same value.
    SameLink,
}

fn freed(scene: &Scene<'_, '_>, bad: &BadValue) -> Option<(RunAddr, Block, How)> {
    let heaps = scene.heaps();
    let in_freed = |place: RunAddr| {
        let block = heaps.block(place)?;
        let is_inside = u64::try_from(block.offset).is_ok_and(|offset| offset < block.size);
        let is_freed = matches!(block.state, State::Free(_)) && is_inside;
        is_freed.then_some((place, block, How::Loaded))
    };
    if let Some(found) = bad.places.iter().find_map(|place| in_freed(*place)) {
        return Some(found);
    }
    // Where the load was seen, the link of another block says nothing.
    if bad.is_loaded || bad.value < SMALLEST_LINK {
        return None;
    }
    let freed = heaps.freed().iter().find(|freed| freed.link == bad.value)?;
    let block = heaps.block(freed.start)?;
    Some((freed.start, block, How::SameLink))
}
