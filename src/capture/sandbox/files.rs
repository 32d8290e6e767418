//! Which files may be read.

use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

/// From now on only what is below `places` can be opened, to be read; those that
/// do not exist are passed over. No network, no signals to others. Returns
/// whether the kernel can do all of that.
///
/// # Errors
///
/// When the kernel refuses what it should be able to.
pub(super) fn only_below(places: &[PathBuf]) -> io::Result<bool> {
    restrict(places).map_err(io::Error::other)
}

fn restrict(places: &[PathBuf]) -> Result<bool, RulesetError> {
    let all = ABI::V6;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(all))?
        .handle_access(AccessNet::from_all(all))?
        .scope(Scope::from_all(all))?;
    let mut ruleset = ruleset.create()?;
    for place in places {
        let Ok(opened) = PathFd::new(place) else { continue };
        let is_directory = place.is_dir();
        let access = match is_directory {
            true => AccessFs::ReadFile | AccessFs::ReadDir,
            false => AccessFs::ReadFile.into(),
        };
        ruleset = ruleset.add_rule(PathBeneath::new(opened, access))?;
    }
    let status = ruleset.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}
