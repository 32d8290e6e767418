//! `truncated-file`: a mapped file is shorter than its mapping.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::access;

pub(super) struct TruncatedFile;

impl Rule for TruncatedFile {
    fn id(&self) -> &'static str {
        "truncated-file"
    }

    fn doc(&self) -> &'static str {
        "A page of a mapped file was used that the file does not have: it was cut after it had \
         been mapped, or was never so long."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        /// `BUS_ADRERR`: there is no page behind the mapping.
        const BUS_ADRERR: i32 = 2;
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::BUS)?;
        if fault.code != Some(BUS_ADRERR) {
            return None;
        }
        let address = fault.address?;
        let mapping = scene.crash.process.mapping(address)?;
        let path = mapping.path.as_deref()?;
        let name = String::from_utf8_lossy(path);
        let offset =
            mapping.offset.0.saturating_add(address.0.saturating_sub(mapping.range.start.0));
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.95, "truncated file");
        finding.explanation = format!(
            "{}, because the mapped file {name} ends before offset {offset:#x}",
            access(fault.access().as_ref(), address)
        );
        finding.evidence.push(format!("{address} is in {}, a mapping of {name}", mapping.range));
        finding.evidence.push("BUS_ADRERR: the page does not exist behind the mapping".to_owned());
        finding.call = call;
        finding.next_step = Some(
            "look for who shortens the file while it is mapped, or for a full disk".to_owned(),
        );
        Some(finding)
    }
}
