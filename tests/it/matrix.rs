//! Every fixture in every build, seen by every command: what it expects is so.

use crate::each_fixture::each_fixture;
use crate::support::builds::Build;
use crate::support::examination::examination;
use crate::support::fixture::Fixture;
use crate::support::report_check::complaints;

each_fixture!(explains);

fn explains(fixture: &Fixture) {
    let mut wrong = Vec::new();
    for build in Build::all(fixture) {
        let seen = examination(fixture, build);
        match &seen.report {
            Ok(report) => wrong.extend(complaints(fixture, build, report)),
            Err(error) => wrong.push(format!("{} {build}: {error}", fixture.name)),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
