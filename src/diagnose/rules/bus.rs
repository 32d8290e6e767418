//! `truncated-file` and `broken-memory`: memory that is mapped, but not there.

use crate::base::signal::Signal;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::file_name;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, because};

const BUS_ADRERR: i32 = 2;
const BUS_MCEERR_AR: i32 = 4;
const BUS_MCEERR_AO: i32 = 5;

pub(super) struct TruncatedFile;

impl Rule for TruncatedFile {
    fn id(&self) -> &'static str {
        "truncated-file"
    }

    fn doc(&self) -> &'static str {
        "A page of a mapped file does not exist: the file became shorter after it was mapped, or \
         its file system had no room or could not read it."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGBUS with BUS_ADRERR in a mapping of a file, and the place in that file"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = bus_fault(scene).filter(|fault| fault.code == Some(BUS_ADRERR))?;
        let at = fault.address?;
        let mapping = scene.crash.process.mapping(at)?;
        // Memory without a file has no end to miss, save that of huge pages.
        let path = mapping.path.as_deref().filter(|path| !path.is_empty())?;
        let offset = at.0.saturating_sub(mapping.range.start.0).saturating_add(mapping.offset.0);
        let mut finding = Finding::new(self.id(), 0.93, "page beyond the end of a file");
        let name = file_name(path);
        let cause = format!("the file is shorter than what is mapped of it: {name}");
        let what = access(fault.access().as_ref(), at);
        finding.explanation = format!("{what}{}", because(finding.confidence, &cause));
        let path = String::from_utf8_lossy(path);
        finding.evidence.push(format!("the address is byte {offset} of {path}"));
        finding.evidence.push(format!("the mapping is {}", mapping.range));
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.next_step = Some(
            "replace files by renaming instead of truncating them; check for a full or failing \
             disk, too"
                .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct BrokenMemory;

impl Rule for BrokenMemory {
    fn id(&self) -> &'static str {
        "broken-memory"
    }

    fn doc(&self) -> &'static str {
        "The hardware reported that memory is broken: not the program's fault."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGBUS with BUS_MCEERR_AR or BUS_MCEERR_AO"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = bus_fault(scene)?;
        if !matches!(fault.code, Some(BUS_MCEERR_AR | BUS_MCEERR_AO)) {
            return None;
        }
        let at = fault.address?;
        let mut finding = Finding::new(self.id(), 0.99, "broken memory");
        finding.explanation = format!("the hardware reported broken memory at {at}");
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        finding.severity = Severity::Info;
        finding.next_step = Some("look into the kernel's log, and test the memory".to_owned());
        Some(finding)
    }
}

fn bus_fault<'s>(scene: &'s Scene<'_, '_>) -> Option<&'s Fault> {
    scene.fault.as_ref().filter(|fault| fault.signal == Signal::BUS)
}
