//! `poisoned-pointer`: a pattern was followed that marks memory as freed, or as
//! never set.

use crate::base::signal::Signal;
use crate::diagnose::bad_value::bad_value;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::{ASK_SANITIZER, Rule};
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::hedge;

/// What a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Freed,
    NeverSet,
    Either,
}

/// Bytes that fill a word, and who fills memory with them.
const FILLS: &[(u8, Says, &str)] = &[
    (
        0xdd,
        Says::Freed,
        "memory debuggers of CPython and of Microsoft's C library fill freed memory with it",
    ),
    (
        0xcd,
        Says::NeverSet,
        "memory debuggers of CPython and of Microsoft's C library fill new memory with it",
    ),
    (0x5a, Says::Freed, "jemalloc fills freed memory with it when told to (`junk`)"),
    (0xa5, Says::NeverSet, "jemalloc fills new memory with it when told to (`junk`)"),
    (0xe5, Says::Freed, "Firefox's allocator fills freed memory with it"),
    (0x6b, Says::Freed, "Linux fills freed memory of its own with it"),
    (0xbe, Says::NeverSet, "AddressSanitizer fills new memory with it"),
    (0xab, Says::Either, "allocators fill memory with it, new or freed"),
    (
        0xfe,
        Says::Either,
        "allocators and automatic initialization of variables fill memory with it",
    ),
    (
        0xaa,
        Says::NeverSet,
        "compilers fill variables with it that are not set (-ftrivial-auto-var-init)",
    ),
    (0xfa, Says::Either, "AddressSanitizer marks what surrounds blocks with it"),
    (
        0xfd,
        Says::Either,
        "memory debuggers of CPython and of Microsoft's C library mark what surrounds blocks with it",
    ),
    (0xef, Says::Freed, "allocators fill freed memory with it"),
];

/// Words of 32 bits that programmers write over what is gone.
const MARKS: &[(u32, &str)] = &[
    (0xdead_beef, "the usual mark for memory that is gone; Go's `clobberfree` writes it, too"),
    (0xdead_dead, "a mark for memory that is gone; Go's `clobberdead` writes it"),
    (0xfeee_feee, "a mark for freed memory"),
    (0xbaad_f00d, "a mark for memory that was never set"),
    (0xdead_c0de, "a mark for memory that is gone"),
    (0xbad0_bad0, "a mark for memory that is gone"),
    (0xdead_babe, "a mark for memory that is gone"),
    (0xfeed_face, "a mark for memory that is gone"),
];

/// How far from the pattern an address may lead: members and elements.
const NEAR: u64 = 64 << 10;

pub(super) struct PoisonedPointer;

impl Rule for PoisonedPointer {
    fn id(&self) -> &'static str {
        "poisoned-pointer"
    }

    fn doc(&self) -> &'static str {
        "A pattern was used as a pointer with which allocators, debug builds and programs mark \
         memory that was freed, or that was never set."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a bad address, or the register that it was computed from, that is a known pattern, or at \
             most 64 KiB past one: 0xdeadbeef, 0xdddddddd, 0xcdcdcdcd, 0x5a5a5a5a, 0xabababab, 0x6b6b6b6b ...",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        if !matches!(fault.signal, Signal::SEGV | Signal::BUS) {
            return None;
        }
        let bad = bad_value(scene, fault)?;
        let pattern = pattern(bad.value)?;
        // A mapping there makes an address of it.
        if scene.crash.process.mapping(crate::base::addr::RunAddr(bad.value)).is_some() {
            return None;
        }
        let confidence = if pattern.is_text { 0.6 } else { 0.85 };
        let mut finding = Finding::new(self.id(), confidence, "pattern used as a pointer");
        let held = match &bad.name {
            Some(name) => format!("`{name}` is {:#x}", bad.value),
            None => format!("the pointer is {:#x}", bad.value),
        };
        let says = match pattern.says {
            Says::Freed => "memory that was freed",
            Says::NeverSet => "memory that was never set",
            Says::Either => "memory that was freed or never set",
        };
        finding.explanation =
            format!("{}: {held}, {}the mark of {says}", bad.words, hedge(confidence));
        let value = pattern.value;
        finding.evidence.push(format!("{value:#x} is a pattern: {}", pattern.who));
        finding.evidence.extend(bad.evidence);
        finding.call = bad.call;
        finding.severity = Severity::High;
        finding.next_step = Some(match pattern.says {
            Says::NeverSet => format!("find where it should have been set: {ASK_SANITIZER}"),
            _ => format!("find who freed it too early: {ASK_SANITIZER}"),
        });
        Some(finding)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pattern {
    /// The pattern itself, without what was added to it.
    value: u64,
    says: Says,
    who: &'static str,
    /// Whether it could be text as well.
    is_text: bool,
}

/// The pattern that a value is, or is a little past of.
fn pattern(value: u64) -> Option<Pattern> {
    let near = |pattern: u64| (pattern..=pattern.saturating_add(NEAR)).contains(&value);
    let fills = FILLS.iter().find_map(|(byte, says, who)| {
        let fill = u64::from_le_bytes([*byte; 8]);
        let fits = near(fill);
        fits.then_some(Pattern { value: fill, says: *says, who, is_text: byte.is_ascii_graphic() })
    });
    fills.or_else(|| {
        MARKS.iter().find_map(|(mark, who)| {
            let mark = u64::from(*mark);
            let value = [mark, mark << 32 | mark, 0xffff_ffff << 32 | mark]
                .into_iter()
                .find(|pattern| near(*pattern))?;
            Some(Pattern { value, says: Says::Freed, who, is_text: false })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("a mark", 0xdead_beef, Some(0xdead_beef)),
            ("twice, and a member", 0xdead_beef_dead_bf00, Some(0xdead_beef_dead_beef)),
            ("sign-extended", 0xffff_ffff_dead_beef, Some(0xffff_ffff_dead_beef)),
            ("a fill", 0xcdcd_cdcd_cdcd_cde5, Some(0xcdcd_cdcd_cdcd_cdcd)),
            ("too far", 0xdddd_dddd_ddde_dddf, None),
            ("an address", 0x7fff_dddd_dddd, None),
            ("text", 0x4847_4645_4443_4241, None),
            ("null", 0, None),
            ("minus one", u64::MAX, None),
        ];
        for (name, value, want) in cases {
            assert_eq!(pattern(value).map(|pattern| pattern.value), want, "{name}");
        }
    }
}
